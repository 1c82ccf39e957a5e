"""The goal classifier: what it learns, how it is weighed, and its oracle."""

import numpy as np
from scipy.optimize import minimize

from tcn_robot.rewards import ClassifierReward


def test_equals_a_logistic_regression_by_hand(encoder, demos):
    """Balanced logistic loss with a penalty, minimised by SciPy on standardised embeddings."""
    reward = ClassifierReward.fit(encoder, demos, views=("front",), inverse_penalty=0.5)
    films = [encoder.embed(demo["front"]).astype(float) for demo in demos]
    rows = np.concatenate(films)
    labels = np.concatenate([np.arange(len(film)) >= len(film) - 3 for film in films])
    mean, deviation = rows.mean(axis=0), rows.std(axis=0)
    deviation[deviation == 0] = 1.0
    scaled = (rows - mean) / deviation
    weights = np.where(labels, 0.5 / labels.mean(), 0.5 / (1 - labels.mean()))

    def loss(theta):
        logits = scaled @ theta[:3] + theta[3]
        terms = np.logaddexp(0, np.where(labels, -logits, logits))
        return 0.5 * theta[:3] @ theta[:3] + 0.5 * (weights * terms).sum()

    best = minimize(loss, np.zeros(4), method="BFGS", options={"gtol": 1e-9}).x
    expected = 1 / (1 + np.exp(-(scaled @ best[:3] + best[3])))
    found = np.concatenate([reward.score_episode({"front": demo["front"]}) for demo in demos])
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_the_goal_is_told_from_the_way_there(encoder, demos):
    reward = ClassifierReward.fit(encoder, demos)
    for demo in demos:
        scores = reward.score_episode(demo)
        assert scores[-1] > 0.8
        assert scores[: len(scores) // 2].max() < 0.5
        assert ((scores >= 0) & (scores <= 1)).all()


def test_one_frame_each_tells_nothing(encoder, film):
    reward = ClassifierReward.fit(encoder, [{"front": film([100])}, {"front": film([200])}])
    np.testing.assert_allclose(reward.score_episode({"front": film([0, 255])}), 0.5)


def test_goal_frames_are_half_of_a_short_demonstration_at_most(encoder, film):
    reward = ClassifierReward.fit(encoder, [{"front": film([0, 0, 200, 200])}], goal_frames=50)
    scores = reward.score_episode({"front": film([0, 200])})
    assert scores[0] < 0.5 < scores[1]


def test_calibration_is_learnt_from_too(encoder, film, demos):
    more = [{"front": film([[0, 250, 0], [0, 0, 250]]), "left": film([1, 2])}]
    assert not np.array_equal(
        ClassifierReward.fit(encoder, demos, calibration=more).weights["front"],
        ClassifierReward.fit(encoder, demos).weights["front"],
    )

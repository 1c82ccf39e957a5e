"""The distance to the goal against its formula."""

import numpy as np
import pytest

from tcn_robot.errors import UserError
from tcn_robot.rewards import GoalReward


def test_equals_the_formula_with_the_scale_from_the_starts(encoder, film, demos):
    reward = GoalReward.fit(encoder, demos, views=("front",))
    embedded = [encoder.embed(demo["front"]).astype(float) for demo in demos]
    goal = np.mean([film_[-1] for film_ in embedded], axis=0)
    scale = 1 / np.mean([np.linalg.norm(film_[0] - goal) for film_ in embedded])
    episode = film(np.random.default_rng(0).integers(0, 256, size=(12, 3)))
    expected = [-scale * np.linalg.norm(w - goal) for w in encoder.embed(episode).astype(float)]
    np.testing.assert_allclose(reward.score_episode({"front": episode}), expected, rtol=1e-5)


def test_demonstrations_start_at_minus_one_and_end_near_zero(encoder, demos):
    reward = GoalReward.fit(encoder, demos)
    scores = [reward.score_episode(demo) for demo in demos]
    assert np.mean([score[0] for score in scores]) == pytest.approx(-1.0, abs=1e-5)
    assert all(-0.1 < score[-1] <= 0.0 for score in scores)
    assert all((np.diff(score) > 0).all() for score in scores)


def test_calibration_sets_the_scale_only(encoder, film, demos):
    withheld = [{"front": film([[125, 0, 0], [250, 0, 0]]), "left": film([[0, 0, 125]])}]
    reward = GoalReward.fit(encoder, demos, calibration=withheld)
    plain = GoalReward.fit(encoder, demos)
    np.testing.assert_array_equal(reward.goals["front"], plain.goals["front"])
    assert reward.scales["front"] == pytest.approx(2 * plain.scales["front"], rel=0.01)
    assert reward.score_episode({"front": withheld[0]["front"]})[0] == pytest.approx(-1.0, abs=1e-5)


def test_fixed_scale(encoder, demos):
    reward = GoalReward.fit(encoder, demos, scale=0.25, units="raw")
    assert set(reward.scales.values()) == {0.25}
    calibrated, half = GoalReward.fit(encoder, demos), GoalReward.fit(encoder, demos, scale=0.5)
    assert half.scales["left"] == pytest.approx(0.5 * calibrated.scales["left"])
    for bad in (0.0, -1.0, float("nan")):
        with pytest.raises(UserError, match="scale above 0"):
            GoalReward.fit(encoder, demos, scale=bad)

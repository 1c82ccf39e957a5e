"""The TCN paper's reward against its formula."""

import math

import numpy as np
import pytest

from tcn_robot.errors import UserError
from tcn_robot.rewards import TrajectoryReward


def reward_by_formula(w, v, alpha=0.5, beta=0.5, gamma=1e-3):
    squared = sum((float(a) - float(b)) ** 2 for a, b in zip(w, v, strict=True))
    return -alpha * squared - beta * math.sqrt(gamma + squared)


def embed(colours):
    return (np.asarray(colours, dtype=np.float64) / 255).astype(np.float32)


def random_colours(seed, length):
    return np.random.default_rng(seed).integers(0, 256, size=(length, 3))


@pytest.mark.parametrize("hold_steps", [1, 3])
def test_frame_by_frame_equals_the_formula_and_holds_the_end(encoder, film, hold_steps):
    shown, done = random_colours(0, 8), random_colours(1, 30)
    reward = TrajectoryReward.fit(
        encoder, [{"front": film(shown)}], alpha=0.3, beta=0.7, gamma=0.01, hold_steps=hold_steps
    )
    expected = [
        reward_by_formula(
            embed(done[t]), embed(shown[min(t // hold_steps, 7)]), alpha=0.3, beta=0.7, gamma=0.01
        )
        for t in range(30)
    ]
    np.testing.assert_allclose(reward.score_episode({"front": film(done)}), expected, rtol=1e-5)


def test_defaults_are_those_of_the_known_use(encoder, film):
    reward = TrajectoryReward.fit(encoder, [{"front": film([10, 20])}])
    config = reward.config
    assert (config.alpha, config.beta, config.gamma) == (0.5, 0.5, 1e-3)
    best = reward.score_episode({"front": film([10, 20])})
    np.testing.assert_allclose(best, -0.5 * math.sqrt(1e-3), rtol=1e-5)


def monotone_by_loop(done, shown, window):
    position, rewards = 0, []
    for w in done:
        candidates = [min(position + k, len(shown) - 1) for k in range(window + 1)]
        scores = [reward_by_formula(w, shown[c]) for c in candidates]
        best = max(range(len(scores)), key=lambda k: (scores[k], -k))
        position = candidates[best]
        rewards.append(scores[best])
    return rewards


@pytest.mark.parametrize("window", [1, 4])
def test_monotone_equals_the_loop(encoder, film, window):
    shown, done = random_colours(2, 15), random_colours(3, 25)
    reward = TrajectoryReward.fit(
        encoder, [{"front": film(shown)}], alignment="monotone", window=window
    )
    np.testing.assert_allclose(
        reward.score_episode({"front": film(done)}),
        monotone_by_loop(embed(done), embed(shown), window),
        rtol=1e-5,
    )


def test_monotone_follows_another_speed_and_never_goes_back(encoder, film):
    shown = np.linspace(0, 250, 26)
    reward = TrajectoryReward.fit(encoder, [{"front": film(shown)}], alignment="monotone")
    best = -0.5 * math.sqrt(1e-3)
    slow_with_pause = np.concatenate([np.repeat(shown[:10], 3), np.repeat(shown[10:], 2)])
    np.testing.assert_allclose(
        reward.score_episode({"front": film(slow_with_pause)}), best, atol=1e-4
    )
    there_and_back = np.concatenate([shown[:20], shown[:20][::-1]])
    scores = reward.score_episode({"front": film(there_and_back)})
    np.testing.assert_allclose(scores[:20], best, atol=1e-4)
    assert (np.diff(scores[21:]) < 0).all()


def test_first_scored_frame_is_that_after_the_first_action(encoder, film):
    shown = np.linspace(0, 250, 26)
    reward = TrajectoryReward.fit(encoder, [{"front": film(shown)}])
    reward.reset(np.ones(1, dtype=bool), next_frame=1)
    best = -0.5 * math.sqrt(1e-3)
    for t in range(1, 26):
        assert reward.step({"front": film(shown[t : t + 1])})[0] == pytest.approx(best, abs=1e-4)


def test_median_demonstration_and_a_given_one(encoder, demos):
    reward = TrajectoryReward.fit(encoder, demos)
    assert len(reward.reference["front"]) == 26
    assert len(TrajectoryReward.fit(encoder, demos[:2]).reference["front"]) == 26
    assert len(TrajectoryReward.fit(encoder, demos, demo_index=2).reference["left"]) == 11
    with pytest.raises(UserError, match="demo_index 3"):
        TrajectoryReward.fit(encoder, demos, demo_index=3)


def test_number_of_environments_may_not_change_silently(encoder, demos, film):
    reward = TrajectoryReward.fit(encoder, demos)
    reward.step({"front": film([1, 2])})
    with pytest.raises(UserError, match="2 environments, found 3"):
        reward.step({"front": film([1, 2, 3])})
    reward.reset(np.zeros(3, dtype=bool))
    assert reward.step({"front": film([1, 2, 3])}).shape == (3,)


def test_bad_options(encoder, demos):
    for options, message in [
        ({"alignment": "monoton"}, "did you mean 'monotone'"),
        ({"alpha": -1.0}, "0 or more"),
        ({"gamma": float("nan")}, "0 or more"),
        ({"window": 0}, "1 or more"),
        ({"hold_steps": 0}, "1 or more"),
        ({"betta": 1.0}, "did you mean 'beta'"),
    ]:
        with pytest.raises(UserError, match=message):
            TrajectoryReward.fit(encoder, demos, **options)

"""Potential-based shaping: the sum telescopes, and what is best stays best."""

import numpy as np
import pytest

from tcn_robot.errors import UserError
from tcn_robot.rewards import MixtureReward, ProgressReward, ShapingReward
from tcn_robot.rewards.shaping import shaped


def test_discounted_sum_telescopes(encoder, film, demos):
    reward = ShapingReward.fit(encoder, demos, discount=0.9, potential="progress")
    potential = ProgressReward.fit(encoder, demos)
    colours = np.random.default_rng(0).integers(0, 256, size=(30, 3))
    episode = {"front": film(colours), "left": film(colours)}
    phi = potential.score_episode(episode).astype(float)
    reward.begin({view: frames[:1] for view, frames in episode.items()}, np.array([True]))
    scores = [
        float(reward.step({view: frames[t : t + 1] for view, frames in episode.items()})[0])
        for t in range(1, 30)
    ]
    total = sum(0.9**t * score for t, score in enumerate(scores))
    assert total == pytest.approx(0.9**29 * phi[29] - phi[0], abs=1e-5)
    assert scores[0] == pytest.approx(0.9 * phi[1] - phi[0], abs=1e-6)


def best_policy(rewards, transitions, discount):
    """Value iteration on rewards (S, A, S) and transitions (S, A, S) -> values, actions."""
    values = np.zeros(len(rewards))
    for _ in range(2000):
        values_of_actions = (transitions * (rewards + discount * values)).sum(axis=2)
        values = values_of_actions.max(axis=1)
    return values, values_of_actions.argmax(axis=1)


@pytest.mark.parametrize("seed", range(5))
def test_the_best_policy_stays_the_best(seed):
    """An oracle of its own: value iteration on a random decision process, with and without."""
    generator = np.random.default_rng(seed)
    transitions = generator.dirichlet(np.ones(6), size=(6, 3))
    rewards = generator.normal(size=(6, 3, 6))
    potentials = generator.uniform(0, 5, size=6).astype(np.float32)
    pairs = np.array([shaped(potentials, np.full(6, phi), 0.9) for phi in potentials])  # (S, S')
    values, actions = best_policy(rewards, transitions, 0.9)
    shaped_values, shaped_actions = best_policy(rewards + pairs[:, None, :], transitions, 0.9)
    np.testing.assert_array_equal(shaped_actions, actions)
    np.testing.assert_allclose(shaped_values, values - potentials, atol=1e-4)
    # The test can fail: another discount changes the values by more than the potential.
    wrong = np.array([shaped(potentials, np.full(6, phi), 0.5) for phi in potentials])
    others, _ = best_policy(rewards + wrong[:, None, :], transitions, 0.9)
    assert not np.allclose(others, values - potentials, atol=1e-2)


def test_without_its_first_frame_an_episode_begins_at_zero(encoder, film, demos):
    reward = ShapingReward.fit(encoder, demos, views=("front",))
    reward.reset(np.ones(2, dtype=bool))
    assert (reward.step({"front": film([0, 200])}) == 0.0).all()
    second = reward.step({"front": film([100, 100])})
    assert (second != 0.0).all()
    reward.reset(np.array([True, False]))
    third = reward.step({"front": film([200, 200])})
    assert third[0] == 0.0
    assert third[1] != 0.0


def test_another_number_of_environments_is_refused(encoder, film, demos):
    reward = ShapingReward.fit(encoder, demos, views=("front",))
    reward.step({"front": film([1, 2])})
    with pytest.raises(UserError, match="2 environments, found 3"):
        reward.step({"front": film([1, 2, 3])})


def test_mixture_weighs_the_learned_part(encoder, film, demos):
    reward = MixtureReward.fit(encoder, demos, learned="progress", learned_weight=0.25)
    plain = ProgressReward.fit(encoder, demos)
    episode = {"front": film(np.arange(0, 250, 10))}
    np.testing.assert_allclose(
        reward.score_episode(episode), 0.25 * plain.score_episode(episode), rtol=1e-6
    )
    assert reward.sparse_weight == 1.0

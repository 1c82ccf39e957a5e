"""Every optimiser finds what it is asked for, repeats itself, and keeps off NumPy's generator."""

import numpy as np
import pytest

from tcn_robot.policies.few_trials.controllers import controller_basis
from tcn_robot.policies.few_trials.optimisers.path_integrals import (
    costs_to_go,
    mean_update,
    probabilities,
    step_weights,
)
from tcn_robot.policies.few_trials.optimisers.pi2 import Pi2, Pi2Options
from tcn_robot.policies.few_trials.optimisers.table import OPTIMISERS

STEPS, ACTIONS = 20, 2
BASIS = controller_basis("path", STEPS, 2)
GOAL = np.array([3.0, -2.0, 1.0, 0.5])


def rewards_of(parameters):
    """Reward every step by how near the parameters are to the goal, (N, P) -> (N, H)."""
    distances = np.square(parameters - GOAL).sum(axis=1)
    return np.repeat(-distances[:, None], STEPS, axis=1) / STEPS


def run(name, seed=0, iterations=40, score=rewards_of):
    optimiser = OPTIMISERS[name](BASIS, ACTIONS, 10, 2.0, np.random.default_rng(seed))
    asked = []
    for _ in range(iterations):
        asked.append(optimiser.ask())
        optimiser.tell(asked[-1], score(asked[-1]))
    return optimiser, np.stack(asked)


@pytest.mark.parametrize("name", OPTIMISERS)
def test_it_finds_the_middle_of_a_bowl(name):
    optimiser, asked = run(name)
    assert asked.shape == (40, 10, 4)
    assert np.linalg.norm(optimiser.mean - GOAL) < 0.2 * np.linalg.norm(GOAL)


@pytest.mark.parametrize("name", OPTIMISERS)
def test_the_same_seed_gives_the_same_bits_and_another_one_others(name):
    first, second, other = (run(name, seed, 5)[1] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("name", OPTIMISERS)
def test_numpys_own_generator_is_left_alone(name):
    before = np.random.get_state()[1].copy()  # noqa: NPY002 - it is what is asked about
    run(name, iterations=3)
    after = np.random.get_state()[1]  # noqa: NPY002 - as above
    np.testing.assert_array_equal(after, before)


@pytest.mark.parametrize("name", OPTIMISERS)
def test_rewards_that_say_nothing_do_no_harm(name):
    optimiser, asked = run(name, iterations=6, score=lambda tried: np.zeros((len(tried), STEPS)))
    assert np.isfinite(asked).all()
    assert np.isfinite(optimiser.mean).all()
    assert asked[-1].std() > 0.1  # it has not stopped looking


@pytest.mark.parametrize("name", OPTIMISERS)
def test_the_mean_that_is_handed_out_is_a_copy(name):
    optimiser, _ = run(name, iterations=1)
    before = optimiser.mean
    optimiser.mean[:] = 99.0
    np.testing.assert_array_equal(optimiser.mean, before)


def test_per_step_credit_spares_what_acted_before_the_fault():
    """Costs of the second half say nothing of functions that acted in it alone, and so on.

    Two knots: with costs only in the first step, the last knot is noise to the whole return,
    but its own costs to go are all equal: per step its mean stays where the noise averages to.
    """
    basis = np.zeros((STEPS, 2))
    basis[: STEPS // 2, 0] = basis[STEPS // 2 :, 1] = 1.0
    generator = np.random.default_rng(0)
    tried = generator.normal(size=(10, 2))
    rewards = np.zeros((10, STEPS))
    rewards[:, 0] = -np.square(tried[:, 0] - 1.0)
    moved = {}
    for name in ("pi2", "pi2-bb"):
        optimiser = OPTIMISERS[name](basis, 1, 10, 1.0, np.random.default_rng(0))
        optimiser.tell(tried, rewards)
        moved[name] = optimiser.mean
    assert moved["pi2"][1] == pytest.approx(tried[:, 1].mean())
    assert moved["pi2-bb"][1] != pytest.approx(tried[:, 1].mean())


@pytest.mark.parametrize("reused", [0, 1, 3, 100])
def test_the_best_rollouts_so_far_are_weighed_with_the_new_ones(reused):
    """Against all rollouts of three iterations, sorted by hand."""
    options = Pi2Options(reused=reused)
    optimiser = Pi2(BASIS, ACTIONS, 6, 1.0, np.random.default_rng(0), options)
    generator = np.random.default_rng(1)
    seen: list[tuple[float, np.ndarray, np.ndarray]] = []
    for _ in range(3):
        tried, mean = generator.normal(size=(6, 4)), optimiser.mean
        rewards = generator.normal(size=(6, STEPS))
        old = sorted(seen, key=lambda rollout: -rollout[0])[:reused]
        told = [(row.sum(), one, row) for one, row in zip(tried, rewards, strict=True)]
        noise = np.stack([one - mean for _, one, _ in [*told, *old]])
        costs = costs_to_go(-np.stack([row for _, _, row in [*told, *old]]))
        shares = probabilities(costs, options.sharpness)
        expected = mean + mean_update(shares, noise, step_weights(BASIS, ACTIONS))
        optimiser.tell(tried, rewards)
        np.testing.assert_allclose(optimiser.mean, expected)
        seen += told


@pytest.mark.parametrize("name", ["pi2", "pi2-bb"])
def test_a_lone_good_rollout_is_not_forgotten(name):
    """After one lucky rollout all others earn nothing; the mean still goes there."""
    optimiser = OPTIMISERS[name](BASIS, ACTIONS, 10, 1.0, np.random.default_rng(0))
    lucky = optimiser.ask()
    rewards = np.zeros((10, STEPS))
    rewards[3] = 1.0
    optimiser.tell(lucky, rewards)
    for _ in range(5):
        optimiser.tell(optimiser.ask(), np.zeros((10, STEPS)))
    assert np.linalg.norm(optimiser.mean - lucky[3]) < 0.1 * np.linalg.norm(lucky[3])

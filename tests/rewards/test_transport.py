"""Optimal transport against a linear programme, its conditions and closed forms."""

import numpy as np
import pytest
from scipy.optimize import linprog

from tcn_robot.rewards.transport import (
    band_mask,
    context_costs,
    transport_plan,
    transport_scores,
)


def optimal_cost(costs, mask):
    """The least cost of any plan within the mask, by a linear programme."""
    frames, shown = costs.shape
    sums = np.zeros((frames + shown, frames * shown))
    for t in range(frames):
        sums[t, t * shown : (t + 1) * shown] = 1.0
    for j in range(shown):
        sums[frames + j, j::shown] = 1.0
    masses = np.concatenate([np.full(frames, 1 / frames), np.full(shown, 1 / shown)])
    bounds = [(0.0, None if allowed else 0.0) for allowed in mask.reshape(-1)]
    found = linprog(costs.reshape(-1), A_eq=sums, b_eq=masses, bounds=bounds)
    assert found.status == 0
    return found.fun


@pytest.mark.parametrize(("frames", "shown", "band"), [(6, 6, 2), (8, 5, 1), (4, 9, 0), (7, 7, 99)])
def test_small_regularisation_reaches_the_linear_programme(frames, shown, band):
    costs = np.random.default_rng(frames).uniform(size=(frames, shown))
    mask = band_mask(frames, shown, band)
    plan = transport_plan(costs, mask, epsilon=0.01, iterations=3000)
    np.testing.assert_allclose(plan.sum(axis=0), 1 / shown, rtol=0.02)
    np.testing.assert_allclose(plan.sum(axis=1), 1 / frames, atol=1e-12)
    assert (plan[~mask] == 0.0).all()
    assert (plan * costs).sum() == pytest.approx(optimal_cost(costs, mask), abs=0.01)


def test_plan_has_the_form_of_the_entropic_optimum():
    """Where nothing is masked, log(plan) + costs / epsilon is a sum of a row and a column."""
    costs = np.random.default_rng(1).uniform(size=(5, 7))
    plan = transport_plan(costs, np.ones((5, 7), dtype=bool), epsilon=0.3, iterations=500)
    potentials = np.log(plan) + costs / 0.3
    additive = potentials[:, :1] + potentials[:1] - potentials[0, 0]
    np.testing.assert_allclose(potentials, additive, atol=1e-8)


def test_equal_costs_spread_the_mass_evenly():
    plan = transport_plan(np.full((3, 4), 2.0), np.ones((3, 4), dtype=bool), epsilon=0.1)
    np.testing.assert_allclose(plan, 1 / 12, rtol=1e-12)


@pytest.mark.parametrize(("frames", "shown"), [(1, 1), (1, 6), (6, 1), (5, 5), (3, 8), (11, 4)])
def test_every_band_admits_a_plan(frames, shown):
    for band in (0, 1, 3):
        mask = band_mask(frames, shown, band)
        optimal_cost(np.ones((frames, shown)), mask)  # a plan exists
        expected = np.zeros((frames, shown), dtype=bool)
        for t in range(frames):
            for j in range(shown):
                near = [
                    other
                    for other in range(shown)
                    if other * frames < (t + 1) * shown and (other + 1) * frames > t * shown
                ]
                expected[t, j] = any(abs(j - other) <= band for other in near)
        np.testing.assert_array_equal(mask, expected)


def test_band_of_equal_lengths_is_the_papers():
    t, j = np.indices((9, 9))
    np.testing.assert_array_equal(band_mask(9, 9, 2), abs(t - j) <= 2)


def test_context_is_the_mean_of_earlier_pairs():
    costs = np.random.default_rng(2).uniform(size=(6, 5))
    found = context_costs(costs, 3)
    for t in range(6):
        for j in range(5):
            pairs = [costs[max(t - h, 0), max(j - h, 0)] for h in range(3)]
            assert found[t, j] == pytest.approx(np.mean(pairs))
    np.testing.assert_array_equal(context_costs(costs, 1), costs)


def test_scores_of_the_same_film_are_the_best():
    places = np.linspace(0, 1, 12)
    same = abs(places[:, None] - places)
    scores = transport_scores(same, band=2, context=1, epsilon=5e-3, iterations=300)
    np.testing.assert_allclose(scores, 0.0, atol=1e-2)
    backwards = transport_scores(same[::-1], band=2, context=1, epsilon=5e-3, iterations=300)
    assert backwards.sum() < scores.sum() - 3
    # Without order all frames are found again, which is what the band is against.
    unordered = transport_scores(same[::-1], band=12, context=1, epsilon=5e-3, iterations=300)
    np.testing.assert_allclose(unordered, 0.0, atol=0.02)

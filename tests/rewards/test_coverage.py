"""Ordered coverage against the paper's recurrence, in plain loops and by enumeration."""

from itertools import combinations_with_replacement

import numpy as np
import pytest

from tcn_robot.rewards.coverage import cover


def covered_by_loop(similarities):
    """C of the paper, (T, J), and A, what is covered before j times being at j now."""
    moments, shown = similarities.shape
    covered = np.zeros((moments, shown))
    here = np.zeros((moments, shown))
    for t in range(moments):
        for j in range(shown):
            before = 1.0 if j == 0 else covered[t, j - 1]
            here[t, j] = before * similarities[t, j]
            covered[t, j] = max(covered[t - 1, j] if t else 0.0, here[t, j])
    return covered, here


def covered_by_search(similarities, j):
    """The best of all ways to give the frames 0 to j moments that never go back."""
    moments = range(len(similarities))
    return max(
        np.prod([similarities[t, i] for i, t in enumerate(way)])
        for way in combinations_with_replacement(moments, j + 1)
    )


def run(similarities):
    covered = np.full((1, similarities.shape[1]), np.inf)
    found = []
    for row in similarities:
        costs = -np.log(row)[None]
        covered, before = cover(covered, costs)
        found.append((np.exp(-covered[0]), np.exp(-before[0] - costs[0])))
    return tuple(np.array(part) for part in zip(*found, strict=True))


@pytest.mark.parametrize("seed", range(5))
def test_equals_the_recurrence(seed):
    similarities = np.random.default_rng(seed).uniform(0.01, 1.0, size=(12, 7))
    for found, expected in zip(run(similarities), covered_by_loop(similarities), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_equals_the_best_of_all_ordered_ways():
    similarities = np.random.default_rng(9).uniform(0.01, 1.0, size=(4, 5))
    covered, _ = run(similarities)
    for j in range(5):
        assert covered[-1, j] == pytest.approx(covered_by_search(similarities, j), rel=1e-10)


def test_shown_in_the_wrong_order_is_not_covered():
    right = np.full((3, 3), 0.1)
    np.fill_diagonal(right, 1.0)
    assert run(right)[0][-1, -1] == pytest.approx(1.0)
    assert run(right[::-1])[0][-1, -1] == pytest.approx(0.01)


def test_what_is_covered_stays_covered_and_one_moment_may_cover_all():
    similarities = np.array([[1.0, 1.0, 1.0], [0.1, 0.1, 0.1]])
    covered, here = run(similarities)
    np.testing.assert_allclose(covered, 1.0)
    np.testing.assert_allclose(here[-1], 0.1)


def test_rows_are_independent_and_the_input_stays():
    generator = np.random.default_rng(3)
    before, costs = generator.uniform(0, 3, (2, 6, 4))
    kept = before.copy(), costs.copy()
    together = cover(before, costs)
    for row in range(6):
        alone = cover(before[row : row + 1], costs[row : row + 1])
        for one, all_ in zip(alone, together, strict=True):
            np.testing.assert_array_equal(one[0], all_[row])
    np.testing.assert_array_equal(before, kept[0])
    np.testing.assert_array_equal(costs, kept[1])


def test_long_films_far_away_stay_finite():
    covered = np.full((1, 500), np.inf)
    for _ in range(3):
        covered, before = cover(covered, np.full((1, 500), 1e6))
    assert np.isfinite(covered).all()
    assert covered[0, -1] == pytest.approx(500e6)
    assert before[0, 0] == 0.0

"""Smoothing against a loop, neighbours against the metrics, alignment against its definition."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from tcn_robot.errors import UserError
from tcn_robot.metrics import MetricInputError, nearest_neighbours
from tcn_robot.plots import alignment
from tcn_robot.plots.alignment import align_to, dtw_path
from tcn_robot.plots.neighbour_film import located
from tcn_robot.plots.neighbours import find_neighbours, smoothed


@pytest.mark.parametrize("window", [1, 2, 5, 50])
def test_smoothing_is_the_mean_over_the_window(window):
    array = np.random.default_rng(0).normal(size=(17, 3))
    found = smoothed(array, window)
    for i in range(17):
        rows = [array[j] for j in range(i - window, i + window) if 0 <= j < 17]
        np.testing.assert_allclose(found[i], sum(rows) / len(rows), atol=1e-12)


def test_smoothing_leaves_what_it_should():
    array = np.random.default_rng(0).normal(size=(6, 2))
    np.testing.assert_array_equal(smoothed(array, 0), array)
    np.testing.assert_allclose(smoothed(np.ones((6, 2)), 3), 1)
    assert smoothed(array[:1], 5).shape == (1, 2)
    with pytest.raises(UserError, match="smoothing window"):
        smoothed(array, -1)


def test_neighbours_are_those_of_the_metrics():
    generator = np.random.default_rng(1)
    queries = generator.integers(0, 3, size=(30, 2)).astype(np.float32)
    targets = generator.integers(0, 3, size=(25, 2)).astype(np.float32)
    found = find_neighbours(queries, targets)
    marked = nearest_neighbours(queries, targets)
    np.testing.assert_array_equal(found.ties, marked.sum(axis=1))
    np.testing.assert_array_equal(found.index, marked.argmax(axis=1))
    np.testing.assert_allclose(found.distance, cdist(queries, targets).min(axis=1), atol=1e-12)
    assert found.ties.max() > 1


def test_a_collapsed_embedding_ties_with_everything():
    found = find_neighbours(np.ones((3, 4)), np.ones((7, 4)))
    assert found.ties.tolist() == [7, 7, 7]


def test_neighbours_are_found_in_their_films():
    targets = np.arange(10.0)[:, None]
    found = located("x", find_neighbours([[0.1], [3.9], [4.2], [8.8]], targets), [4, 1, 5])
    assert found.target.tolist() == [0, 1, 1, 2]
    assert found.frame.tolist() == [0, 0, 0, 4]


def cheapest(u, v):
    """The dynamic programme of Sakoe and Chiba, cell by cell: (cost, path)."""
    cost = cdist(u, v, "sqeuclidean")
    total = np.full((len(u) + 1, len(v) + 1), np.inf)
    total[0, 0] = 0
    for i in range(len(u)):
        for j in range(len(v)):
            before = min(total[i, j], total[i, j + 1], total[i + 1, j])
            total[i + 1, j + 1] = cost[i, j] + before
    i, j = len(u) - 1, len(v) - 1
    path = [(i, j)]
    while (i, j) != (0, 0):
        steps = [(i - 1, j - 1), (i - 1, j), (i, j - 1)]
        i, j = min(steps, key=lambda step: total[step[0] + 1, step[1] + 1])
        path.append((i, j))
    return total[-1, -1], path[::-1]


@pytest.mark.parametrize("lengths", [(1, 1), (1, 6), (9, 9), (12, 7), (8, 20)])
def test_dtw_is_the_dynamic_programme(lengths):
    generator = np.random.default_rng(sum(lengths))
    u, v = (generator.normal(size=(length, 3)) for length in lengths)
    cost, path = cheapest(u, v)
    found = dtw_path(u, v)
    assert found.tolist() == [list(cell) for cell in path]
    along = cdist(u, v, "sqeuclidean")[found[:, 0], found[:, 1]].sum()
    assert along == pytest.approx(cost, abs=1e-12)


def test_a_slower_film_is_followed():
    u = np.arange(8.0)[:, None]
    v = np.repeat(u, 3, axis=0)
    assert align_to(u, v, "dtw").tolist() == [1, 4, 7, 10, 13, 16, 19, 22]
    assert align_to(v, u, "dtw").tolist() == np.repeat(np.arange(8), 3).tolist()
    assert align_to(u, v, "nearest").tolist() == [0, 3, 6, 9, 12, 15, 18, 21]
    assert align_to(v, u[:3], "none").tolist() == [0, 1, *[2] * 22]


def test_dtw_never_goes_back_where_nearest_does():
    u = np.array([0.0, 1, 2, 1, 0, 3])[:, None]
    v = np.array([0.0, 1, 2, 3])[:, None]
    assert (np.diff(align_to(u, v, "nearest")) < 0).any()
    assert (np.diff(align_to(u, v, "dtw")) >= 0).all()


def test_films_that_cannot_be_aligned_are_refused(monkeypatch):
    with pytest.raises(MetricInputError, match="one dimension"):
        dtw_path(np.ones((3, 2)), np.ones((3, 4)))
    with pytest.raises(MetricInputError, match="NaN"):
        align_to(np.full((3, 2), np.nan), np.ones((3, 2)), "nearest")
    monkeypatch.setattr(alignment, "MOST_PAIRS", 8)
    with pytest.raises(UserError, match="too much memory"):
        dtw_path(np.ones((3, 2)), np.ones((3, 2)))

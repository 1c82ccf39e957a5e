"""Recall at k against a loop over all orders of equidistant frames, closed forms, the controls."""

import itertools
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from tcn_robot.errors import UserError
from tcn_robot.metrics import alignment_accuracy, class_recall, moment_recall


def hit_by_orders(position, gallery, right, k):
    """The mean over every order of the gallery of a hit among the k nearest (stable sort)."""
    hits, orders = 0, 0
    for order in itertools.permutations(range(len(gallery))):
        nearest = sorted(order, key=lambda j: abs(position - gallery[j]))[:k]
        hits += any(right[j] for j in nearest)
        orders += 1
    return hits / orders


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 4), min_size=5, max_size=5),
    st.lists(st.integers(0, 4), min_size=5, max_size=5),
    st.integers(1, 5),
    st.integers(0, 2),
)
def test_moments_equal_a_loop_over_all_orders(u, v, k, tolerance):
    found = moment_recall(
        np.array(u, float)[:, None], np.array(v, float)[:, None], (k,), tolerance
    )[k]
    expected = [
        hit_by_orders(u[t], v, [abs(t - s) <= tolerance for s in range(5)], k) for t in range(5)
    ]
    np.testing.assert_allclose(found.per_query, expected, rtol=0, atol=1e-12)
    by_chance = [
        hit_by_orders(0, [0] * 5, [abs(t - s) <= tolerance for s in range(5)], k) for t in range(5)
    ]
    assert found.chance == pytest.approx(np.mean(by_chance), abs=1e-12)
    assert found.recall == pytest.approx(np.mean(expected), abs=1e-12)


FRAME = st.tuples(st.integers(0, 4), st.integers(0, 2), st.integers(0, 2))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(FRAME, min_size=3, max_size=7).filter(lambda x: len({f[2] for f in x}) > 1),
    st.integers(1, 3),
)
def test_classes_equal_a_loop_over_all_orders(frames, k):
    positions, classes, episodes = zip(*frames, strict=True)
    others = [[j for j, e in enumerate(episodes) if e != episode] for episode in episodes]
    k = min(k, *(len(there) for there in others))
    found = class_recall(np.array(positions, float)[:, None], classes, episodes, (k,))[k]
    expected = [
        hit_by_orders(
            positions[i],
            [positions[j] for j in there],
            [classes[j] == classes[i] for j in there],
            k,
        )
        for i, there in enumerate(others)
    ]
    np.testing.assert_allclose(found.per_query, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", ["normal", "states", "almost collapsed"])
def test_long_episodes_equal_all_distances_at_once(kind):
    rng = np.random.default_rng(0)
    u, v = {
        "normal": lambda: rng.normal(size=(2, 90, 3)),
        "states": lambda: rng.normal(size=(4, 3))[rng.integers(4, size=(2, 90))],
        "almost collapsed": lambda: 1 + 1e-7 * rng.normal(size=(2, 90, 3)),
    }[kind]()
    u, v = u.astype(np.float32), v.astype(np.float32)
    distances = cdist(u.astype(float), v.astype(float))
    tolerance = 8 * np.finfo(np.float32).eps * max(np.linalg.norm(x, axis=1).max() for x in (u, v))
    for k, found in moment_recall(u, v, (1, 4, 30), 2).items():
        for t, row in enumerate(distances):
            away = row - np.sort(row)[k - 1]
            nearer, level = away < -tolerance, np.abs(away) <= tolerance
            right = np.abs(np.arange(90) - t) <= 2
            left, drawn = int(level.sum()), k - int(nearer.sum())
            missed = comb(left - int((level & right).sum()), drawn) / comb(left, drawn)
            expected = 1.0 if (nearer & right).any() else 1 - missed
            assert found.per_query[t] == pytest.approx(expected, rel=0, abs=1e-12)


def test_one_search_serves_every_k():
    u, v = np.random.default_rng(0).integers(0, 3, size=(2, 40, 2)).astype(np.float32)
    together = moment_recall(u, v, (1, 5, 10))
    for k, recall in together.items():
        assert recall.recall == moment_recall(u, v, (k,))[k].recall
    assert together[1].recall <= together[5].recall <= together[10].recall


def test_the_first_is_the_accuracy():
    u, v = np.random.default_rng(0).integers(0, 4, size=(2, 30, 2)).astype(float)
    both = (moment_recall(u, v)[1].recall + moment_recall(v, u)[1].recall) / 2
    assert both == pytest.approx(alignment_accuracy(u, v, 1), abs=1e-12)


@pytest.mark.parametrize("k", [1, 5, 10])
def test_a_collapsed_embedding_scores_chance(k):
    collapsed = np.full((50, 4), 0.3, np.float32)
    found = moment_recall(collapsed, collapsed, (k,), tolerance=0)[k]
    assert found.recall == pytest.approx(k / 50, abs=1e-12) == found.chance
    classes, episodes = np.tile([0, 0, 0, 1], 10), np.repeat(range(4), 10)
    rare = class_recall(collapsed[:40], classes, episodes, (k,))[k]
    assert rare.recall == pytest.approx(rare.chance, abs=1e-12)
    # One of four is of class 1, and how many of those another episode has differs by one.
    expected = []
    for i, own in enumerate(classes):
        there = classes[episodes != episodes[i]]
        expected.append(1 - comb(int((there != own).sum()), k) / comb(30, k))
    assert rare.chance == pytest.approx(np.mean(expected), abs=1e-12)


def test_perfect_reversed_and_never_found():
    line = np.arange(21.0)[:, None]
    assert moment_recall(line, line, (1, 5))[1].recall == 1
    # Of the reversed line only the middle frame and its neighbours are within one frame.
    assert moment_recall(line, line[::-1], (1,))[1].recall == pytest.approx(1 / 21)
    found = class_recall(line[:4], ["a", "a", "b", "c"], [0, 1, 0, 1], (1,))[1]
    np.testing.assert_array_equal(found.per_query[2:], 0)  # b and c are in one episode each
    assert (
        class_recall(line[:4], [0, 1, 0, 1], [0, 0, 1, 1], (2,), distance="cosine")[2].recall == 1
    )


def test_bad_input_is_one_line():
    line = np.arange(6.0)[:, None]
    for ks in ((), (0,), (1, 7)):
        with pytest.raises(UserError, match="k of 1 to 6, the frames to look among"):
            moment_recall(line, line, ks)
    with pytest.raises(UserError, match="one length, found 6 and 5"):
        moment_recall(line, line[:5], (1,))
    with pytest.raises(UserError, match="tolerance of 0 frames or more"):
        moment_recall(line, line, (1,), -1)
    with pytest.raises(UserError, match="2 episodes or more, found 1"):
        class_recall(line, range(6), [0] * 6, (1,))
    with pytest.raises(UserError, match=r"classes: expected one per frame"):
        class_recall(line, range(5), [0, 0, 0, 1, 1, 1], (1,))

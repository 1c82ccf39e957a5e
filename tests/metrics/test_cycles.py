"""Cycle consistency against a loop, closed forms and the controls."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcn_robot.errors import UserError
from tcn_robot.metrics import (
    chance_alignment_accuracy,
    cycles,
    nearest_neighbours,
    three_way_cycle_consistency,
    two_way_cycle_consistency,
)

LINE = np.linspace(0, 1, 30)[:, None]


def nearest(frame, episode):
    """All nearest frames, by a loop."""
    distances = [abs(frame - other) for other in episode]
    return [i for i, d in enumerate(distances) if d <= min(distances)]


def back(t, path):
    """Where frame t of the first episode ends with which probability, by a loop over paths."""
    ends = {t: 1.0}
    for here, there in itertools.pairwise(path):
        after = {}
        for frame, share in ends.items():
            found = nearest(here[frame], there)
            for one in found:
                after[one] = after.get(one, 0.0) + share / len(found)
        ends = after
    return ends


def returned(t, path, tolerance):
    return sum(share for end, share in back(t, path).items() if abs(end - t) <= tolerance)


EPISODE = st.lists(st.integers(0, 8), min_size=1, max_size=9)


@given(EPISODE, EPISODE, EPISODE, st.integers(0, 2))
def test_equal_to_a_loop_over_all_paths(u, v, w, tolerance):
    a, b, c = (np.array(one, float)[:, None] for one in (u, v, w))
    two = np.mean([returned(t, (u, v, u), tolerance) for t in range(len(u))])
    assert two_way_cycle_consistency(a, b, tolerance) == pytest.approx(two, abs=1e-12)
    three = np.mean(
        [
            returned(t, (u, v, w, u), tolerance) * returned(t, (u, w, v, u), tolerance)
            for t in range(len(u))
        ]
    )
    assert three_way_cycle_consistency(a, b, c, tolerance) == pytest.approx(three, abs=1e-12)


def by_matrices(path, tolerance):
    """Each frame's share that comes back, by dense matrices."""
    shares = np.eye(len(path[0]))
    for here, there in itertools.pairwise(path):
        ties = nearest_neighbours(here, there)
        shares = shares @ (ties / ties.sum(axis=1, keepdims=True))
    frames = np.arange(len(shares))
    return (shares * (np.abs(frames[:, None] - frames) <= tolerance)).sum(axis=1)


@pytest.mark.parametrize("block_elements", [1, 100, 2**19])
@pytest.mark.parametrize("num_values", [1, 4, 1000])
def test_equal_to_matrices_of_longer_episodes(block_elements, num_values, monkeypatch):
    monkeypatch.setattr(cycles, "BLOCK_ELEMENTS", block_elements)
    rng = np.random.default_rng(num_values)
    u, v, w = (rng.integers(num_values, size=(n, 1)).astype(np.float32) for n in (60, 45, 70))
    two = by_matrices((u, v, u), 2).mean()
    assert two_way_cycle_consistency(u, v, 2) == pytest.approx(two, abs=1e-12)
    three = (by_matrices((u, v, w, u), 2) * by_matrices((u, w, v, u), 2)).mean()
    assert three_way_cycle_consistency(u, v, w, 2) == pytest.approx(three, abs=1e-12)


@pytest.mark.parametrize("tolerance", [0, 1, 5])
def test_the_same_episode_closes_every_cycle(tolerance):
    assert two_way_cycle_consistency(LINE, LINE, tolerance) == 1
    assert three_way_cycle_consistency(LINE, LINE, LINE, tolerance) == 1


def test_cosine_forgets_lengths():
    arc = np.concatenate([np.cos(LINE), np.sin(LINE)], axis=1)
    scaled = arc * np.random.default_rng(0).uniform(0.1, 10, size=(30, 1))
    assert two_way_cycle_consistency(arc, scaled, 0, distance="cosine") == 1
    assert three_way_cycle_consistency(arc, scaled, arc, 0, distance="cosine") == 1
    assert two_way_cycle_consistency(arc, scaled, 0) < 1


def test_a_reversed_episode_is_not_noticed():
    assert two_way_cycle_consistency(LINE, LINE[::-1]) == 1
    assert three_way_cycle_consistency(LINE, LINE[::-1], LINE) == 1


@pytest.mark.parametrize("tolerance", [0, 1, 3])
def test_a_collapsed_embedding_scores_chance(tolerance):
    collapsed = np.ones((30, 4), np.float32)
    chance = chance_alignment_accuracy(30, tolerance)
    assert two_way_cycle_consistency(collapsed, collapsed[:11], tolerance) == pytest.approx(chance)
    within = [sum(abs(t - s) <= tolerance for s in range(30)) / 30 for t in range(30)]
    found = three_way_cycle_consistency(collapsed, collapsed[:11], collapsed[:7], tolerance)
    assert found == pytest.approx(np.mean(np.square(within)))


def test_random_embeddings_score_like_a_random_way():
    generator = np.random.default_rng(0)
    scores = [
        two_way_cycle_consistency(*generator.normal(size=(2, 40, 64)), tolerance=0)
        for _ in range(30)
    ]
    # Mutual neighbours are a little more frequent than chance, and far from all.
    assert 1 / 40 < np.mean(scores) < 0.5


def test_one_frame_comes_back_and_bad_input_is_refused():
    assert two_way_cycle_consistency([[1.0]], [[5.0]]) == 1
    with pytest.raises(UserError, match="tolerance of 0 frames or more, found -1"):
        two_way_cycle_consistency(LINE, LINE, -1)
    with pytest.raises(UserError, match="finite"):
        three_way_cycle_consistency(LINE, np.full((3, 1), np.nan), LINE)
    with pytest.raises(UserError, match="one dimension"):
        two_way_cycle_consistency(LINE, np.zeros((3, 2)))

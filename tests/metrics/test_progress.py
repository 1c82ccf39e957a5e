"""Progress error against a loop, its chance and its best against all pairs, the controls."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcn_robot.errors import UserError
from tcn_robot.metrics import best_progress_error, chance_progress_error, progress_error

PLACES = st.lists(st.integers(0, 5), min_size=1, max_size=10)


@settings(max_examples=60, deadline=None)
@given(PLACES, PLACES, st.integers(0, 1000))
def test_equal_to_a_loop(u, v, seed):
    rng = np.random.default_rng(seed)
    p, q = rng.uniform(size=len(u)), rng.uniform(size=len(v))
    gaps = []
    for t, place in enumerate(u):
        least = min(abs(place - other) for other in v)
        near = [s for s, other in enumerate(v) if abs(place - other) == least]
        gaps.append(np.mean([abs(p[t] - q[s]) for s in near]))
    a, b = (np.array(x, float)[:, None] for x in (u, v))
    assert progress_error(a, b, p, q) == pytest.approx(np.mean(gaps), abs=1e-12)
    pairs = np.abs(p[:, None] - q)
    assert chance_progress_error(p, q) == pytest.approx(pairs.mean(), abs=1e-12)
    assert best_progress_error(p, q) == pytest.approx(pairs.min(axis=1).mean(), abs=1e-12)
    assert progress_error(0 * a, 0 * b, p, q) == pytest.approx(pairs.mean(), abs=1e-12)
    assert progress_error(p[:, None], q[:, None], p, q) == pytest.approx(
        best_progress_error(p, q), abs=1e-12
    )


def test_a_counter_of_frames_is_wrong_where_speeds_differ():
    """One film is twice as fast, then stands still: equally long, and frame t is not frame t."""
    slow, fast = np.linspace(0, 1, 41), np.minimum(np.linspace(0, 2, 41), 1)
    counter = np.arange(41.0)[:, None]
    assert progress_error(counter, counter, slow, fast) == pytest.approx(np.abs(slow - fast).mean())
    assert progress_error(slow[:, None], fast[:, None], slow, fast) < 0.02


def test_bad_input_is_one_line():
    line = np.arange(4.0)[:, None]
    with pytest.raises(UserError, match=r"progress_v: expected one number per frame, \(4,\)"):
        progress_error(line, line, range(4), range(3))
    with pytest.raises(UserError, match="expected one finite number in progress_u per frame"):
        progress_error(line, line, [0, 1, np.nan, 2], range(4))
    with pytest.raises(UserError, match="one finite progress per frame"):
        chance_progress_error([], [1.0])

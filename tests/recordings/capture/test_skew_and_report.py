"""Skew against a slow loop; drops where they were; marks where a limit is passed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tcn_robot.recordings.capture.offsets import OffsetEstimate
from tcn_robot.recordings.capture.reader import Counts
from tcn_robot.recordings.capture.report import Limits, describe_view, find_marks
from tcn_robot.recordings.capture.skew import describe_skew, frame_skew
from tcn_robot.recordings.timing import missing_frames

TIMES = arrays(np.float64, st.integers(1, 30), elements=st.floats(0, 10), unique=True).map(np.sort)


@given(TIMES, TIMES)
def test_skew_is_that_of_a_slow_loop(reference: np.ndarray, view: np.ndarray) -> None:
    inside = [t for t in reference if view[0] <= t <= view[-1]]
    expected = [min(abs(float(s - t)) for s in view) for t in inside]
    np.testing.assert_allclose(np.abs(frame_skew(reference, view)), expected, atol=1e-12)


def test_skew_of_two_even_cameras() -> None:
    reference = np.arange(100) / 30
    found = describe_skew(frame_skew(reference, reference[5:95] + 0.007))
    assert found["median_seconds"] == pytest.approx(0.007, abs=1e-6)
    assert describe_skew(np.empty(0))["p99_seconds"] is None


@given(st.sets(st.integers(5, 190), max_size=20), st.integers(0, 100))
def test_every_missing_frame_is_found_where_it_was(gone: set[int], seed: int) -> None:
    """Frames come up to 0.45 of a period late; late is not missing."""
    kept = np.array([i for i in range(200) if i not in gone])
    late = np.random.default_rng(seed).uniform(0, 0.45, len(kept))
    missing = missing_frames((kept + late) / 30.0, 30.0)
    assert missing.sum() == len(gone)
    np.testing.assert_array_equal(missing[1:], np.diff(kept) - 1)


def test_one_very_late_frame_is_late_and_not_missing() -> None:
    times = np.arange(60) / 30.0
    times[30] += 0.9 / 30
    assert missing_frames(times, 30.0).sum() == 0


def test_marks_name_the_limit() -> None:
    times = np.delete(np.arange(100) / 30.0, [40, 41, 42])
    views = {
        "front": describe_view(np.arange(100) / 30.0, 30.0, Counts(), None),
        "left": describe_view(times, 30.0, Counts(dropped_seconds=[1.4]), "the source ended"),
    }
    assert views["left"]["missing_frames"] == 3
    assert views["left"]["missing_before_seconds"] == [round(43 / 30, 6)]
    skew = {"left": {"median_seconds": 0.01, "p99_seconds": 0.06, "largest_seconds": 0.06}}
    offsets = {"left": OffsetEstimate(0.11, 0.004, 0.9)}
    marks = " ".join(find_marks(views, skew, offsets, Limits()))
    for text in ("3.0% of the frames missing", "skew 60 ms", "stamped 110 ms late", "ended before"):
        assert text in marks
    unsure = {"left": OffsetEstimate(0.11, 0.04, 0.4)}
    assert "stamped" not in " ".join(find_marks(views, skew, unsure, Limits()))
    assert find_marks({"front": views["front"]}, {}, {}, Limits()) == []

"""Rates come from the clock; late and dropped frames are counted."""

import numpy as np
import pytest

from tcn_robot.recordings.timing import measure_timing


def test_regular_times() -> None:
    figures = measure_timing(np.arange(11) / 20, 20.0)
    assert figures == {
        "fps_measured": pytest.approx(20.0),
        "late_frames": 0,
        "dropped_frames": 0,
        "longest_gap_seconds": pytest.approx(0.05),
    }


def test_dropped_and_late_frames_show() -> None:
    """A source asked for 29 fps that drops frames must not pass for 29 fps (official webcam.py)."""
    times = np.delete(np.arange(30) / 29, [5, 6, 20])
    figures = measure_timing(times, 29.0)
    assert figures["dropped_frames"] == 3
    assert figures["late_frames"] == 2
    assert figures["fps_measured"] == pytest.approx(26 / 1.0, rel=1e-6)
    assert figures["longest_gap_seconds"] == pytest.approx(3 / 29)


def test_rate_is_measured_whatever_was_asked() -> None:
    figures = measure_timing(np.arange(10) / 15, 30.0)
    assert figures["fps_measured"] == pytest.approx(15.0)
    assert figures["dropped_frames"] == 9


def test_one_frame_has_no_rate() -> None:
    assert measure_timing(np.array([3.0]), 20.0)["fps_measured"] is None

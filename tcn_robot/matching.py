"""Which frames of two cameras show the same moment, by measured time."""

from __future__ import annotations

import numpy as np

# Times come from clocks and from k / rate; exactly half a period must count as within it.
TIME_TOLERANCE_SECONDS = 1e-6


def frame_period_seconds(*timestamps: np.ndarray) -> float:
    """Return the usual time between two frames, 0 where no view has two.

    The median is untouched by dropped frames; of several views the slowest counts.

    Args:
        timestamps: Each float64 (T,), ascending, seconds.
    """
    periods = [float(np.median(np.diff(times))) for times in timestamps if len(times) > 1]
    return max(periods, default=0.0)


def nearest_frames(times_seconds: np.ndarray, of_seconds: np.ndarray) -> np.ndarray:
    """Return for each time the index of the frame nearest to it, the earlier one of two.

    Args:
        times_seconds: float64 (T,).
        of_seconds: float64 (S,), ascending, S >= 1.

    Returns:
        int64 (T,) into `of_seconds`.
    """
    after = np.searchsorted(of_seconds, times_seconds).clip(1, max(len(of_seconds) - 1, 1))
    before = after - 1
    after = after.clip(max=len(of_seconds) - 1)
    closer = np.abs(of_seconds[after] - times_seconds) < np.abs(of_seconds[before] - times_seconds)
    return np.where(closer, after, before)


def match_frames(first_seconds: np.ndarray, second_seconds: np.ndarray) -> np.ndarray:
    """Return the frames of two views that were taken at the same moment.

    Each frame of the first view is paired with the frame of the second that is nearest in time,
    if it is within half a frame period; a dropped frame has no partner.

    Args:
        first_seconds: float64 (T,), ascending.
        second_seconds: float64 (S,), ascending.

    Returns:
        int64 (K, 2): index into the first, index into the second.
    """
    if len(first_seconds) == 0 or len(second_seconds) == 0:
        return np.empty((0, 2), np.int64)
    nearest = nearest_frames(first_seconds, second_seconds)
    reach = frame_period_seconds(first_seconds, second_seconds) / 2 + TIME_TOLERANCE_SECONDS
    near = np.abs(second_seconds[nearest] - first_seconds) <= reach
    return np.stack([np.flatnonzero(near), nearest[near]], axis=1)  # (K, 2)

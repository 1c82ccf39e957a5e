"""How far apart in time the frames of two views lie that would be taken for the same moment."""

from __future__ import annotations

import numpy as np

from tcn_robot.matching import nearest_frames


def frame_skew(reference_seconds: np.ndarray, view_seconds: np.ndarray) -> np.ndarray:
    """Return, for each frame of a reference, the time of the view's nearest frame minus its own.

    Args:
        reference_seconds: float64 (T,), ascending.
        view_seconds: float64 (S,), ascending, S >= 1.

    Returns:
        float64 (T,) seconds; frames of the reference outside the view's time are left out, so
        that a view which started later is not called skewed.
    """
    inside = (reference_seconds >= view_seconds[0]) & (reference_seconds <= view_seconds[-1])
    times = reference_seconds[inside]
    skew: np.ndarray = view_seconds[nearest_frames(times, view_seconds)] - times
    return skew


def describe_skew(skew_seconds: np.ndarray) -> dict[str, float | None]:
    """Return median, 99th percentile and largest absolute skew; None where there is none."""
    if not skew_seconds.size:
        return {"median_seconds": None, "p99_seconds": None, "largest_seconds": None}
    sizes = np.abs(skew_seconds)
    return {
        "median_seconds": round(float(np.median(sizes)), 6),
        "p99_seconds": round(float(np.quantile(sizes, 0.99)), 6),
        "largest_seconds": round(float(sizes.max()), 6),
    }

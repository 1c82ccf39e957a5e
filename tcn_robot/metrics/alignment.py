"""How far the moment found in another view is from the same moment.

Alignment error is the measure of TCN (Sermanet et al. 2018, section IV-A): the distance in time
between a frame and its nearest neighbour in another, synchronised view, over the sequence's
length.

Differs from the paper: both directions are averaged, and equidistant neighbours are averaged, so
that a collapsed embedding scores chance, about 1/3, instead of whatever an arg-min makes of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tcn_robot.matching import TIME_TOLERANCE_SECONDS, nearest_frames
from tcn_robot.metrics.blockwise import Distance
from tcn_robot.metrics.checks import (
    MetricInputError,
    checked_pair,
    checked_times,
    checked_tolerance,
)
from tcn_robot.metrics.neighbours import PairValues, mean_over_neighbours


@dataclass(frozen=True)
class _Direction:
    """One view whose frames are looked for in another.

    Attributes:
        queries: (T, D).
        gallery: (S, D).
        query_times: (T,) seconds, or frames where no times are known.
        gallery_times: (S,) the same.
        simultaneous: (T,), the frame of the gallery that was taken nearest to each query's moment.
        duration: Of both together, in the unit of the times.
    """

    queries: NDArray[Any]
    gallery: NDArray[Any]
    query_times: NDArray[np.float64]
    gallery_times: NDArray[np.float64]
    simultaneous: NDArray[np.int64]
    duration: float

    def gaps(self, rows: NDArray[np.int64], cols: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the difference in time of pairs of frames, (P,)."""
        return np.abs(self.query_times[rows] - self.gallery_times[cols])

    def within(self, tolerance: int, tolerance_seconds: float | None) -> PairValues:
        """Return the function from pairs of frames to whether both are of the same moment."""
        if tolerance_seconds is None:
            return lambda rows, cols: np.abs(self.simultaneous[rows] - cols) <= tolerance
        reach = tolerance_seconds + TIME_TOLERANCE_SECONDS
        return lambda rows, cols: self.gaps(rows, cols) <= reach


def _directions(
    u: ArrayLike, v: ArrayLike, times_u: ArrayLike | None, times_v: ArrayLike | None
) -> list[_Direction]:
    """Return u's frames looked for in v, and v's in u."""
    first, second = checked_pair(u, v)
    if (times_u is None) != (times_v is None):
        raise MetricInputError("expected the times of both views or of neither; pass the other")
    if times_u is None or times_v is None:
        if len(first) != len(second):
            raise MetricInputError(
                f"expected synchronised views of one length, found {len(first)} and "
                f"{len(second)} frames; cut them, or pass times_u= and times_v="
            )
        t = s = np.arange(len(first), dtype=np.float64)
    else:
        t = checked_times(times_u, len(first), "times_u")
        s = checked_times(times_v, len(second), "times_v")
    steps = np.concatenate([np.diff(t), np.diff(s)])
    step = float(np.median(steps)) if len(steps) else 1.0
    duration = float(max(t[-1], s[-1]) - min(t[0], s[0])) + step
    return [
        _Direction(first, second, t, s, nearest_frames(t, s), duration),
        _Direction(second, first, s, t, nearest_frames(s, t), duration),
    ]


def alignment_error(
    u: ArrayLike,
    v: ArrayLike,
    *,
    times_u: ArrayLike | None = None,
    times_v: ArrayLike | None = None,
    distance: Distance = "euclidean",
) -> float:
    """Return the mean distance in time to the nearest neighbour in the other view.

    `mean_t |t - nn(t)| / T`, for u's neighbours in v and v's in u, averaged. Where several
    frames are equally near, `|t - nn(t)|` is its mean over them.

    Args:
        u: (T, D), one view.
        v: (T, D), another view of the same moments; (S, D) when times are given.
        times_u: (T,) seconds on a common clock, for cameras that were not triggered together.
        times_v: (S,) seconds on the same clock.
        distance: As in `neighbour_pairs`.

    Returns:
        In [0, 1). 0: every moment found. See `chance_alignment_error` for the other end.

    Raises:
        MetricInputError: Lengths or dimensions that do not fit, or numbers that are not finite.
    """
    errors = [
        mean_over_neighbours(way.queries, way.gallery, way.gaps, distance=distance).mean()
        / way.duration
        for way in _directions(u, v, times_u, times_v)
    ]
    return float(np.mean(errors))


def alignment_accuracy(
    u: ArrayLike,
    v: ArrayLike,
    tolerance: int = 1,
    *,
    tolerance_seconds: float | None = None,
    times_u: ArrayLike | None = None,
    times_v: ArrayLike | None = None,
    distance: Distance = "euclidean",
) -> float:
    """Return the share of frames whose nearest neighbour is the same moment, or nearly.

    `mean_t 1[|t - nn(t)| <= tolerance]`, both directions averaged. A frame with several
    equally near neighbours counts with the share of those that are within the tolerance.

    Args:
        u: (T, D), one view.
        v: (T, D), another view of the same moments; (S, D) when times are given.
        tolerance: Frames either side that still count, >= 0.
        tolerance_seconds: Seconds either side that still count, >= 0, in place of `tolerance`;
            needs times.
        times_u: (T,) seconds on a common clock, for cameras that were not triggered together.
        times_v: (S,) seconds on the same clock. The same moment is then the frame nearest in time.
        distance: As in `neighbour_pairs`.

    Returns:
        In [0, 1]. See `chance_alignment_accuracy`, or `chance_accuracy_within_seconds`, for what a
        collapsed embedding gets.

    Raises:
        MetricInputError: Lengths or dimensions that do not fit, numbers that are not finite,
            a negative tolerance, or one in seconds without times.
    """
    checked_tolerance(tolerance)
    if tolerance_seconds is not None:
        _check_seconds(tolerance_seconds)
        if times_u is None or times_v is None:
            raise MetricInputError(
                "expected the times of both views for a tolerance in seconds, found none; pass "
                "times_u= and times_v=, or a tolerance in frames"
            )
    shares = [
        mean_over_neighbours(
            way.queries, way.gallery, way.within(tolerance, tolerance_seconds), distance=distance
        ).mean()
        for way in _directions(u, v, times_u, times_v)
    ]
    return float(np.mean(shares))


def chance_alignment_error(num_frames: int) -> float:
    """Return the alignment error of uniformly random or collapsed neighbours.

    `mean over t and s of |t - s| / T = (T^2 - 1) / (3 T^2)`, which tends to 1/3.
    """
    _check_length(num_frames)
    return (num_frames**2 - 1) / (3 * num_frames**2)


def chance_alignment_accuracy(num_frames: int, tolerance: int = 1) -> float:
    """Return the alignment accuracy of uniformly random or collapsed neighbours.

    The share of pairs (t, s) with `|t - s| <= k`: `(T (2k + 1) - k (k + 1)) / T^2` for k < T.
    """
    _check_length(num_frames)
    reach = min(tolerance, num_frames - 1)
    return (num_frames * (2 * reach + 1) - reach * (reach + 1)) / num_frames**2


def chance_accuracy_within_seconds(
    times_u: ArrayLike, times_v: ArrayLike, tolerance_seconds: float
) -> float:
    """Return the accuracy within seconds of uniformly random or collapsed neighbours.

    The share of pairs of a frame of u and one of v that are within the tolerance in time.

    Args:
        times_u: (T,) seconds.
        times_v: (S,) seconds on the same clock.
        tolerance_seconds: Seconds either side that still count, >= 0.

    Raises:
        MetricInputError: Times that do not increase or are not finite, or a negative tolerance.
    """
    _check_seconds(tolerance_seconds)
    t = checked_times(times_u, len(np.atleast_1d(times_u)), "times_u")
    s = checked_times(times_v, len(np.atleast_1d(times_v)), "times_v")
    reach = tolerance_seconds + TIME_TOLERANCE_SECONDS
    within = np.searchsorted(s, t + reach, side="right") - np.searchsorted(s, t - reach)
    return float(within.mean() / len(s))


def _check_length(num_frames: int) -> None:
    if num_frames < 1:
        raise MetricInputError(f"expected a sequence of 1 frame or more, found {num_frames}")


def _check_seconds(tolerance_seconds: float) -> None:
    if not tolerance_seconds >= 0:
        raise MetricInputError(f"expected a tolerance of 0 s or more, found {tolerance_seconds}")

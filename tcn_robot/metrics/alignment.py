"""How far the moment found in another view is from the same moment.

Alignment error is the measure of TCN (Sermanet et al. 2018, section IV-A): the distance in time
between a frame and its nearest neighbour in another, synchronised view, over the sequence's
length.

Differs from the paper: both directions are averaged, and equidistant neighbours are averaged, so
that a collapsed embedding scores chance, about 1/3, instead of whatever an arg-min makes of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tcn_robot.metrics.checks import (
    MetricInputError,
    checked_embedding,
    checked_pair,
    checked_times,
)
from tcn_robot.metrics.neighbours import nearest_neighbours
from tcn_robot.metrics.order import KendallTau, kendall_tau_of_ties


@dataclass(frozen=True)
class Clock:
    """Where the frames of two sequences stand in time.

    Attributes:
        gaps_seconds: (T, S), absolute difference in time of every pair of frames; counted in
            frames where no times are known.
        gaps_frames: (T, S), how many frames each frame of v is from the one taken at u's moment.
        duration_seconds: Length of the sequence in the unit of `gaps_seconds`.
    """

    gaps_seconds: NDArray[np.float64]
    gaps_frames: NDArray[np.int64]
    duration_seconds: float


def _clock_of_times(times_u: NDArray[np.float64], times_v: NDArray[np.float64]) -> Clock:
    gaps_seconds = np.abs(times_u[:, None] - times_v[None, :])  # (T, S)
    simultaneous = gaps_seconds.argmin(axis=1)  # (T,)
    gaps_frames = np.abs(simultaneous[:, None] - np.arange(len(times_v))[None, :])  # (T, S)
    steps = np.concatenate([np.diff(times_u), np.diff(times_v)])
    step = float(np.median(steps)) if len(steps) else 1.0
    span = max(times_u[-1], times_v[-1]) - min(times_u[0], times_v[0])
    return Clock(gaps_seconds, gaps_frames, float(span) + step)


def _directions(
    u: ArrayLike, v: ArrayLike, times_u: ArrayLike | None, times_v: ArrayLike | None
) -> list[tuple[NDArray[np.bool_], Clock]]:
    """Return (ties, clock) for u's neighbours in v and for v's in u."""
    first, second = checked_pair(u, v)
    if (times_u is None) != (times_v is None):
        raise MetricInputError("expected the times of both views or of neither; pass the other")
    if times_u is None or times_v is None:
        if len(first) != len(second):
            raise MetricInputError(
                f"expected synchronised views of one length, found {len(first)} and "
                f"{len(second)} frames; cut them, or pass times_u= and times_v="
            )
        seconds_u = seconds_v = np.arange(len(first), dtype=np.float64)
    else:
        seconds_u = checked_times(times_u, len(first), "times_u")
        seconds_v = checked_times(times_v, len(second), "times_v")
    return [
        (nearest_neighbours(first, second), _clock_of_times(seconds_u, seconds_v)),
        (nearest_neighbours(second, first), _clock_of_times(seconds_v, seconds_u)),
    ]


def _mean_over_ties(ties: NDArray[np.bool_], values: NDArray[np.generic]) -> float:
    """Average values over each row's ties, then over the rows; both (T, S)."""
    return float(((ties * values).sum(axis=1) / ties.sum(axis=1)).mean())


def alignment_error(
    u: ArrayLike,
    v: ArrayLike,
    *,
    times_u: ArrayLike | None = None,
    times_v: ArrayLike | None = None,
) -> float:
    """Return the mean distance in time to the nearest neighbour in the other view.

    `mean_t |t - nn(t)| / T`, for u's neighbours in v and v's in u, averaged. Where several
    frames are equally near, `|t - nn(t)|` is its mean over them.

    Args:
        u: (T, D), one view.
        v: (T, D), another view of the same moments; (S, D) when times are given.
        times_u: (T,) seconds on a common clock, for cameras that were not triggered together.
        times_v: (S,) seconds on the same clock.

    Returns:
        In [0, 1). 0: every moment found. See `chance_alignment_error` for the other end.

    Raises:
        MetricInputError: Lengths or dimensions that do not fit, or numbers that are not finite.
    """
    return float(
        np.mean(
            [
                _mean_over_ties(ties, clock.gaps_seconds) / clock.duration_seconds
                for ties, clock in _directions(u, v, times_u, times_v)
            ]
        )
    )


def alignment_accuracy(
    u: ArrayLike,
    v: ArrayLike,
    tolerance: int = 1,
    *,
    times_u: ArrayLike | None = None,
    times_v: ArrayLike | None = None,
) -> float:
    """Return the share of frames whose nearest neighbour is the same moment, or nearly.

    `mean_t 1[|t - nn(t)| <= tolerance]`, both directions averaged. A frame with several
    equally near neighbours counts with the share of those that are within the tolerance.

    Args:
        u: (T, D), one view.
        v: (T, D), another view of the same moments; (S, D) when times are given.
        tolerance: Frames either side that still count, >= 0.
        times_u: (T,) seconds on a common clock, for cameras that were not triggered together.
        times_v: (S,) seconds on the same clock. The same moment is then the frame nearest in time.

    Returns:
        In [0, 1]. See `chance_alignment_accuracy` for what a collapsed embedding gets.

    Raises:
        MetricInputError: Lengths or dimensions that do not fit, numbers that are not finite, or
            a negative tolerance.
    """
    if tolerance < 0:
        raise MetricInputError(f"expected a tolerance of 0 frames or more, found {tolerance}")
    return float(
        np.mean(
            [
                _mean_over_ties(ties, clock.gaps_frames <= tolerance)
                for ties, clock in _directions(u, v, times_u, times_v)
            ]
        )
    )


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


def _check_length(num_frames: int) -> None:
    if num_frames < 1:
        raise MetricInputError(f"expected a sequence of 1 frame or more, found {num_frames}")


@dataclass(frozen=True)
class AlignmentCeiling:
    """The best that an encoder of single frames can reach on one episode.

    Attributes:
        error: Lowest alignment error.
        accuracy: Highest share within the tolerance.
        tau: Highest order against another episode.
    """

    error: float
    accuracy: float
    tau: KendallTau


def alignment_ceiling(
    features: ArrayLike, same_within: float, tolerance: int = 1
) -> AlignmentCeiling:
    """Return what an ideal encoder reaches where some frames cannot be told apart.

    Frames of a pause look the same, so no encoder of single frames can say which is which. All
    frames whose features differ by at most `same_within` in every component are ties.

    Args:
        features: (T, F), what there is to see: the simulator's state, or the pixels.
        same_within: Largest difference, in the features' unit, that cannot be seen.
        tolerance: Frames either side that count as found, as in `alignment_accuracy`.

    Raises:
        MetricInputError: Features that are no finite (T, F), or a negative `same_within`.
    """
    array = checked_embedding(features, "features")
    if not same_within >= 0:
        raise MetricInputError(f"expected same_within of 0 or more, found {same_within}")
    # A loop over frames, since (T, T, F) of pixels would not fit in memory.
    rows = [(np.abs(array - frame) <= same_within).all(axis=1) for frame in array]
    ties = np.stack(rows)  # (T, T)
    index = np.arange(len(array))
    gaps = np.abs(index[:, None] - index[None, :])  # (T, T)
    return AlignmentCeiling(
        error=_mean_over_ties(ties, gaps) / len(array),
        accuracy=_mean_over_ties(ties, gaps <= tolerance),
        tau=kendall_tau_of_ties(ties),
    )

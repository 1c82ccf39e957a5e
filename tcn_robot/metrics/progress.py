"""Whether the frame found in another episode is as far on in the task.

Episodes of one task are not synchronised, so the frame that should be found is not known by its
time. It is by a label such as a simulator's progress: the measure that a counter of frames cannot
get right where demonstrations pause and differ in speed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tcn_robot.metrics.blockwise import Distance
from tcn_robot.metrics.checks import checked_labels, checked_pair, checked_sequence
from tcn_robot.metrics.neighbours import mean_over_neighbours


def progress_error(
    u: ArrayLike,
    v: ArrayLike,
    progress_u: ArrayLike,
    progress_v: ArrayLike,
    *,
    distance: Distance = "euclidean",
) -> float:
    """Return the mean difference of progress between u's frames and their neighbours in v.

    `mean_t |p_u(t) - p_v(nn(t))|`; of equidistant neighbours the mean. One direction.

    Args:
        u: (T, D), one episode.
        v: (S, D), another one of the same task, of any length.
        progress_u: (T,) how far on the task is in each frame, usually in [0, 1].
        progress_v: (S,) the same for v.
        distance: As in `neighbour_pairs`.

    Returns:
        At least 0, in the labels' unit. `chance_progress_error` is what a collapsed embedding gets.
        0 is out of reach where v lacks a progress that u has: `best_progress_error`.

    Raises:
        MetricInputError: Shapes that do not fit, or numbers that are not finite.
    """
    first, second = checked_pair(u, v)
    queries = checked_labels(progress_u, len(first), "progress_u")
    gallery = checked_labels(progress_v, len(second), "progress_v")

    def gaps(rows: NDArray[np.int64], cols: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.abs(queries[rows] - gallery[cols])

    return float(mean_over_neighbours(first, second, gaps, distance=distance).mean())


def chance_progress_error(progress_u: ArrayLike, progress_v: ArrayLike) -> float:
    """Return the progress error of uniformly random or collapsed neighbours.

    The mean of `|p_u(t) - p_v(s)|` over all pairs of frames, in time linear but for sorting.

    Args:
        progress_u: (T,) finite numbers.
        progress_v: (S,) finite numbers.

    Raises:
        MetricInputError: No finite numbers.
    """
    queries = checked_sequence(progress_u, "progress")
    gallery = np.sort(checked_sequence(progress_v, "progress"))
    below = np.searchsorted(gallery, queries)  # (T,) how many of v are less
    sums = np.concatenate([[0.0], np.cumsum(gallery)])
    gaps = queries * (2 * below - len(gallery)) + sums[-1] - 2 * sums[below]  # (T,) over all of v
    return float(gaps.mean() / len(gallery))


def best_progress_error(progress_u: ArrayLike, progress_v: ArrayLike) -> float:
    """Return the progress error where every frame finds the one that is nearest in progress.

    Args:
        progress_u: (T,) finite numbers.
        progress_v: (S,) finite numbers.

    Raises:
        MetricInputError: No finite numbers.
    """
    queries = checked_sequence(progress_u, "progress")
    gallery = np.sort(checked_sequence(progress_v, "progress"))
    after = np.searchsorted(gallery, queries)
    neighbours = gallery[np.stack([after - 1, after]).clip(0, len(gallery) - 1)]  # (2, T)
    return float(np.abs(neighbours - queries).min(axis=0).mean())

"""Films aligned with a reference: by nearest frames, or by dynamic time warping."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tcn_robot.errors import UserError
from tcn_robot.metrics.checks import checked_pair
from tcn_robot.plots.neighbours import find_neighbours

ALIGNMENTS = ("nearest", "dtw", "none")
# The table of costs has a float64 for every pair of frames: 200 MB at this size.
MOST_PAIRS = 25_000_000


def dtw_path(u: ArrayLike, v: ArrayLike) -> NDArray[np.int64]:
    """Return the cheapest way through both films that never goes back.

    Sakoe and Chiba 1978, squared L2 between frames, steps (1, 0), (0, 1) and (1, 1), by
    dtaidistance.

    Args:
        u: (T, D).
        v: (S, D).

    Returns:
        int64 (K, 2), K >= max(T, S): frames of u and v, from (0, 0) to (T - 1, S - 1).

    Raises:
        UserError: Films too long for the table of costs.
        MetricInputError: Dimensions that differ, or numbers that are not finite.
    """
    from dtaidistance import dtw, dtw_ndim

    first, second = (np.ascontiguousarray(x, np.float64) for x in checked_pair(u, v))
    if len(first) * len(second) > MOST_PAIRS:
        raise UserError(
            f"DTW of {len(first)} and {len(second)} frames needs too much memory; use --align "
            "nearest, or shorter films"
        )
    if first.shape[1] == 1:  # its compiled part takes one dimension for a plain series
        first, second = (np.pad(x, ((0, 0), (0, 1))) for x in (first, second))
    compiled = dtw.dtw_cc is not None
    path: Any = dtw_ndim.warping_path(first, second, use_c=compiled)
    return np.array(path, np.int64)


def align_to(reference: ArrayLike, film: ArrayLike, how: str) -> NDArray[np.int64]:
    """Return for each frame of the reference the frame of a film that is shown with it.

    Args:
        reference: (T, D).
        film: (S, D).
        how: "nearest" (the first of equally near ones), "dtw" (the middle of the frames that lie
            on the path), or "none" (the same number; the film then stands at its last frame).

    Returns:
        int64 (T,) in [0, S); never goes back but for "nearest".
    """
    if how == "none":
        return np.minimum(np.arange(len(np.asarray(reference))), len(np.asarray(film)) - 1)
    if how == "nearest":
        return find_neighbours(reference, film).index
    path = dtw_path(reference, film)
    starts = np.searchsorted(path[:, 0], np.arange(path[-1, 0] + 1), side="left")
    ends = np.searchsorted(path[:, 0], np.arange(path[-1, 0] + 1), side="right")
    return path[(starts + ends - 1) // 2, 1]

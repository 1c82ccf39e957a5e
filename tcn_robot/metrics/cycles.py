"""Whether a frame finds back to itself through its neighbours in other episodes.

Two- and three-way cycle consistency are measures of Aytar et al. 2018; XIRL (Zakka et
al. 2021) counts frames that come back within one frame.

Differs from the papers: of equidistant neighbours each is followed with the same share, so that a
collapsed embedding scores chance. The usual arg-min sends it to frame 0 and back. What fools the
measure is said in each function: a cycle closes also where two episodes agree on the wrong order.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tcn_robot.metrics.blockwise import BLOCK_ELEMENTS, Distance
from tcn_robot.metrics.checks import checked_tolerance
from tcn_robot.metrics.tie_sets import TieSets, tie_sets


def two_way_cycle_consistency(
    u: ArrayLike, v: ArrayLike, tolerance: int = 1, *, distance: Distance = "euclidean"
) -> float:
    """Return the share of u's frames that come back to themselves through v.

    Frame t goes to its nearest neighbour in v, and from there to that one's nearest in u: t'. It
    counts where `|t - t'| <= tolerance`.

    A reversed episode scores like one in order, since the way back reverses it again: read it
    beside `kendall_tau`.

    Args:
        u: (T, D), one episode.
        v: (S, D), another one.
        tolerance: Frames either side that still count, >= 0.
        distance: As in `neighbour_pairs`.

    Returns:
        In [0, 1]. A collapsed embedding gets `chance_alignment_accuracy(T, tolerance)`.

    Raises:
        MetricInputError: Shapes that do not fit, numbers that are not finite, or a negative
            tolerance.
    """
    checked_tolerance(tolerance)
    path = [tie_sets(a, b, distance=distance) for a, b in ((u, v), (v, u))]
    return float(_returned(path, tolerance).mean())


def three_way_cycle_consistency(
    u: ArrayLike,
    v: ArrayLike,
    w: ArrayLike,
    tolerance: int = 1,
    *,
    distance: Distance = "euclidean",
) -> float:
    """Return the share of u's frames that come back through v and w, and through w and v.

    Both ways round have to end within the tolerance (Aytar et al. 2018), which is harder than two
    ways. Order plays no part here either: a reversed episode scores like one in order.

    Args:
        u: (T, D), one episode.
        v: (S, D), a second one.
        w: (R, D), a third one.
        tolerance: Frames either side that still count, >= 0.
        distance: As in `neighbour_pairs`.

    Returns:
        In [0, 1]. A collapsed embedding gets the mean over t of the squared share of frames within
        the tolerance of t.

    Raises:
        MetricInputError: Shapes that do not fit, numbers that are not finite, or a negative
            tolerance.
    """
    checked_tolerance(tolerance)
    ways = []
    for cycle in ((u, v), (v, w), (w, u)), ((u, w), (w, v), (v, u)):
        path = [tie_sets(a, b, distance=distance) for a, b in cycle]
        ways.append(_returned(path, tolerance))
    return float((ways[0] * ways[1]).mean())


def _returned(path: Sequence[TieSets], tolerance: int) -> NDArray[np.float64]:
    """Return how much of each frame ends within the tolerance of itself, (T,).

    Args:
        path: From the first episode to the second, and so on until back to the first.
        tolerance: Frames either side that still count.
    """
    here, back = path[0], path[-1]
    num_frames, num_met = len(here.set_of), here.shares.shape[1]
    chosen = [there.chosen() for there in path[1:]]
    returned = []
    frames_at_once = max(1, BLOCK_ELEMENTS // num_met)
    for start in range(0, num_frames, frames_at_once):
        frames = np.arange(start, min(start + frames_at_once, num_frames))
        own, which = np.unique(here.set_of[frames], return_inverse=True)
        at = here.shares[own]  # sparse (sets of the block, S), where its frames are
        for there, sets in zip(path[1:-1], chosen, strict=False):
            at = at @ sets @ there.shares
        ends = (at @ chosen[-1])[which].tocoo()  # sparse (B, sets), by which set each comes back
        first = np.maximum(frames[ends.row] - tolerance, 0)
        last = np.minimum(frames[ends.row] + tolerance, num_frames - 1)
        within = ends.data * back.shares_within(ends.col.astype(np.int64), first, last)
        returned.append(np.bincount(ends.row, weights=within, minlength=len(frames)))
    return np.concatenate(returned)

"""Whether a frame finds back to itself through its neighbours in other episodes.

Two- and three-way cycle consistency are measures of Aytar et al. 2018; XIRL (Zakka et
al. 2021) counts frames that come back within one frame.

Differs from the papers: of equidistant neighbours each is followed with the same share, so that a
collapsed embedding scores chance. The usual arg-min sends it to frame 0 and back. What fools the
measure is said in each function: a cycle closes also where two episodes agree on the wrong order.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tcn_robot.metrics.checks import MetricInputError
from tcn_robot.metrics.neighbours import nearest_neighbours


def two_way_cycle_consistency(u: ArrayLike, v: ArrayLike, tolerance: int = 1) -> float:
    """Return the share of u's frames that come back to themselves through v.

    Frame t goes to its nearest neighbour in v, and from there to that one's nearest in u: t'. It
    counts where `|t - t'| <= tolerance`.

    A reversed episode scores like one in order, since the way back reverses it again: read it
    beside `kendall_tau`.

    Args:
        u: (T, D), one episode.
        v: (S, D), another one.
        tolerance: Frames either side that still count, >= 0.

    Returns:
        In [0, 1]. A collapsed embedding gets `chance_alignment_accuracy(T, tolerance)`.

    Raises:
        MetricInputError: Shapes that do not fit, numbers that are not finite, or a negative
            tolerance.
    """
    there_and_back = _shares(u, v) @ _shares(v, u)  # (T, T)
    return float(_returned(there_and_back, tolerance).mean())


def three_way_cycle_consistency(
    u: ArrayLike, v: ArrayLike, w: ArrayLike, tolerance: int = 1
) -> float:
    """Return the share of u's frames that come back through v and w, and through w and v.

    Both ways round have to end within the tolerance (Aytar et al. 2018), which is harder than two
    ways. Order plays no part here either: a reversed episode scores like one in order.

    Args:
        u: (T, D), one episode.
        v: (S, D), a second one.
        w: (R, D), a third one.
        tolerance: Frames either side that still count, >= 0.

    Returns:
        In [0, 1]. A collapsed embedding gets the mean over t of the squared share of frames within
        the tolerance of t.

    Raises:
        MetricInputError: Shapes that do not fit, numbers that are not finite, or a negative
            tolerance.
    """
    one_way = _shares(u, v) @ _shares(v, w) @ _shares(w, u)  # (T, T)
    other_way = _shares(u, w) @ _shares(w, v) @ _shares(v, u)
    both = _returned(one_way, tolerance) * _returned(other_way, tolerance)  # (T,)
    return float(both.mean())


def _shares(u: ArrayLike, v: ArrayLike) -> NDArray[np.float64]:
    """Return how each frame of u is divided among its nearest frames in v, (T, S)."""
    ties = nearest_neighbours(u, v)
    return ties / ties.sum(axis=1, keepdims=True)


def _returned(shares: NDArray[np.float64], tolerance: int) -> NDArray[np.float64]:
    """Return how much of each frame ends within the tolerance of itself, (T, T) -> (T,)."""
    if tolerance < 0:
        raise MetricInputError(f"expected a tolerance of 0 frames or more, found {tolerance}")
    frames = np.arange(len(shares))
    near = np.abs(frames[:, None] - frames[None, :]) <= tolerance  # (T, T)
    return np.asarray((shares * near).sum(axis=1))

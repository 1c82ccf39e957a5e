"""Nearest neighbours with their ties.

An arg-min picks the first of several equidistant frames and so hides a collapsed embedding. Here
all of them are kept, and the metrics average over them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tcn_robot.metrics.blockwise import BlockwiseSearch, Distance, row_starts

# (rows (P,), cols (P,)) of pairs of frames -> what each is worth, (P,) or (P, K).
PairValues = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.generic]]


def neighbour_pairs(
    u: ArrayLike, v: ArrayLike, *, distance: Distance = "euclidean"
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Go through every frame of u and all its nearest frames in v, block by block.

    Memory is bounded by a block, some tens of MB, however long the episodes are.

    Args:
        u: (T, D) embeddings.
        v: (S, D) embeddings.
        distance: "euclidean", or "cosine": rows are scaled to length 1 first. A row of zeros has no
            direction and stays: it is at distance 1 from every other, and at 0 from rows of zeros.

    Yields:
        rows (P,) and cols (P,), int64, in order; all pairs of a row are in one block.

    Raises:
        MetricInputError: Shapes that do not fit, or numbers that are not finite.
    """
    return BlockwiseSearch(u, v, distance).nearest()


def mean_over_neighbours(
    u: ArrayLike, v: ArrayLike, values: PairValues, *, distance: Distance = "euclidean"
) -> NDArray[np.float64]:
    """Return the mean of a value over each frame's nearest frames, in bounded memory.

    Args:
        u: (T, D) embeddings.
        v: (S, D) embeddings.
        values: Called with (P,) frames of u and as many nearest frames of v; returns the value
            of each pair, (P,), or several values of each, (P, K).
        distance: As in `neighbour_pairs`.

    Returns:
        float64 (T,), or (T, K).

    Raises:
        MetricInputError: Shapes that do not fit, or numbers that are not finite.
    """
    means = []
    for rows, cols in neighbour_pairs(u, v, distance=distance):
        of_pairs = np.asarray(values(rows, cols), dtype=np.float64)  # (P,) or (P, K)
        starts = row_starts(rows)
        counts = np.diff(starts, append=len(rows)).astype(np.float64)
        sums = np.add.reduceat(of_pairs, starts, axis=0)  # (B,) or (B, K)
        means.append(sums / (counts if sums.ndim == 1 else counts[:, None]))
    return np.concatenate(means)


def same_class(
    queries: NDArray[np.generic], gallery: NDArray[np.generic]
) -> Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.bool_]]:
    """Return the function from pairs of frames to whether both are of one class.

    Args:
        queries: (T,) classes of the frames that are asked for.
        gallery: (S,) classes of the frames they are looked for in.
    """
    return lambda rows, cols: queries[rows] == gallery[cols]


def nearest_neighbours(
    u: ArrayLike, v: ArrayLike, *, distance: Distance = "euclidean"
) -> NDArray[np.bool_]:
    """Mark, for every frame of u, all its nearest frames in v.

    The matrix is dense; `neighbour_pairs` and `mean_over_neighbours` do without it.

    Args:
        u: (T, D) embeddings.
        v: (S, D) embeddings.
        distance: As in `neighbour_pairs`.

    Returns:
        (T, S) bool; every row has at least one True, more where neighbours are equidistant.

    Raises:
        MetricInputError: Shapes that do not fit, or numbers that are not finite.
    """
    search = BlockwiseSearch(u, v, distance)
    ties = np.zeros((search.num_rows, search.num_cols), np.bool_)
    for rows, cols in search.nearest():
        ties[rows, cols] = True
    return ties


def mean_neighbour_index(ties: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the mean index of each row's nearest frames, (T, S) bool -> float64 (T,)."""
    return np.asarray(ties @ np.arange(ties.shape[1], dtype=np.float64) / ties.sum(axis=1))

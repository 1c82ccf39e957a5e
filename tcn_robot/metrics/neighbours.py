"""Nearest neighbours with their ties.

An arg-min picks the first of several equidistant frames and so hides a collapsed embedding. Here
all of them are kept, and the metrics average over them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist

from tcn_robot.metrics.checks import checked_pair

# Distances closer than this many roundings of the numbers they come from are equal.
TIE_ROUNDINGS = 8.0


def tie_tolerance(u: NDArray[Any], v: NDArray[Any]) -> float:
    """Return the difference of two distances that rounding of the embeddings explains.

    It follows the coarser of both dtypes: a float32 embedding that is constant up to its last
    bits has collapsed, whatever an arg-min makes of the bits.
    """
    epsilon = max(float(np.finfo(u.dtype).eps), float(np.finfo(v.dtype).eps))
    largest_norm = max(
        float(np.sqrt(np.square(x, dtype=np.float64).sum(axis=1).max())) for x in (u, v)
    )
    return TIE_ROUNDINGS * epsilon * largest_norm


def nearest_neighbours(u: ArrayLike, v: ArrayLike) -> NDArray[np.bool_]:
    """Mark, for every frame of u, all its nearest frames in v.

    Args:
        u: (T, D) embeddings.
        v: (S, D) embeddings.

    Returns:
        (T, S) bool; every row has at least one True, more where neighbours are equidistant.

    Raises:
        MetricInputError: Shapes that do not fit, or numbers that are not finite.
    """
    first, second = checked_pair(u, v)
    # In float64 and by differences: |u|^2 + |v|^2 - 2uv would invent and break ties.
    distances = cdist(first.astype(np.float64), second.astype(np.float64))  # (T, S)
    nearest = distances.min(axis=1, keepdims=True)
    return np.asarray(distances <= nearest + tie_tolerance(first, second))


def mean_neighbour_index(ties: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the mean index of each row's nearest frames, (T, S) bool -> float64 (T,)."""
    return np.asarray(ties @ np.arange(ties.shape[1], dtype=np.float64) / ties.sum(axis=1))

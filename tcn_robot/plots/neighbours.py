"""Which frame of other films is nearest to each frame of a film, smoothed as official TCN does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tcn_robot.errors import UserError
from tcn_robot.metrics.checks import checked_embedding, checked_pair
from tcn_robot.metrics.neighbours import neighbour_pairs


@dataclass(frozen=True)
class Neighbours:
    """The nearest frame of each frame.

    Attributes:
        index: int64 (T,), row of the nearest target; of several equally near ones the first.
        distance: float64 (T,), to that one.
        ties: int64 (T,), how many targets are equally near, >= 1.
    """

    index: NDArray[np.int64]
    distance: NDArray[np.float64]
    ties: NDArray[np.int64]


def smoothed(embeddings: ArrayLike, window: int) -> NDArray[np.float64]:
    """Return running means: row i is the mean of rows [i - w, i + w), cut at the film's ends.

    As `generate_videos.py` of official TCN has it, whose window is 5 frames; 0 leaves them as they
    are. The window looks a frame further back than ahead.

    Args:
        embeddings: (T, D) of one film.
        window: w >= 0.

    Returns:
        float64 (T, D).

    Raises:
        UserError: A negative window, or embeddings that are not finite.
    """
    array = checked_embedding(embeddings, "embeddings").astype(np.float64)
    if window < 0:
        raise UserError(f"expected a smoothing window of 0 frames or more, found {window}")
    if window == 0:
        return array
    rows = [array[max(i - window, 0) : i + window].mean(axis=0) for i in range(len(array))]
    return np.stack(rows)  # (T, D)


def find_neighbours(queries: ArrayLike, targets: ArrayLike) -> Neighbours:
    """Return the nearest target of each query by L2, block by block.

    Args:
        queries: (T, D).
        targets: (S, D).

    Raises:
        MetricInputError: Dimensions that differ, or numbers that are not finite.
    """
    first, second = checked_pair(queries, targets)
    index = np.empty(len(first), np.int64)
    ties = np.empty(len(first), np.int64)
    for rows, cols in neighbour_pairs(first, second):
        frames, starts, counts = np.unique(rows, return_index=True, return_counts=True)
        index[frames], ties[frames] = cols[starts], counts  # pairs come in order: the first tie
    apart = first.astype(np.float64) - second[index]
    return Neighbours(index, np.linalg.norm(apart, axis=1), ties)

"""Which frame of other films is nearest to each frame of a film, smoothed as official TCN does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist

from tcn_robot.errors import UserError
from tcn_robot.metrics.checks import checked_embedding, checked_pair
from tcn_robot.metrics.neighbours import tie_tolerance

# Queries at a time, so that 10,000 frames against 10,000 need 80 MB and not 800.
BLOCK_FRAMES = 1024


@dataclass(frozen=True)
class Neighbours:
    """The nearest frame of each frame.

    Attributes:
        index: int64 (T,), row of the nearest target; of several equally near ones the first.
        distance: float64 (T,), to it.
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
    tolerance = tie_tolerance(first, second)
    library = second.astype(np.float64)
    parts = []
    for start in range(0, len(first), BLOCK_FRAMES):
        block = first[start : start + BLOCK_FRAMES].astype(np.float64)
        distances = cdist(block, library)  # (B, S)
        nearest = distances.min(axis=1)
        near = distances <= nearest[:, None] + tolerance
        parts.append((near.argmax(axis=1), nearest, near.sum(axis=1)))
    index, distance, ties = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Neighbours(index.astype(np.int64), distance, ties.astype(np.int64))

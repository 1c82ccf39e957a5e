"""Whether a frame's nearest neighbour in other episodes has its attribute, such as "in contact".

The classification error of TCN's official code (Sermanet et al. 2018, section IV-A), for one
attribute: one minus the recall at 1, averaged over the attribute's values so that rare ones count.

Differs from the code: it averages over the values that were found at least once, so that a value
that is never found counts for nothing, and an embedding that confuses one of three values
completely has no error. `published` is that figure, to be compared with older ones; of equidistant
neighbours both take the mean, where the code takes any.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tcn_robot.metrics.checks import MetricInputError, checked_embedding
from tcn_robot.metrics.neighbours import nearest_neighbours


@dataclass(frozen=True)
class NeighbourError:
    """Nearest-neighbour error of one attribute.

    Attributes:
        error: 1 - mean over all values of their recall, in [0, 1].
        published: The same over the values that were found at least once; 1 where none was.
        recalls: {value: recall} in the order of the values.
        chance: Error of a collapsed embedding on these frames, in [0, 1].
    """

    error: float
    published: float
    recalls: dict[str, float]
    chance: float


def attribute_error(embedding: ArrayLike, values: ArrayLike, episodes: ArrayLike) -> NeighbourError:
    """Return how often the nearest frame of another episode has another value.

    Args:
        embedding: (N, D), frames of several episodes, all views together.
        values: (N,) the attribute of each frame, such as 0 and 1.
        episodes: (N,) which episode each frame is of; neighbours come from others only.

    Raises:
        MetricInputError: Lengths that do not fit, numbers that are not finite, or one episode.
    """
    frames = checked_embedding(embedding, "embedding")
    labels = _per_frame(values, len(frames), "values")
    groups = _per_frame(episodes, len(frames), "episodes")
    if len(np.unique(groups)) < 2:
        raise MetricInputError(
            "expected frames of 2 episodes or more, found 1: a frame's neighbours come from others"
        )
    found, by_chance = np.empty(len(frames)), np.empty(len(frames))
    for group in np.unique(groups):
        own = groups == group
        same = labels[own][:, None] == labels[~own][None, :]  # (n, N - n)
        ties = nearest_neighbours(frames[own], frames[~own])
        found[own] = (ties & same).sum(axis=1) / ties.sum(axis=1)
        by_chance[own] = same.mean(axis=1)
    known = np.unique(labels)
    recalls = np.array([found[labels == value].mean() for value in known])
    retrieved = recalls[recalls > 0]
    return NeighbourError(
        error=float(1 - recalls.mean()),
        published=float(1 - retrieved.mean()) if len(retrieved) else 1.0,
        recalls={str(value): float(recall) for value, recall in zip(known, recalls, strict=True)},
        chance=float(1 - np.mean([by_chance[labels == value].mean() for value in known])),
    )


def _per_frame(given: ArrayLike, num_frames: int, name: str) -> NDArray[np.generic]:
    array = np.asarray(given)
    if array.shape != (num_frames,):
        raise MetricInputError(
            f"{name}: expected one per frame, ({num_frames},), found {array.shape}; pass those of "
            "the embedded frames"
        )
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise MetricInputError(
            f"{name}: expected one per frame, found NaN or infinity; leave frames without a label "
            "out of the embedding too"
        )
    return array

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
from numpy.typing import ArrayLike

from tcn_robot.metrics.blockwise import Distance
from tcn_robot.metrics.checks import checked_embedding, episodes_of_frames, per_frame
from tcn_robot.metrics.neighbours import mean_over_neighbours, same_class


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


def attribute_error(
    embedding: ArrayLike,
    values: ArrayLike,
    episodes: ArrayLike,
    *,
    distance: Distance = "euclidean",
) -> NeighbourError:
    """Return how often the nearest frame of another episode has another value.

    Args:
        embedding: (N, D), frames of several episodes, all views together.
        values: (N,) the attribute of each frame, such as 0 and 1.
        episodes: (N,) which episode each frame is of; neighbours come from others only.
        distance: As in `neighbour_pairs`.

    Raises:
        MetricInputError: Lengths that do not fit, numbers that are not finite, or one episode.
    """
    frames = checked_embedding(embedding, "embedding")
    labels = per_frame(values, len(frames), "values")
    groups = episodes_of_frames(episodes, len(frames))
    known, codes = np.unique(labels, return_inverse=True)  # (V,), (N,)
    found, by_chance = np.empty(len(frames)), np.empty(len(frames))
    for group in np.unique(groups):
        own = groups == group
        queries, gallery = codes[own], codes[~own]
        same = same_class(queries, gallery)
        found[own] = mean_over_neighbours(frames[own], frames[~own], same, distance=distance)
        by_chance[own] = (np.bincount(gallery, minlength=len(known)) / len(gallery))[queries]
    recalls = np.array([found[codes == code].mean() for code in range(len(known))])
    retrieved = recalls[recalls > 0]
    return NeighbourError(
        error=float(1 - recalls.mean()),
        published=float(1 - retrieved.mean()) if len(retrieved) else 1.0,
        recalls={str(value): float(recall) for value, recall in zip(known, recalls, strict=True)},
        chance=float(1 - np.mean([by_chance[codes == c].mean() for c in range(len(known))])),
    )

"""Whether a value, such as a learned reward, rises with the time of a successful episode.

Value-order correlation is the measure of GVL (Ma et al. 2024): the rank correlation of
predicted values and chronological order. It asks for order only, not for size: a value that jumps
from 0 to nearly 1 in the first frames and creeps from there scores 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from tcn_robot.metrics.checks import checked_embedding, checked_sequence


def value_order_correlation(values: ArrayLike) -> float:
    """Return Spearman's correlation of values and the order of their frames.

    Args:
        values: (T,) one value per frame, in the order of time.

    Returns:
        In [-1, 1]: 1 where the value always rises, -1 where it always falls. 0 for a constant
        value and a single frame, where Spearman's correlation is not defined: nothing is known.

    Raises:
        MetricInputError: Not a (T,) array of finite numbers.
    """
    ranks = rankdata(checked_sequence(values, "value"))  # (T,) equal values share their mean rank
    away = ranks - ranks.mean()
    time = np.arange(len(ranks)) - (len(ranks) - 1) / 2
    norm = float(np.sqrt((away @ away) * (time @ time)))
    return float(away @ time) / norm if norm else 0.0


def goal_values(embedding: ArrayLike) -> NDArray[np.float64]:
    """Return how near each frame is to the last one: the value that an embedding implies.

    Args:
        embedding: (T, D), an episode that ends at its goal.

    Returns:
        float64 (T,), minus the Euclidean distance to the last frame; at most 0, its last 0.

    Raises:
        MetricInputError: No embedding, or numbers that are not finite.
    """
    checked = checked_embedding(embedding, "embedding").astype(np.float64)
    return np.asarray(-np.linalg.norm(checked - checked[-1], axis=1))

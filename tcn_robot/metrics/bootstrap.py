"""Percentile bootstrap intervals of a mean.

The unit that is drawn is the episode: frames of one episode, and the pairs that share one, say the
same thing twice, and drawing those would make every interval too narrow.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tcn_robot.metrics.checks import MetricInputError


def bootstrap_interval(
    values: ArrayLike,
    generator: np.random.Generator,
    *,
    confidence: float = 0.95,
    num_resamples: int = 2000,
) -> tuple[float, float]:
    """Return the percentile interval of the mean over episodes.

    Args:
        values: (N,) finite, one figure per episode.
        generator: Source of the draws; the same state gives the same interval.
        confidence: In (0, 1).
        num_resamples: Draws of N episodes with replacement.

    Returns:
        (low, high). With one episode both are its value: there is nothing to draw from.

    Raises:
        MetricInputError: No values, values that are not finite, or a bad confidence.
    """
    array = _checked(values, 1)
    draws = generator.integers(len(array), size=(num_resamples, len(array)))
    return _percentiles(array[draws].mean(axis=1), confidence)


def bootstrap_pairs_interval(
    values: ArrayLike,
    generator: np.random.Generator,
    *,
    confidence: float = 0.95,
    num_resamples: int = 2000,
) -> tuple[float, float]:
    """Return the percentile interval of a mean over ordered pairs of different episodes.

    Episodes are drawn, and the mean is over the pairs of those drawn. A pair of an episode with
    itself never counts; draws of a single episode have no pair and are drawn again.

    Args:
        values: (N, N) figures of pair (i, j), N >= 2; the diagonal is not looked at.
        generator: Source of the draws; the same state gives the same interval.
        confidence: In (0, 1).
        num_resamples: Draws of N episodes with replacement.

    Raises:
        MetricInputError: Not (N, N) with N >= 2, not finite off the diagonal, bad confidence.
    """
    array = np.array(values, dtype=np.float64)
    if array.ndim != 2 or array.shape[0] != array.shape[1] or len(array) < 2:
        raise MetricInputError(
            f"expected a figure for each pair of 2 episodes or more, (N, N), found {array.shape}"
        )
    np.fill_diagonal(array, 0.0)
    _checked(array, 2)
    num_episodes = len(array)
    share = np.full(num_episodes, 1.0 / num_episodes)
    means: list[NDArray[np.float64]] = []
    missing = num_resamples
    while missing:
        weights = generator.multinomial(num_episodes, share, size=missing).astype(np.float64)
        num_pairs = num_episodes**2 - np.square(weights).sum(axis=1)
        sums = np.einsum("bi,ij,bj->b", weights, array, weights)
        has_pair = num_pairs > 0
        means.append(sums[has_pair] / num_pairs[has_pair])
        missing -= int(has_pair.sum())
    return _percentiles(np.concatenate(means), confidence)


def _checked(values: ArrayLike, num_axes: int) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != num_axes or array.size == 0 or not np.isfinite(array).all():
        raise MetricInputError(
            f"expected finite figures of 1 episode or more, found shape {array.shape}"
            f"{'' if np.isfinite(array).all() else ' with NaN or infinity'}"
        )
    return array


def _percentiles(means: NDArray[np.float64], confidence: float) -> tuple[float, float]:
    if not 0.0 < confidence < 1.0:
        raise MetricInputError(f"expected a confidence between 0 and 1, found {confidence}")
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(means, [tail, 1.0 - tail])
    return float(low), float(high)

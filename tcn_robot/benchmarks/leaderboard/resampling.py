"""Scores of a run drawn again: other seeds and other episodes than those that happened to be.

Seeds and episodes are crossed: every seed is measured on the same held-out episodes. A draw
therefore takes seeds with replacement and, for all of them, the same episodes with replacement
(Owen 2007, "The pigeonhole bootstrap", Annals of Applied Statistics 1(2)). Drawing episodes anew
for each seed would treat one hard episode as several, and make every interval too narrow.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tcn_robot.metrics import MetricInputError


def per_seed_values(values: ArrayLike) -> NDArray[np.float64]:
    """Return a run's figures as an array after a check.

    Args:
        values: (S, N) per seed and episode, or (S, N, N) per seed and ordered pair of episodes,
            whose diagonal is not looked at.

    Returns:
        float64 of the same shape, zeros on the diagonal of pairs.

    Raises:
        MetricInputError: Another shape, no seed, no episode, one episode of pairs, or figures that
            are not finite.
    """
    array = np.array(values, dtype=np.float64)
    pairs = array.ndim == 3
    if array.ndim not in (2, 3) or array.size == 0 or (pairs and array.shape[1] != array.shape[2]):
        raise MetricInputError(
            f"expected figures (seeds, episodes) or (seeds, episodes, episodes), found "
            f"{array.shape}"
        )
    if pairs:
        if array.shape[1] < 2:
            raise MetricInputError("expected pairs of 2 episodes or more, found 1 episode")
        array[:, np.eye(array.shape[1], dtype=bool)] = 0.0
    if not np.isfinite(array).all():
        raise MetricInputError("expected finite figures of each episode, found NaN or infinity")
    return array


def seed_scores(values: ArrayLike) -> NDArray[np.float64]:
    """Return (S,) each seed's mean over its episodes, or over its ordered pairs of different ones.

    Args:
        values: As for `per_seed_values`.
    """
    array = per_seed_values(values)
    return _weighted_means(array, np.ones((1, array.shape[1])))[0]


def draw_episodes(
    num_episodes: int, num_resamples: int, generator: np.random.Generator
) -> NDArray[np.float64]:
    """Draw episodes with replacement: how often each one occurs.

    Draws that hold one episode only are made again, as they have no pair, unless there is only one.

    Args:
        num_episodes: N.
        num_resamples: B.
        generator: Source of the draws.

    Returns:
        (B, N) whole numbers, each row with the sum N.
    """
    share = np.full(num_episodes, 1.0 / num_episodes)
    weights = generator.multinomial(num_episodes, share, size=num_resamples)
    while num_episodes > 1:
        alone = weights.max(axis=1) == num_episodes
        if not alone.any():
            break
        weights[alone] = generator.multinomial(num_episodes, share, size=int(alone.sum()))
    return weights.astype(np.float64)


def draw_scores(
    values: ArrayLike, episodes: NDArray[np.float64], generator: np.random.Generator
) -> NDArray[np.float64]:
    """Draw a run's seeds with replacement and score them on drawn episodes.

    Runs that are compared are given the same `episodes`: what a draw of easy ones adds to both is
    then no difference between them.

    Args:
        values: (S, N) or (S, N, N), as for `per_seed_values`.
        episodes: (B, N) from `draw_episodes`.
        generator: Source of the draws of seeds.

    Returns:
        (B, S): in each draw, the scores of the S seeds that were drawn.
    """
    array = per_seed_values(values)
    if episodes.shape[1] != array.shape[1]:
        raise MetricInputError(
            f"expected draws of {array.shape[1]} episodes, found {episodes.shape[1]}; compare runs "
            "that were measured on the same episodes"
        )
    scores = _weighted_means(array, episodes)  # (B, S)
    seeds = generator.integers(len(array), size=scores.shape)
    return np.take_along_axis(scores, seeds, axis=1)


def percentile_interval(draws: ArrayLike, confidence: float = 0.95) -> tuple[float, float]:
    """Return the ends between which the middle share of some draws lies.

    Args:
        draws: (B,) finite.
        confidence: That share, in (0, 1).

    Raises:
        MetricInputError: A bad confidence.
    """
    if not 0.0 < confidence < 1.0:
        raise MetricInputError(f"expected a confidence between 0 and 1, found {confidence}")
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(np.asarray(draws, dtype=np.float64), [tail, 1.0 - tail])
    return float(low), float(high)


def _weighted_means(array: NDArray[np.float64], weights: NDArray[Any]) -> NDArray[np.float64]:
    """Return (B, S) means of (S, N) or (S, N, N) figures under weights (B, N) of episodes."""
    if array.ndim == 2:
        return weights @ array.T / weights.sum(axis=1, keepdims=True)
    num_pairs = weights.sum(axis=1) ** 2 - np.square(weights).sum(axis=1)  # (B,)
    sums = np.stack([((weights @ one) * weights).sum(axis=1) for one in array], axis=1)
    return sums / num_pairs[:, None]

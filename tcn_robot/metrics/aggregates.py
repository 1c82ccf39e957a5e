"""Several tasks and seeds in one figure with an interval: Agarwal et al. 2021, arXiv 2108.13264."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tcn_robot.metrics.checks import MetricInputError

NUM_RESAMPLES = 2000
# What the interquartile mean cuts off on either side.
CUT_SHARE = 0.25

Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Aggregate:
    """A figure of several tasks and seeds.

    Attributes:
        value: Interquartile mean over the scores of all seeds on all tasks.
        interval: (low, high), percentiles of the bootstrap; None where all draws are alike.
        num_scores: Seeds on all tasks together.
    """

    value: float
    interval: tuple[float, float] | None
    num_scores: int


def interquartile_mean(scores: ArrayLike) -> Scores:
    """Return the mean of the middle half of some scores, along the last axis.

    A quarter of them, rounded down, is cut off at either end, as in rliable and SciPy's
    `trim_mean(scores, 0.25)`: steadier than the mean, and it uses more than the median. Of three
    scores or fewer nothing is cut off.

    Args:
        scores: (…, K) of all seeds on all tasks, normalised so that tasks can be compared.

    Raises:
        MetricInputError: No scores.
    """
    ordered = np.sort(np.asarray(scores, dtype=np.float64), axis=-1)
    if ordered.ndim == 0 or ordered.shape[-1] == 0:
        raise MetricInputError("expected a score or more, found none")
    cut = int(CUT_SHARE * ordered.shape[-1])
    middle: Scores = ordered[..., cut : ordered.shape[-1] - cut].mean(axis=-1)
    return middle


def stratified_iqm(
    tasks: Sequence[ArrayLike],
    generator: np.random.Generator,
    *,
    confidence: float = 0.95,
    num_resamples: int = NUM_RESAMPLES,
) -> Aggregate:
    """Return the interquartile mean of all seeds' scores and its stratified bootstrap interval.

    A seed's score is its mean over episodes. Tasks are strata: each draw takes, within each task,
    as many seeds as it has, and as many episodes, with replacement. Where the paper draws seeds
    (runs) alone, episodes are drawn here too, the same ones for all seeds of a task, as all were
    evaluated on the same starts: three seeds that agree would have an interval of no width. Where
    it has none all the same, as when every episode succeeds, there is no interval: drawing again
    what is all alike says nothing of the episodes that were not tried, be it one or a thousand.

    Args:
        tasks: Per task (S, N) figures, one per seed and episode; S and N may differ between tasks.
        generator: Source of the draws; the same state gives the same interval.
        confidence: In (0, 1).
        num_resamples: Draws.

    Raises:
        MetricInputError: No task, no seed, no episode, or figures that are not finite.
    """
    if not 0.0 < confidence < 1.0:
        raise MetricInputError(f"expected a confidence between 0 and 1, found {confidence}")
    if not len(tasks):
        raise MetricInputError("expected a task or more, found none")
    values = [_checked(task) for task in tasks]
    scores = np.concatenate([task.mean(axis=1) for task in values])
    draws = np.concatenate([_drawn(task, generator, num_resamples) for task in values], axis=1)
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(interquartile_mean(draws), [tail, 1.0 - tail])
    interval = (float(low), float(high)) if low < high else None
    return Aggregate(float(interquartile_mean(scores)), interval, len(scores))


def _drawn(task: Scores, generator: np.random.Generator, num_resamples: int) -> Scores:
    """Return (B, S) scores of drawn seeds on drawn episodes, of (S, N) figures."""
    num_seeds, num_episodes = task.shape
    share = np.full(num_episodes, 1.0 / num_episodes)
    weights = generator.multinomial(num_episodes, share, size=num_resamples)  # (B, N)
    scores = weights @ task.T / num_episodes  # (B, S)
    seeds = generator.integers(num_seeds, size=scores.shape)
    return np.take_along_axis(scores, seeds, axis=1)


def _checked(task: ArrayLike) -> Scores:
    array = np.asarray(task, dtype=np.float64)
    if array.ndim != 2 or array.size == 0 or not np.isfinite(array).all():
        raise MetricInputError(
            f"expected finite figures (seeds, episodes) of each task, found shape {array.shape}"
            f"{'' if np.isfinite(array).all() else ' with NaN or infinity'}"
        )
    return array

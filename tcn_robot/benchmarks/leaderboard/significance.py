"""Is one run better than another, or did it have the luckier seeds and episodes?

Scores are such that higher is better. Aggregates are those of Agarwal et al. 2021, "Deep RL at the
edge of the statistical precipice" (NeurIPS): interquartile mean and probability of improvement over
tasks, with intervals from draws that are stratified by task. Where that paper draws seeds only, the
draws here may hold episodes too (`resampling.draw_scores`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from tcn_robot.benchmarks.leaderboard.resampling import (
    draw_episodes,
    draw_scores,
    per_seed_values,
    percentile_interval,
    seed_scores,
)
from tcn_robot.metrics import MetricInputError

NUM_RESAMPLES = 2000

Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """How much better a first run is than a second one.

    Attributes:
        mean: Mean score of the first less that of the second.
        interval: (low, high) over seeds and episodes.
        p_value: Two-sided, of the hypothesis that they are equally good, in (0, 1].
    """

    mean: float
    interval: tuple[float, float]
    p_value: float


def paired_difference(
    first: ArrayLike,
    second: ArrayLike,
    generator: np.random.Generator,
    *,
    confidence: float = 0.95,
    num_resamples: int = NUM_RESAMPLES,
) -> Difference:
    """Compare two runs by a paired bootstrap over seeds and episodes.

    Each draw takes episodes, the same ones for both runs, and the seeds of each run by themselves:
    what one seed number means to one objective it does not mean to another. With one seed there is
    nothing to draw from, and the interval is over episodes only. The p-value is twice the share of
    draws on the wrong side of zero, with one added to count and draws: never 0, at most 1.

    Args:
        first: (S, N) or (S, N, N) figures per seed and episode or pair of episodes.
        second: The same on the same episodes; the number of seeds may differ.
        generator: Source of the draws.
        confidence: Of the interval, in (0, 1).
        num_resamples: Draws.

    Raises:
        MetricInputError: Different episodes, or figures that are not finite.
    """
    one, other = per_seed_values(first), per_seed_values(second)
    if one.shape[1:] != other.shape[1:]:
        raise MetricInputError(
            f"expected two runs measured on the same episodes, found {one.shape[1:]} and "
            f"{other.shape[1:]}"
        )
    episodes = draw_episodes(one.shape[1], num_resamples, generator)
    draws = draw_scores(one, episodes, generator).mean(axis=1)
    draws -= draw_scores(other, episodes, generator).mean(axis=1)
    mean = float(seed_scores(one).mean() - seed_scores(other).mean())
    return difference_of(mean, draws, confidence)


def difference_of(mean: float, draws: ArrayLike, confidence: float = 0.95) -> Difference:
    """Return a difference from its draws (B,), which both runs made on the same episodes."""
    return Difference(mean, percentile_interval(draws, confidence), two_sided_p(draws))


def two_sided_p(differences: ArrayLike) -> float:
    """Return the bootstrap p-value of "no difference", from draws (B,) of the difference."""
    draws = np.asarray(differences, dtype=np.float64)
    wrong = min(int((draws <= 0).sum()), int((draws >= 0).sum()))
    return min(1.0, 2.0 * (wrong + 1) / (len(draws) + 1))


def holm(p_values: ArrayLike) -> Scores:
    """Correct p-values for being many (Holm 1979): the chance of any false alarm is held.

    The smallest of m is multiplied by m, the next by m - 1, and none becomes smaller than one
    before it.

    Args:
        p_values: (m,) in [0, 1].

    Returns:
        (m,) corrected, in the order given; at most 1.

    Raises:
        MetricInputError: Values outside [0, 1].
    """
    values = np.asarray(p_values, dtype=np.float64)
    if values.ndim != 1 or not ((values >= 0) & (values <= 1)).all():
        raise MetricInputError("expected p-values (m,) between 0 and 1, found others")
    order = np.argsort(values, kind="stable")
    factors = np.arange(len(values), 0, -1)
    corrected = np.empty(len(values))
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(values[order] * factors))
    return corrected


def probability_of_improvement(first: Sequence[ArrayLike], second: Sequence[ArrayLike]) -> Scores:
    """Return how probable it is that one run beats another on a task drawn at random.

    Mean over tasks of P(X > Y) = 1 / (S R) sum_ij [x_i > y_j] + 1/2 [x_i = y_j], the Mann-Whitney
    statistic (Agarwal et al. 2021, section 4.3).

    Args:
        first: Per task (…, S) scores of the first run's seeds.
        second: Per task (…, R) scores of the second run's seeds, the same tasks.

    Returns:
        (…) in [0, 1]; 0.5 for runs that are equally good.

    Raises:
        MetricInputError: No task, or different tasks.
    """
    if len(first) != len(second) or not first:
        raise MetricInputError(
            f"expected scores on the same tasks, found {len(first)} and {len(second)} tasks"
        )
    shares = []
    for one, other in zip(first, second, strict=True):
        gaps = np.asarray(one)[..., :, None] - np.asarray(other)[..., None, :]  # (…, S, R)
        shares.append(((gaps > 0) + 0.5 * (gaps == 0)).mean(axis=(-2, -1)))
    mean: Scores = np.mean(shares, axis=0)
    return mean


def stratified_interval(
    scores: Sequence[ArrayLike],
    statistic: Callable[[list[Scores]], Scores],
    generator: np.random.Generator,
    *,
    confidence: float = 0.95,
    num_resamples: int = NUM_RESAMPLES,
) -> tuple[float, float]:
    """Return the interval of a statistic over tasks, seeds drawn again within each task.

    Args:
        scores: Per task (S,) scores of the seeds.
        statistic: Of per task (B, S) drawn scores, one value (B,) per draw.
        generator: Source of the draws.
        confidence: In (0, 1).
        num_resamples: B.
    """
    drawn = []
    for task in scores:
        seeds = np.asarray(task, dtype=np.float64)
        drawn.append(seeds[generator.integers(len(seeds), size=(num_resamples, len(seeds)))])
    return percentile_interval(statistic(drawn), confidence)


def ranks(scores: ArrayLike) -> Scores:
    """Return the rank of each run, 1 for the highest score; equal ones share their mean rank.

    Args:
        scores: (…, R), one score per run.
    """
    ranked: Scores = np.asarray(rankdata(-np.asarray(scores, dtype=np.float64), axis=-1))
    return ranked


def normalised(values: ArrayLike, zero: float, one: float) -> Scores:
    """Return (values - zero) / (one - zero): 0 for what knows nothing, 1 for what is possible.

    Args:
        values: Of any shape.
        zero: The figure that is to become 0, an untrained encoder's for instance.
        one: The figure that is to become 1, the ceiling's; it may lie below `zero`.

    Raises:
        MetricInputError: Both are the same.
    """
    if not abs(one - zero) > 0:
        raise MetricInputError(f"expected two different ends of a scale, found {zero} twice")
    return (np.asarray(values, dtype=np.float64) - zero) / (one - zero)

"""Means of figures over episodes, with intervals; differences of two rows on the same episodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tcn_robot.benchmarks.alignment.figures.figure import Better, Figure, Measured
from tcn_robot.metrics import bootstrap_interval, bootstrap_pairs_interval

NUM_RESAMPLES = 2000
CONFIDENCE = 0.95


def summary(
    figures: Measured,
    seed: int = 0,
    num_resamples: int = NUM_RESAMPLES,
    confidence: float = CONFIDENCE,
) -> dict[str, Any]:
    """Return {figure: mean, figure_interval: [low, high]} over episodes, None where not defined.

    Every figure draws the same episodes, so that rows can be compared.
    """
    row: dict[str, Any] = {}
    for name, values in figures.items():
        row[name] = None if values is None else mean(values)
        row[f"{name}_interval"] = (
            None if values is None else interval(values, seed, num_resamples, confidence)
        )
    return row


def mean(values: NDArray[np.float64]) -> float:
    """Average a figure's values.

    Args:
        values: (N,) over items; (N, N) over ordered pairs of different ones; (N, M) over pairs of
            two sets; (N, C, 2) two sums, such as how many were wrong and how many there are: the
            mean over classes of the ratio of the totals; () what is known of all together only.
    """
    if values.ndim == 0:
        return float(values)
    if values.ndim == 3:
        over, under = values.sum(axis=0).T  # (C,) each
        return float((over[under > 0] / under[under > 0]).mean())
    if values.ndim == 1 or values.shape[0] != values.shape[1]:
        return float(values.mean())
    return float(values[~np.eye(len(values), dtype=bool)].mean())


def interval(
    values: NDArray[np.float64],
    seed: int = 0,
    num_resamples: int = NUM_RESAMPLES,
    confidence: float = CONFIDENCE,
) -> list[float] | None:
    """Return the percentile interval of a figure's mean over draws of episodes.

    Args:
        values: As `mean` takes them.
        seed: The same seed draws the same episodes.
        num_resamples: How many draws.
        confidence: In (0, 1).

    Returns:
        [low, high]; None for the pairs of two episodes and for a figure of all together, which
        are nothing to draw from.
    """
    if values.ndim == 0:
        return None
    generator = np.random.default_rng(seed)
    options = {"confidence": confidence, "num_resamples": num_resamples}
    if values.ndim == 1:
        return list(bootstrap_interval(values, generator, **options))  # type: ignore[arg-type]
    if values.ndim == 2 and values.shape[0] == values.shape[1]:
        if len(values) < 3:
            return None
        return list(bootstrap_pairs_interval(values, generator, **options))  # type: ignore[arg-type]
    means = resampled_means(values, generator, num_resamples)
    tail = (1 - confidence) / 2
    return [float(bound) for bound in np.quantile(means, [tail, 1 - tail])]


def resampled_means(
    values: NDArray[np.float64], generator: np.random.Generator, num_resamples: int
) -> NDArray[np.float64]:
    """Return the means of draws of episodes, (B,).

    Args:
        values: As `mean` takes them; of (N, M) both sides are drawn.
        generator: Source of the draws.
        num_resamples: B; draws of one episode only have no pair and are left out.
    """
    weights = _weights(len(values), generator, num_resamples)  # (B, N)
    if values.ndim == 1:
        return np.asarray(weights @ values / len(values))
    if values.ndim == 3:
        over, under = (weights @ values[..., side] for side in (0, 1))  # (B, C)
        there = under > 0
        ratios = np.where(there, over / np.where(there, under, 1), 0.0)
        return np.asarray(ratios.sum(axis=1) / there.sum(axis=1))
    if values.shape[0] != values.shape[1]:
        others = _weights(values.shape[1], generator, num_resamples)  # (B, M)
        return np.asarray(np.einsum("bi,ij,bj->b", weights, values, others) / values.size)
    off_diagonal = np.where(np.eye(len(values), dtype=bool), 0.0, values)
    num_pairs = len(values) ** 2 - np.square(weights).sum(axis=1)
    sums = np.einsum("bi,ij,bj->b", weights, off_diagonal, weights, optimize=True)
    return np.asarray(sums[num_pairs > 0] / num_pairs[num_pairs > 0])


def _weights(count: int, generator: np.random.Generator, num_resamples: int) -> NDArray[np.float64]:
    share = np.full(count, 1.0 / count)
    return generator.multinomial(count, share, size=num_resamples).astype(np.float64)


def difference(
    first: NDArray[np.float64] | None, second: NDArray[np.float64] | None
) -> NDArray[np.float64] | None:
    """Return first - second item by item, whose mean is the difference of their means.

    Args:
        first: As `mean` takes them.
        second: The same figure of the same episodes, or None.
    """
    if first is None or second is None or first.shape != second.shape:
        return None
    if first.ndim < 3:
        return first - second
    return np.stack([first[..., 0] - second[..., 0], first[..., 1]], axis=-1)


def reached_by(
    trained: Measured,
    controls: dict[str, Measured],
    figures: Mapping[str, Figure],
    seed: int = 0,
) -> dict[str, list[str]]:
    """Return which controls reach which figures of a trained embedding.

    A control reaches a figure unless the trained embedding is better on the same episodes with an
    interval of the difference that leaves zero out; where there is no interval, unless its mean
    is better.

    Args:
        trained: Figures of the trained embedding.
        controls: Those of each control, on the same comparison.
        figures: Which end of each is good; those where neither is are left out.
        seed: Of the bootstrap.
    """
    reached: dict[str, list[str]] = {}
    for name, values in trained.items():
        if values is None or figures[name].better == "neither":
            continue
        reached[name] = [
            control
            for control, theirs in controls.items()
            if (gap := difference(values, theirs.get(name))) is not None
            and not _is_better(gap, figures[name].better, seed)
        ]
    return reached


def _is_better(gap: NDArray[np.float64], better: Better, seed: int) -> bool:
    bounds: Sequence[float] = interval(gap, seed) or [mean(gap)] * 2
    return bounds[1] < 0 if better == "lower" else bounds[0] > 0

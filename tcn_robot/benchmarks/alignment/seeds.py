"""Several seeds of one encoder: one figure, with an interval over episodes and seeds together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tcn_robot.benchmarks.alignment.figures.figure import Measured, averaged_over_seeds
from tcn_robot.benchmarks.alignment.summary import (
    CONFIDENCE,
    NUM_RESAMPLES,
    difference,
    interval,
    mean,
    resampled_means,
)
from tcn_robot.provenance import key_of


def same_but_for_seed(options: Sequence[Mapping[str, Any] | None]) -> list[list[int]]:
    """Return positions of trainings that differ in their seed only, in groups.

    Args:
        options: Every option of each training; one without is alone.
    """
    groups: dict[str, list[int]] = {}
    for position, one in enumerate(options):
        key = f"alone {position}"
        if one is not None:
            key = key_of({name: value for name, value in one.items() if name != "seed"})
        groups.setdefault(key, []).append(position)
    return list(groups.values())


def over_seeds(
    seeds: Sequence[Measured],
    seed: int = 0,
    num_resamples: int = NUM_RESAMPLES,
    confidence: float = CONFIDENCE,
) -> dict[str, Any]:
    """Return {figure: mean over seeds, figure_interval: over episodes and seeds}.

    Each draw takes as many seeds as there are, with replacement, and the same for the episodes:
    an interval says what another training on another draw of episodes would give. Few seeds give
    too narrow ones.

    Args:
        seeds: Figures of each seed, on the same episodes.
        seed: Of the draws.
        num_resamples: How many.
        confidence: In (0, 1).
    """
    row: dict[str, Any] = {}
    for name, averaged in averaged_over_seeds(seeds).items():
        row[name] = row[f"{name}_interval"] = None
        if averaged is None:
            continue
        row[name] = mean(averaged)
        values = [one[name] for one in seeds]
        row[f"{name}_interval"] = interval_over_seeds(values, seed, num_resamples, confidence)
    return row


def interval_over_seeds(
    values: Sequence[NDArray[np.float64] | None],
    seed: int = 0,
    num_resamples: int = NUM_RESAMPLES,
    confidence: float = CONFIDENCE,
) -> list[float] | None:
    """Return the interval of a figure's mean over draws of seeds and of episodes.

    Args:
        values: As `summary.mean` takes them, one of each seed.
        seed: Of the draws.
        num_resamples: How many.
        confidence: In (0, 1).
    """
    known = [one for one in values if one is not None]
    nothing_to_draw = bool(known) and (
        known[0].ndim == 0 or (known[0].ndim == 2 and len(known[0]) < 3)
    )
    if len(known) < 2 or nothing_to_draw:
        return interval(known[0], seed, num_resamples, confidence) if known else None
    # The same generator for each seed: one draw of episodes counts for all of them.
    of_seeds = np.stack(
        [resampled_means(one, np.random.default_rng(seed), num_resamples) for one in known], axis=1
    )  # (B, S)
    count = len(known)
    chosen = np.random.default_rng([seed, count]).integers(count, size=(len(of_seeds), count))
    means = np.take_along_axis(of_seeds, chosen, axis=1).mean(axis=1)
    tail = (1 - confidence) / 2
    return [float(bound) for bound in np.quantile(means, [tail, 1 - tail])]


def differences(
    first: Sequence[Measured], second: Sequence[Measured], seed: int = 0
) -> dict[str, Any]:
    """Return {figure: first - second, figure_interval: over the same episodes}.

    Seeds of each are averaged; with several of both, seeds are drawn too.

    Args:
        first: Figures of each seed of one encoder.
        second: Of the other one, on the same episodes.
        seed: Of the draws.
    """
    row: dict[str, Any] = {}
    other = averaged_over_seeds(second)
    for name in averaged_over_seeds(first):
        gaps = [difference(one[name], other.get(name)) for one in first]
        known = [gap for gap in gaps if gap is not None]
        if len(known) == len(gaps):
            row[name] = float(np.mean([mean(gap) for gap in known]))
            row[f"{name}_interval"] = interval_over_seeds(known, seed)
    return row

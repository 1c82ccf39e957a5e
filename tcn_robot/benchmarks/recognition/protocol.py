"""The recognition benchmark: every probe on every encoder and control, the same clips for all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tcn_robot.benchmarks.recognition.measuring import (
    LabelBudget,
    Outcome,
    SplitArrays,
    joined,
    measure_few_labels,
    measure_probe,
)
from tcn_robot.benchmarks.recognition.pooling import poolings
from tcn_robot.progress import Progress

PROBES = ("knn", "linear", "few")
POOLINGS = ("mean", "segments")
ORDER_CONTROLS = ("shuffled", "first")
"""Ways to pool that tell whether the order of time matters; probed linearly."""

Frames = NDArray[np.floating]
OfSplit = Callable[[SplitArrays], Sequence[Frames]]


@dataclass(frozen=True)
class RecognitionOptions:
    """How it is measured.

    Attributes:
        probes: Of `PROBES`.
        poolings: Of `POOLINGS`.
        segments: K, parts of a clip that are pooled by themselves.
        budgets: Few labels: how many.
        draws: Draws of each budget.
        seed: Of validation clips, draws of labels and the bootstrap.
        num_resamples: Draws of the bootstrap.
        confidence: Of the intervals, in (0, 1).
    """

    probes: tuple[str, ...] = PROBES
    poolings: tuple[str, ...] = POOLINGS
    segments: int = 4
    budgets: tuple[LabelBudget, ...] = ()
    draws: int = 5
    seed: int = 0
    num_resamples: int = 2000
    confidence: float = 0.95


@dataclass(frozen=True)
class Row:
    """Something that is measured.

    Attributes:
        kind: "run", "seeds", "embeddings", "untrained", "pixel_pca" or "pixels".
        features: From a split to the features (clips, S, F) of the frames of all clips, one
            array per seed; for most the same for every split.
        layers: The same of each layer of the encoder, if those are to be probed.
        controls: Rows that this one is compared with.
        members: Of "seeds", the runs that it joins; it is measured by them.
    """

    kind: str
    features: OfSplit
    layers: Mapping[str, OfSplit] = field(default_factory=dict)
    controls: tuple[str, ...] = ()
    members: tuple[str, ...] = ()


@dataclass(frozen=True)
class RowOutcomes:
    """What the probes got right on one row.

    Attributes:
        probed: By pooling and probe; few labels are called "few NAME".
        layers: By layer and pooling, probed linearly.
    """

    probed: Mapping[tuple[str, str], Outcome]
    layers: Mapping[tuple[str, str], Outcome]


def measure_rows(
    rows: Mapping[str, Row], splits: Sequence[SplitArrays], options: RecognitionOptions
) -> dict[str, RowOutcomes]:
    """Return what every probe gets right on every row.

    Args:
        rows: By name.
        splits: The splits.
        options: How it is measured.
    """
    ways = poolings(options.segments, options.seed)
    plan = list(_plan(options))
    total = sum(len(plan) + len(row.layers) * len(options.poolings) for row in rows.values())
    measured = {}
    with Progress(total, "probing", "probes") as display:
        for name, row in rows.items():
            by_split = {split.number: row.features(split) for split in splits}
            probed: dict[tuple[str, str], Outcome] = {}
            for pooling, probe in plan:
                probed[pooling, probe] = _probe_seeds(
                    by_split, ways[pooling], probe, splits, options, probed.get((pooling, "linear"))
                )
                display.advance(note=name)
            layers: dict[tuple[str, str], Outcome] = {}
            for layer, of_split in row.layers.items():
                of_layer = {split.number: of_split(split) for split in splits}
                for pooling in options.poolings:
                    layers[layer, pooling] = _probe_seeds(
                        of_layer, ways[pooling], "linear", splits, options
                    )
                    display.advance(note=f"{name}, {layer}")
            measured[name] = RowOutcomes(probed, layers)
    return measured


def _plan(options: RecognitionOptions) -> Iterator[tuple[str, str]]:
    """Yield (pooling, probe) in order; what few labels with all of them is, linear has found."""
    for pooling in options.poolings:
        for probe in options.probes:
            if probe != "few":
                yield pooling, probe
        if "few" in options.probes:
            yield from ((pooling, f"few {budget.name}") for budget in options.budgets)
    if "linear" in options.probes and "segments" in options.poolings:
        yield from ((pooling, "linear") for pooling in ORDER_CONTROLS)


def _probe_seeds(
    by_split: Mapping[int, Sequence[Frames]],
    pool: Callable[[Frames], NDArray[np.float64]],
    probe: str,
    splits: Sequence[SplitArrays],
    options: RecognitionOptions,
    with_all_labels: Outcome | None = None,
) -> Outcome:
    """Return the outcomes of all seeds of a row."""
    budget = next((one for one in options.budgets if f"few {one.name}" == probe), None)
    if budget is not None and budget.is_all and with_all_labels is not None:
        return with_all_labels
    num_seeds = len(next(iter(by_split.values())))
    outcomes = []
    for seed in range(num_seeds):
        features = {number: pool(frames[seed]) for number, frames in by_split.items()}
        if budget is None or budget.is_all:
            outcomes.append(measure_probe("knn" if probe == "knn" else "linear", features, splits))
        else:
            outcomes.append(
                measure_few_labels(budget, features, splits, options.draws, options.seed)
            )
    return joined(outcomes)


def with_seeds(
    rows: Mapping[str, Row],
    measured: Mapping[str, RowOutcomes],
    seeds: Mapping[str, Sequence[str]],
) -> tuple[dict[str, Row], dict[str, RowOutcomes]]:
    """Return rows and outcomes with a row for each encoder that was trained with several seeds.

    Args:
        rows: By name.
        measured: What they got right.
        seeds: By the name of the row that is made, the runs that differ in their seed only.

    Returns:
        Both, with the new rows first.
    """
    made: dict[str, Row] = {}
    outcomes: dict[str, RowOutcomes] = {}
    for name, members in seeds.items():
        first = rows[members[0]]
        made[name] = Row("seeds", first.features, {}, first.controls, tuple(members))
        each = [measured[member] for member in members]
        outcomes[name] = RowOutcomes(
            {key: joined([one.probed[key] for one in each]) for key in each[0].probed},
            {key: joined([one.layers[key] for one in each]) for key in each[0].layers},
        )
    return {**made, **rows}, {**outcomes, **measured}

"""From what was right to figures: means over splits, intervals, and which controls reach them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tcn_robot.benchmarks.recognition.intervals import Hits, accuracy, accuracy_interval
from tcn_robot.benchmarks.recognition.measuring import Outcome, SplitArrays
from tcn_robot.benchmarks.recognition.protocol import (
    RecognitionOptions,
    Row,
    RowOutcomes,
)
from tcn_robot.benchmarks.recognition.scores import macro_accuracy, per_class_accuracy

MEASURED_KINDS = ("run", "seeds", "embeddings")


def summarise(
    rows: Mapping[str, Row],
    measured: Mapping[str, RowOutcomes],
    splits: Sequence[SplitArrays],
    classes: Sequence[str],
    options: RecognitionOptions,
) -> dict[str, Any]:
    """Return the figures of every row as plain JSON.

    Args:
        rows: What was measured.
        measured: What it got right.
        splits: The splits.
        classes: Names, in order.
        options: How it was measured.

    Returns:
        By row {"kind", "controls", "members", "figures": {pooling: {probe: figure}}, "layers":
        {layer: {pooling: figure}}}. A figure has "top1", "top1_interval", "top5", "macro",
        "per_split"; "seeds" and "draws", the accuracy of each, where there are several; "above"
        and "reached_by" where there are controls, and "against" where there are other runs;
        "per_class" and "confusion" for the linear probe of what is measured.
    """
    summary: dict[str, Any] = {}
    for name, row in rows.items():
        outcomes = measured[name]
        controls = {control: measured[control] for control in row.controls}
        figures: dict[str, dict[str, Any]] = {}
        for (pooling, probe), outcome in outcomes.probed.items():
            rivals = {
                control: theirs.probed[pooling, probe] for control, theirs in controls.items()
            }
            figure = figure_of(outcome, rivals, splits, options)
            if row.kind in MEASURED_KINDS:
                others = _compared_with(name, rows)
                theirs_of = {one: measured[one].probed[pooling, probe].top1 for one in others}
                figure["against"] = {
                    one: _difference(outcome.top1, theirs, splits, options)
                    for one, theirs in theirs_of.items()
                }
                figure |= _by_class(outcome, classes) if probe == "linear" else {}
            figures.setdefault(pooling, {})[probe] = figure
        layers: dict[str, dict[str, Any]] = {}
        for (layer, pooling), outcome in outcomes.layers.items():
            rivals = {
                control: theirs.layers[layer, pooling]
                for control, theirs in controls.items()
                if (layer, pooling) in theirs.layers
            }
            layers.setdefault(layer, {})[pooling] = figure_of(outcome, rivals, splits, options)
        summary[name] = {
            "kind": row.kind,
            "controls": list(row.controls),
            "members": list(row.members),
            "figures": figures,
            "layers": layers,
            "order": _order(outcomes, splits, options),
        }
    return summary


def figure_of(
    outcome: Outcome,
    rivals: Mapping[str, Outcome],
    splits: Sequence[SplitArrays],
    options: RecognitionOptions,
) -> dict[str, Any]:
    """Return the figures of one probe, compared clip by clip with the same probe of controls.

    Args:
        outcome: What it got right.
        rivals: What controls got right, by name.
        splits: The splits.
        options: Of the bootstrap.
    """
    figure: dict[str, Any] = {
        "top1": accuracy(outcome.top1),
        "top1_interval": _interval(outcome.top1, splits, options),
        "top5": accuracy(outcome.top5),
        "macro": macro_accuracy(outcome.confusion),
        "per_split": {str(n): float(np.mean(hits)) for n, hits in outcome.top1.items()},
    }
    if outcome.chosen:
        figure["chosen"] = {str(number): list(one) for number, one in outcome.chosen.items()}
    seeds, draws = (_along(outcome.top1, axis) for axis in (0, 1))
    figure |= {"seeds": seeds} if len(seeds) > 1 else {}
    figure |= {"draws": draws} if len(draws) > 1 else {}
    figure["labels"] = outcome.num_labels
    if rivals:
        above = {
            name: _difference(outcome.top1, rival.top1, splits, options)
            for name, rival in rivals.items()
        }
        figure["above"] = above
        figure["reached_by"] = [name for name, one in above.items() if one["interval"][0] <= 0]
    return figure


def _order(
    outcomes: RowOutcomes, splits: Sequence[SplitArrays], options: RecognitionOptions
) -> dict[str, Any] | None:
    """Return what the order of time adds: segments in their order less segments shuffled."""
    ordered = outcomes.probed.get(("segments", "linear"))
    shuffled = outcomes.probed.get(("shuffled", "linear"))
    if ordered is None or shuffled is None:
        return None
    gained = {number: ordered.top1[number] - shuffled.top1[number] for number in ordered.top1}
    return {"mean": accuracy(gained), "interval": _interval(gained, splits, options)}


def _compared_with(name: str, rows: Mapping[str, Row]) -> list[str]:
    """Return what a row is compared with: seeds together with others, not with their own."""
    own = rows[name].members
    joint = {member for row in rows.values() for member in row.members}
    left_out = {name, *own} | (joint if own else {one for one in rows if rows[one].members})
    return [one for one in rows if rows[one].kind in MEASURED_KINDS and one not in left_out]


def _along(values: Hits, axis: int) -> list[float]:
    """Return the accuracy of each training (axis 0), or of each draw of labels (1)."""
    others = tuple(one for one in range(3) if one != axis)
    means = [np.mean(of_split, axis=others) for of_split in values.values()]
    return [float(one) for one in np.mean(means, axis=0)]


def _difference(
    ours: Hits, theirs: Hits, splits: Sequence[SplitArrays], options: RecognitionOptions
) -> dict[str, Any]:
    mean = accuracy(ours) - accuracy(theirs)
    return {"mean": mean, "interval": _interval(ours, splits, options, theirs)}


def _interval(
    values: Hits,
    splits: Sequence[SplitArrays],
    options: RecognitionOptions,
    rivals: Hits | None = None,
) -> list[float]:
    groups = {split.number: split.test_groups for split in splits}
    return list(
        accuracy_interval(
            values,
            groups,
            np.random.default_rng(options.seed),
            rivals=rivals,
            confidence=options.confidence,
            num_resamples=options.num_resamples,
        )
    )


def _by_class(outcome: Outcome, classes: Sequence[str]) -> dict[str, Any]:
    of_class = per_class_accuracy(outcome.confusion)
    return {
        "per_class": {
            name: None if np.isnan(value) else float(value)
            for name, value in zip(classes, of_class, strict=True)
        },
        "confusion": outcome.confusion.tolist(),
    }

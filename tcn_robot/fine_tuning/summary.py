"""The fine-tunings of a study together: accuracies with intervals, what pre-training saves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tcn_robot.benchmarks.recognition.clips import Split
from tcn_robot.benchmarks.recognition.controls import chance_levels
from tcn_robot.benchmarks.recognition.intervals import accuracy, accuracy_interval
from tcn_robot.benchmarks.recognition.scores import macro_accuracy, per_class_accuracy

Result = Mapping[str, Any]
FIGURES = ("top_1", "top_5")
# Of the best accuracy from scratch: which accuracies both starts are timed to.
SHARES_OF_SCRATCH = (0.5, 0.75, 0.9, 1.0)
# Trainings that have a spread, and how often they are drawn again for it.
FEWEST_TRAININGS, NUM_RESAMPLES = 3, 500
_ROUNDING = 1e-9


def summarised(
    results: Sequence[Result],
    splits: Sequence[Split],
    seed: int,
    accuracies: Sequence[float] = (),
) -> dict[str, Any]:
    """Return the figures of a study.

    Args:
        results: What `run_cell` returned.
        splits: The splits they were tested on.
        seed: Of the intervals.
        accuracies: Validation accuracies, 0 to 1, that both starts are timed to; shares of the
            best that is reached from scratch when there are none.

    Returns:
        By amount of labels the rows "pretrained", "scratch" and "difference" (in which both were
        tested on the same clips) with 95 % intervals over groups of test clips, "curves" and
        "steps_to"; "chance", and of the first amount named "per_class" and "confusion" by start.
    """
    amounts = list(dict.fromkeys(result["amount"] for result in results))
    classes = splits[0].classes
    groups = {split.number: [clip.group for clip in split.test] for split in splits}
    summary: dict[str, Any] = {"chance": _chance(splits), "classes": list(classes), "amounts": {}}
    for amount in amounts:
        rows: dict[str, Any] = {}
        of_start = _by_start([result for result in results if result["amount"] == amount])
        for start, some in of_start.items():
            values = {name: _per_clip(some, name) for name in FIGURES}
            rows[start] = _row(values, groups, seed) | _trainings(some)
        if "scratch" in of_start:
            rows["difference"] = _row(_differences(of_start), groups, seed)
            rows["steps_to"] = steps_to(of_start, seed, accuracies)
        rows["curves"] = {start: mean_curve(some) for start, some in of_start.items()}
        summary["amounts"][amount] = rows
    summary["per_class"], summary["confusion"] = {}, {}
    widest = _by_start([result for result in results if result["amount"] == amounts[0]])
    for start, some in widest.items():
        confusion = np.sum([result["confusion"] for result in some], axis=0)
        each = per_class_accuracy(confusion)
        summary["confusion"][start] = confusion.tolist()
        summary["per_class"][start] = {
            name: None if np.isnan(share) else float(share)
            for name, share in zip(classes, each, strict=True)
        }
        summary["amounts"][amounts[0]][start]["macro"] = macro_accuracy(confusion)
    return summary


def _chance(splits: Sequence[Split]) -> dict[str, float]:
    levels = chance_levels(splits)
    return {"top_1": levels["top1"], "top_5": levels["top5"], "majority": levels["majority"]}


def _by_start(results: Sequence[Result]) -> dict[str, list[Result]]:
    found: dict[str, list[Result]] = {}
    for result in results:
        found.setdefault(result["start"], []).append(result)
    return found


def _per_clip(results: Sequence[Result], name: str) -> dict[int, NDArray[np.float64]]:
    """Return by split what each test clip scored in each draw, float64 (1, D, N)."""
    of_split: dict[int, list[list[float]]] = {}
    for result in results:
        of_split.setdefault(result["split"], []).append(result[name])
    return {split: np.array([draws], np.float64) for split, draws in of_split.items()}


def _differences(of_start: Mapping[str, Sequence[Result]]) -> dict[str, dict[int, NDArray[Any]]]:
    """Return by figure and split what pre-training adds to each test clip's score."""
    found = {}
    for name in FIGURES:
        ours, theirs = (_per_clip(of_start[start], name) for start in ("pretrained", "scratch"))
        found[name] = {split: ours[split] - theirs[split] for split in ours}
    return found


def _row(
    values: Mapping[str, Mapping[int, NDArray[np.float64]]],
    groups: Mapping[int, Sequence[str]],
    seed: int,
) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for name, by_split in values.items():
        generator = np.random.default_rng(seed)
        row[name] = accuracy(by_split)
        row[f"{name}_interval"] = list(accuracy_interval(by_split, groups, generator))
    return row


def _trainings(results: Sequence[Result]) -> dict[str, Any]:
    names = (
        *("split", "draw", "num_labels", "num_valid", "num_watched"),
        *("learning_rate", "steps", "kept_step"),
    )
    return {
        "trainings": [
            {name: result[name] for name in names} | {"top_1": float(np.mean(result["top_1"]))}
            for result in results
        ]
    }


def mean_curve(results: Sequence[Result]) -> list[dict[str, float]]:
    """Return the validation accuracy over the steps, averaged over trainings of equal length.

    Of unequal ones, as splits of unequal size make them, the k-th looks are averaged.
    """
    curves = [result["curve"] for result in results]
    if not curves or not all(curves):
        return []
    count = min(len(curve) for curve in curves)
    return [
        {
            "step": float(np.mean([curve[look]["step"] for curve in curves])),
            "accuracy": float(np.mean([curve[look]["accuracy"] for curve in curves])),
        }
        for look in range(count)
    ]


def first_step(curve: Sequence[Mapping[str, float]], wanted: float) -> float | None:
    """Return the first step at which a curve has reached an accuracy, None if it never does."""
    least = wanted - _ROUNDING
    return next((one["step"] for one in curve if one["accuracy"] >= least), None)


def steps_to(
    of_start: Mapping[str, Sequence[Result]], seed: int, accuracies: Sequence[float] = ()
) -> list[dict[str, Any]]:
    """Return how many steps both starts take to some accuracies on the validation films.

    Args:
        of_start: Results "pretrained" and "scratch", of the same splits and draws in one order.
        seed: Of the intervals.
        accuracies: 0 to 1; shares of the best that is reached from scratch when there are none.

    Returns:
        Of each accuracy, "pretrained" and "scratch" steps, None where it is not reached, "saving",
        the second over the first, None where one is not known, and "saving_interval", see
        `_saving_interval`.
    """
    curves = {start: mean_curve(results) for start, results in of_start.items()}
    best = max((one["accuracy"] for one in curves["scratch"]), default=0.0)
    asked = accuracies or [share * best for share in SHARES_OF_SCRATCH]
    drawn = _drawn_again(of_start, seed)
    rows: list[dict[str, Any]] = []
    for wanted in asked:
        ours, theirs = (first_step(curves[start], wanted) for start in ("pretrained", "scratch"))
        row: dict[str, Any] = {"accuracy": wanted, "pretrained": ours, "scratch": theirs}
        row["saving"] = saving = theirs / ours if ours and theirs else None
        row["saving_interval"] = None if saving is None else _saving_interval(drawn, wanted)
        rows.append(row)
    return rows


def _drawn_again(of_start: Mapping[str, Sequence[Result]], seed: int) -> list[dict[str, Any]]:
    """Return the mean curves of trainings drawn with replacement, the same of both starts."""
    count = len(of_start["scratch"])
    if count < FEWEST_TRAININGS:
        return []
    draws = np.random.default_rng(seed).integers(count, size=(NUM_RESAMPLES, count))
    return [
        {start: mean_curve([results[i] for i in some]) for start, results in of_start.items()}
        for some in draws
    ]


def _saving_interval(drawn: Sequence[Mapping[str, Any]], wanted: float) -> list[float] | None:
    """Return the 95 % interval of the saving over the trainings; steps are as fine as the looks.

    Where a draw does not reach the accuracy its steps are endless, which bounds the saving on one
    side; None where there are too few trainings, or an end of the interval is not a number.
    """
    if not drawn:
        return None
    steps = np.array(
        [
            [first_step(one[start], wanted) or np.inf for start in ("pretrained", "scratch")]
            for one in drawn
        ]
    )
    ours, theirs = steps.T
    if np.isinf(steps).all(axis=1).any():  # neither says anything of the saving
        return None
    savings = np.divide(theirs, ours, out=np.zeros_like(ours), where=np.isfinite(ours))
    low, high = np.quantile(savings, [0.025, 0.975], method="nearest")
    return [float(low), float(high)] if np.isfinite(high) else None

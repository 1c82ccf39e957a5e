"""`tcn-robot bench recognition`: what a frozen embedding knows of actions, beside controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from tcn_robot.atomic import refuse_unwritable
from tcn_robot.errors import UserError
from tcn_robot.workflows.bench_output import write_figures
from tcn_robot.workflows.options import parse_and_run

if TYPE_CHECKING:
    from tcn_robot.benchmarks.recognition.measuring import LabelBudget

ALL_LABELS = "all"


def bench_recognition(
    paths: Annotated[tuple[Path, ...], tyro.conf.Positional] = (),
    /,
    *,
    embeddings: tuple[Path, ...] = (),
    splits: tuple[int, ...] = (),
    probes: tuple[Literal["knn", "linear", "few"], ...] = ("knn", "linear", "few"),
    pooling: tuple[Literal["mean", "segments"], ...] = ("mean", "segments"),
    frames: int = 8,
    segments: int = 4,
    representation: Literal["embedding", "features"] = "embedding",
    layers: bool = False,
    labels_per_class: tuple[str, ...] = ("1", "5", "10", "20", "all"),
    label_shares: tuple[float, ...] = (0.01, 0.1),
    draws: int = 5,
    untrained_seeds: int = 3,
    allow_missing: bool = False,
    workers: int = 1,
    seed: int = 0,
    out: Path | None = None,
    report: Path | None = None,
) -> dict[str, Any]:
    """Measure what frozen features of clips know of their classes.

    The layout of the folder is found: UCF101 or HMDB51 (films or extracted frames, with their
    lists), a set of record-actions, or folders of pictures. Every figure stands beside the same
    encoder untrained, pixels, their principal components, and chance; a figure that one of these
    reaches is marked. Hyper-parameters are chosen on clips of the training half alone.

    Args:
        paths: Run folders or names of the zoo, one row each, then the folder of the clips. A name
            with {split} in it stands for a run per split, each trained on its own training half.
        embeddings: Files of features that somebody else made (.npz: `names` and `features`, or an
            array per clip; Parquet: columns of the same names), one row each.
        splits: Numbers of the splits; all that there are when none is given.
        probes: What is measured: nearest neighbours, a linear probe, few labels (linear).
        pooling: How frames become a clip: their mean, or the means of parts behind each other,
            which keeps the order of time.
        frames: Frames of a clip, the middles of as many equal parts.
        segments: Parts of a clip that are pooled by themselves; divides --frames.
        representation: What is probed: the embedding, or the features before the last layer.
        layers: Probe every stage of the encoder, too.
        labels_per_class: Budgets of few labels: numbers, or all.
        label_shares: Budgets as shares of the training clips, at least one of each class.
        draws: Draws of each budget.
        untrained_seeds: Untrained encoders to average.
        allow_missing: Leave out clips that lists name and the folder lacks.
        workers: Threads that decode.
        seed: Of validation clips, draws of labels, untrained encoders and the bootstrap.
        out: Where to write the figures as JSON.
        report: Where to write them as a page.

    Raises:
        UserError: Options that cannot be, or a set that cannot be trusted.
    """
    for option, file in (("--out", out), ("--report", report)):
        if file is not None:
            refuse_unwritable(file, option)
    counts = {"frames": frames, "segments": segments, "draws": draws, "workers": workers}
    _expect_at_least(1, counts)
    _expect_at_least(0, {"seed": seed, "untrained-seeds": untrained_seeds})
    paths, embeddings = _told_apart(paths, embeddings)
    budgets = _budgets(labels_per_class, label_shares)
    from tcn_robot.benchmarks.recognition.clips import open_action_set
    from tcn_robot.benchmarks.recognition.protocol import RecognitionOptions
    from tcn_robot.workflows.recognition_rows import Sources, measure

    options = RecognitionOptions(probes, pooling, segments, budgets, draws, seed)
    action_set = open_action_set(paths[-1], allow_missing)
    print(action_set.describe())
    chosen = [action_set.split(n) for n in dict.fromkeys(splits or action_set.splits)]
    seeds = range(seed, seed + untrained_seeds)
    sources = Sources(paths[:-1], embeddings, representation, layers, seeds)
    result = measure(action_set, chosen, sources, frames, workers, options)
    _show(result, out, report)
    return result


def _told_apart(
    paths: tuple[Path, ...], embeddings: tuple[Path, ...]
) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Return runs with the folder of clips last, and files of features."""
    if not paths and embeddings and embeddings[-1].is_dir():  # --embeddings FILE DIR
        paths, embeddings = embeddings[-1:], embeddings[:-1]
    if not paths or len(paths) + len(embeddings) < 2:
        raise UserError(
            f"expected a run and a folder of clips, found {len(paths)} folders; write tcn-robot "
            "bench recognition RUN DIR, or RUN RUN DIR, or DIR --embeddings FILE.npz"
        )
    return paths, embeddings


def _show(result: Mapping[str, Any], out: Path | None, report: Path | None) -> None:
    """Print the table, and write what was asked for."""
    from tcn_robot.benchmarks.recognition.table import recognition_table
    from tcn_robot.report.recognition_page import write_recognition_page

    print(recognition_table(result))
    write_figures(result, out)
    if report is not None:
        write_recognition_page(result, report)
        print(f"written to {report}")


def _expect_at_least(least: int, numbers: Mapping[str, int]) -> None:
    for name, number in numbers.items():
        if number < least:
            raise UserError(f"--{name} must be at least {least}, found {number}")


def _budgets(
    labels_per_class: Sequence[str], label_shares: Sequence[float]
) -> tuple[LabelBudget, ...]:
    """Return the budgets of few labels that were asked for, fewest first."""
    from tcn_robot.benchmarks.recognition.measuring import LabelBudget

    budgets = []
    for given in labels_per_class:
        if given == ALL_LABELS:
            continue
        if not given.isdecimal() or int(given) < 1:
            raise UserError(
                f"--labels-per-class expects numbers from 1 on, or all, found {given!r}"
            )
        budgets.append(LabelBudget(str(int(given)), per_class=int(given)))
    for share in label_shares:
        if not 0 < share < 1:
            raise UserError(f"--label-shares must lie between 0 and 1, found {share}")
        budgets.append(LabelBudget(f"{100 * share:g}%", share=share))
    if ALL_LABELS in labels_per_class:
        budgets.append(LabelBudget(ALL_LABELS))
    return tuple(dict.fromkeys(budgets))


def main(arguments: list[str]) -> None:
    """Run the command."""
    parse_and_run(bench_recognition, arguments, "bench recognition")

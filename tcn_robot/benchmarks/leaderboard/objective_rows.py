"""One ranked row per run of a study of embeddings, pooled over its seeds."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tcn_robot.benchmarks.alignment.basic import ROWS, summarised
from tcn_robot.benchmarks.alignment.per_episode import pooled_over_seeds
from tcn_robot.provenance import key_of

EMBEDDING_KIND = "embedding"
REFERENCE_KIND = "alignment-reference"
FIGURES = ("error", "accuracy_1", "tau_b")
HEADER = (
    "| | objective | error % | within 1 frame % | tau_b | error % of each seed | steps "
    "| core minutes |"
)
RULE = "|---|---|---|---|---|---|---|---|"


@dataclass(frozen=True)
class ObjectiveRow:
    """All seeds of one run.

    Attributes:
        run: The run's name in its study.
        objective: What it was trained for.
        figures: {figure: mean over seeds, figure_interval: over episodes}.
        seed_errors: Error of each seed, in the order of the seeds; empty with one view.
        steps: Optimisation steps.
        core_minutes: Mean over those seeds that were trained without a break, or over all.
        lines: One line of results per seed.
    """

    run: str
    objective: str
    figures: dict[str, Any]
    seed_errors: tuple[float, ...]
    steps: int
    core_minutes: float
    lines: tuple[Mapping[str, Any], ...]

    @property
    def is_control(self) -> bool:
        """Whether nothing was trained: what every table has to be read against."""
        return self.steps == 0


@dataclass(frozen=True)
class StudyRows:
    """What a study has found so far.

    Attributes:
        name: The study.
        task_name: What a study of several tasks calls this one; "" in a study of one.
        task: Task without namespace.
        rows: Its runs, best error first.
        reference: The line with the rows that need no encoder; None before it was made.
    """

    name: str
    task_name: str
    task: str
    rows: tuple[ObjectiveRow, ...]
    reference: Mapping[str, Any] | None


def group_studies(lines: Sequence[Mapping[str, Any]]) -> list[StudyRows]:
    """Return the studies of embeddings among some lines, by name, one for each of their tasks.

    Of several lines of one seed the last counts. Only lines that were made with the recordings
    and the version of the newest one are compared, and of a run only those that were made with the
    options of its own newest one are pooled.

    Args:
        lines: Lines of results; those of other kinds are passed over.
    """
    studies: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for line in lines:
        if line.get("kind") in (EMBEDDING_KIND, REFERENCE_KIND):
            name = line["study"], line.get("task_name", "")
            studies.setdefault(name, []).append(line)
    # Tasks in the order of their first lines, which is the study's.
    found = (_study(studies[name], *name) for name in sorted(studies, key=lambda name: name[0]))
    return [study for study in found if study.rows]


def _study(lines: Sequence[Mapping[str, Any]], name: str, task_name: str) -> StudyRows:
    trained = [line for line in lines if line["kind"] == EMBEDDING_KIND]
    references = [line for line in lines if line["kind"] == REFERENCE_KIND]
    newest = max(trained, key=lambda line: line["finished_utc"], default=None)
    by_run: dict[str, list[Mapping[str, Any]]] = {}
    for line in trained:
        if newest is not None and _same_recordings(line, newest):
            by_run.setdefault(line["run"], []).append(line)
    rows = [_row(run, _seeds_that_go_together(of_run)) for run, of_run in by_run.items()]
    rows.sort(key=_order)
    key = _reference_key(newest) if newest else ""
    return StudyRows(
        name=name,
        task_name=task_name,
        task=newest["task"] if newest else "",
        rows=tuple(rows),
        reference=max(
            (line for line in references if line["key"] == key),
            key=lambda line: line["finished_utc"],
            default=None,
        ),
    )


def _seeds_that_go_together(lines: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return a run's last line of each seed, of those with the options of the newest line."""
    in_time = sorted(lines, key=lambda line: line["finished_utc"])
    options, unusual = in_time[-1]["decides"]["options"], in_time[-1]["unusual"]
    by_seed = {
        line["seed"]: line
        for line in in_time
        if was_made_with(line, options | {"seed": line["seed"]}, unusual)
    }
    return [by_seed[seed] for seed in sorted(by_seed)]


def was_made_with(
    line: Mapping[str, Any], options: Mapping[str, Any], unusual: Collection[str]
) -> bool:
    """Return whether a line is the result of some options.

    An option that the line does not have came after it, and its default is what was done before: a
    new option makes no result out of date, another value or another default does.

    Args:
        line: A line of an embedding.
        options: Every option there is now, the seed among them.
        unusual: Names of those that are not the objective's default.
    """
    before = line["decides"]["options"]
    same = all(name in options and options[name] == value for name, value in before.items())
    return same and not any(name in unusual for name in options.keys() - before.keys())


def _reference_key(line: Mapping[str, Any]) -> str:
    """Return the key of the reference on the very episodes that a line was measured on."""
    decides = line["decides"]
    return reference_key(decides["version"], decides["data"][line["test"]])


def reference_key(version: int, digest: str) -> str:
    """Return what tells the reference on some episodes from others.

    Args:
        version: Of the results.
        digest: Of the recording that is measured on.
    """
    return key_of({"version": version, "test": digest})


def _same_recordings(line: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(line["decides"][name] == other["decides"][name] for name in ("data", "version"))


def _row(run: str, lines: Sequence[Mapping[str, Any]]) -> ObjectiveRow:
    figures = summarised(pooled_over_seeds([line["per_episode"] for line in lines]))
    errors = [line["figures"]["error"] for line in lines]
    unbroken = [line for line in lines if line["attempts"] <= 1]
    seconds = [line["core_seconds"] for line in unbroken or lines]
    return ObjectiveRow(
        run=run,
        objective=lines[-1]["objective"],
        figures=figures,
        seed_errors=tuple(float(error) for error in errors if error is not None),
        steps=lines[-1]["steps"],
        core_minutes=float(np.mean(seconds)) / 60,
        lines=tuple(lines),
    )


def _order(row: ObjectiveRow) -> tuple[float, float, str]:
    """Order by error, where there is none by the order across episodes."""
    error, tau = row.figures["error"], row.figures["tau_b"]
    return (np.inf if error is None else error, np.inf if tau is None else -tau, row.run)


def ranked_table(study: StudyRows, links: Mapping[str, str] | None = None) -> str:
    """Return a study as Markdown: ranked runs, controls among them, then what needs no encoder.

    Args:
        study: The study.
        links: {objective: address of its page}.
    """
    rows, rank = [], 0
    for row in study.rows:
        rank += not row.is_control
        rows.append(_cells(row, "" if row.is_control else str(rank), links or {}))
    for name in ROWS:
        if study.reference is not None and name in study.reference["rows"]:
            figures = study.reference["rows"][name]
            rows.append(["", f"*{name.replace('_', ' ')}*", *_figure_cells(figures), "–", "–", "–"])
    return "\n".join([HEADER, RULE, *(f"| {' | '.join(cells)} |" for cells in rows)])


def row_table(rows: Sequence[ObjectiveRow]) -> str:
    """Return some rows as Markdown, without a rank."""
    lines = [f"| {' | '.join(_cells(row, '', {})[1:])} |" for row in rows]
    return "\n".join([HEADER.replace("| ", "", 1), RULE.removeprefix("|---"), *lines])


def _cells(row: ObjectiveRow, rank: str, links: Mapping[str, str]) -> list[str]:
    name = row.run
    if row.objective in links:
        name = f"[{name}]({links[row.objective]})"
    if row.is_control:
        name = f"*{name}* (control)"
    seeds = ", ".join(f"{100 * error:.1f}" for error in row.seed_errors) or "–"
    minutes = f"{row.core_minutes:.1f}" if row.steps else "–"
    figures = _figure_cells(row.figures)
    return [rank, name, *figures, seeds, f"{row.steps:,}", minutes]


def _figure_cells(figures: Mapping[str, Any]) -> list[str]:
    cells = []
    for name in FIGURES:
        factor, digits = (1.0, 3) if name == "tau_b" else (100.0, 1)
        value, interval = figures.get(name), figures.get(f"{name}_interval")
        if value is None:
            cells.append("–")
            continue
        text = f"{value * factor:.{digits}f}"
        if interval is not None:
            text += f" [{interval[0] * factor:.{digits}f}, {interval[1] * factor:.{digits}f}]"
        cells.append(text)
    return cells


def describe_lines(study: StudyRows) -> str:
    """Return one sentence about seeds, episodes, commits, threads and processors of a study."""
    lines = [line for row in study.rows for line in row.lines]
    commits = sorted({(line["commit"] or "unknown")[:10] for line in lines})
    machines = sorted({line["machine"]["cpu"] for line in lines})
    threads = sorted({line["threads"] for line in lines})
    torch = sorted({line["versions"].get("torch", "unknown") for line in lines})
    measured_on = ""
    if study.reference is not None:
        views = ", ".join(study.reference["views"])
        measured_on = f"{study.reference['episodes']} held-out episodes, views {views}. "
    return (
        f"{measured_on}From {len(lines)} trainings; commits {', '.join(commits)}; "
        f"torch {', '.join(torch)}; {'; '.join(machines)}, "
        f"{', '.join(map(str, threads))} thread{'s' if threads != [1] else ''} each."
    )

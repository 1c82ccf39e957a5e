"""The part of make_benchmark_tables.py about objectives: tables, plot, rows of their pages."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tcn_robot.atomic import write_text_atomically
from tcn_robot.benchmarks.leaderboard.objective_rows import (
    ObjectiveRow,
    StudyRows,
    describe_lines,
    group_studies,
    ranked_table,
    row_table,
)
from tcn_robot.policies.tables import replace_between_markers

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PAGE_MARKER = "result rows"
PAGE_TITLE = "## Result"
LEARNT, CONTROL, INK = "#1f6f8b", "#b0672f", "#555555"
# Rows without an encoder that are drawn as lines.
COMPARED = {"error": ("chance", "ceiling"), "tau_b": ("simulator_state",)}
# An error below this is drawn at it: the axis is logarithmic.
LEAST_ERROR = 0.002


def objective_part(lines: Sequence[dict[str, Any]], document: Path, images: Path) -> str:
    """Return what docs/benchmarks.md says of objectives, "" without a result; draws the plots.

    Args:
        lines: All lines of results.
        document: The page that the part goes to; pages of objectives lie in `objectives` beside.
        images: Folder of the plots.
    """
    parts = []
    for study in _of_one_task(lines):
        picture = images / f"{study.name}.png"
        draw_study(study, picture)
        objectives = {row.objective for row in study.rows}
        pages = {name: f"objectives/{name}.md" for name in sorted(objectives)}
        links = {name: page for name, page in pages.items() if (document.parent / page).is_file()}
        shown = os.path.relpath(picture, document.parent)
        parts.append(
            f"### {study.task}\n\n{ranked_table(study, links)}\n\n{describe_lines(study)}\n\n"
            f"![Error and order of each objective]({shown})"
        )
    return "\n\n".join(parts)


def _of_one_task(lines: Sequence[dict[str, Any]]) -> list[StudyRows]:
    """Return the studies of one task; those of several have their own tables."""
    return [study for study in group_studies(lines) if not study.task_name]


def write_pages(lines: Sequence[dict[str, Any]], folder: Path) -> None:
    """Put each objective's rows between the markers of its page; a page without them gets some.

    Args:
        lines: All lines of results.
        folder: Folder of the pages, one per objective.
    """
    studies = _of_one_task(lines)
    for page in sorted(folder.glob("*.md")):
        parts = [text for study in studies if (text := page_part(study, page.stem))]
        if not parts:
            continue
        text = page.read_text(encoding="utf-8")
        if f"<!-- {PAGE_MARKER} -->" not in text:
            markers = f"<!-- {PAGE_MARKER} -->\n\n<!-- end of {PAGE_MARKER} -->\n"
            text = f"{text.rstrip()}\n\n{PAGE_TITLE}\n\n{markers}"
        write_text_atomically(page, replace_between_markers(text, PAGE_MARKER, "\n\n".join(parts)))


def page_part(study: StudyRows, objective: str) -> str:
    """Return an objective's rows of a study and the command that makes them, "" without one."""
    rows = [row for row in study.rows if row.objective == objective]
    if not rows:
        return ""
    seeds = len(rows[0].lines)
    return (
        f"On {study.task}, mean over {seeds} seed{'s' if seeds > 1 else ''}, in brackets 95 % "
        f"intervals over held-out episodes ([all objectives](../benchmarks.md#objectives)):\n\n"
        f"{row_table(rows)}\n\n```\ntcn-robot study docs/studies/{study.name}.json\n```"
    )


def draw_study(study: StudyRows, path: Path) -> None:
    """Draw error and order of each run with their intervals, best on top, and each seed's error."""
    from matplotlib.figure import Figure

    rows = [row for row in reversed(study.rows) if row.figures["error"] is not None]
    if not rows:
        return
    figure = Figure(figsize=(9.0, 1.1 + 0.26 * len(rows)), layout="constrained")
    across_views, across_episodes = figure.subplots(1, 2, sharey=True, width_ratios=[3, 2])
    _draw_figure(across_views, study, rows, "error", LEAST_ERROR)
    for place, row in enumerate(rows):
        seeds = np.maximum(row.seed_errors, LEAST_ERROR)
        across_views.plot(seeds, [place] * len(seeds), "|", color=_colour(row))
    _draw_figure(across_episodes, study, rows, "tau_b", -1.0)
    across_views.set_yticks(range(len(rows)), [row.run for row in rows], fontsize=8)
    across_views.set_xscale("log")
    across_views.xaxis.set_major_formatter(lambda value, _: f"{100 * value:g} %")
    across_views.set_xlabel("alignment error across views: mean, interval, each seed")
    across_episodes.set_xlabel("order across episodes, tau_b")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".partial-{path.name}")
    figure.savefig(partial, format="png", dpi=96, metadata={"Software": None})
    partial.replace(path)


def _draw_figure(
    axes: Axes, study: StudyRows, rows: Sequence[ObjectiveRow], name: str, least: float
) -> None:
    """Draw one figure of all runs and what it has to be compared with; below `least` at it."""
    for place, row in enumerate(rows):
        value, interval = row.figures[name], row.figures[f"{name}_interval"]
        if value is None:
            continue
        ends = np.maximum(interval if interval is not None else (value, value), least)
        axes.plot(ends, [place, place], color=_colour(row), linewidth=2.5, alpha=0.45)
        axes.plot(max(value, least), place, "o", color=_colour(row), markersize=5)
    references = study.reference["rows"] if study.reference is not None else {}
    for reference in COMPARED[name]:
        value = references.get(reference, {}).get(name)
        if value is not None:
            axes.axvline(max(value, least), color=INK, linestyle=":", linewidth=1)
            where = {"ha": "center", "va": "bottom", "fontsize": 8, "color": INK}
            label = reference.replace("_", " ")
            axes.text(max(value, least), len(rows) - 0.4, label, **where)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", which="both", linewidth=0.4, alpha=0.5)


def _colour(row: ObjectiveRow) -> str:
    return CONTROL if row.is_control else LEARNT

"""The part of make_benchmark_tables.py about objectives: tables, plot, rows of their pages."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tcn_robot.atomic import write_text_atomically
from tcn_robot.benchmarks.objective_rows import (
    CONTROLS,
    StudyRows,
    describe_lines,
    group_studies,
    ranked_table,
    row_table,
)
from tcn_robot.policies.tables import replace_between_markers

PAGE_MARKER = "result rows"
PAGE_TITLE = "## Result"
LEARNT, CONTROL, INK = "#1f6f8b", "#b0672f", "#555555"
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
    for study in group_studies(lines):
        picture = images / f"{study.name}.png"
        draw_study(study, picture)
        objectives = {row.objective for row in study.rows}
        pages = {name: f"objectives/{name}.md" for name in sorted(objectives)}
        links = {name: page for name, page in pages.items() if (document.parent / page).is_file()}
        shown = os.path.relpath(picture, document.parent)
        parts.append(
            f"### {study.task}\n\n{ranked_table(study, links)}\n\n{describe_lines(study)}\n\n"
            f"![Alignment error of each objective]({shown})"
        )
    return "\n\n".join(parts)


def write_pages(lines: Sequence[dict[str, Any]], folder: Path) -> None:
    """Put each objective's rows between the markers of its page; a page without them gets some.

    Args:
        lines: All lines of results.
        folder: Folder of the pages, one per objective.
    """
    studies = group_studies(lines)
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
    """Draw the error of each run with its interval and its seeds, best on top."""
    from matplotlib.figure import Figure

    rows = [row for row in study.rows if row.figures["error"] is not None]
    figure = Figure(figsize=(7.0, 1.0 + 0.26 * len(rows)), layout="constrained")
    axes = figure.subplots()
    for place, row in enumerate(reversed(rows)):
        colour = CONTROL if row.objective in CONTROLS else LEARNT
        error, interval = row.figures["error"], row.figures["error_interval"]
        low, high = interval if interval is not None else (error, error)
        axes.plot(_shown([low, high]), [place, place], color=colour, linewidth=2.5, alpha=0.45)
        axes.plot(_shown(row.seed_errors), [place] * len(row.seed_errors), "|", color=colour)
        axes.plot(_shown([error]), [place], "o", color=colour, markersize=5)
    for name in ("chance", "ceiling"):
        if study.reference is not None and name in study.reference["rows"]:
            error = study.reference["rows"][name]["error"]
            axes.axvline(max(error, LEAST_ERROR), color=INK, linestyle=":", linewidth=1)
            axes.text(
                *(max(error, LEAST_ERROR), len(rows) - 0.4, name),
                **{"color": INK, "fontsize": 8, "ha": "center", "va": "bottom"},
            )
    axes.set_yticks(range(len(rows)), [row.run for row in reversed(rows)], fontsize=8)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:g} %")
    axes.set_xlabel("alignment error on held-out episodes: mean, interval, each seed")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", which="both", linewidth=0.4, alpha=0.5)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".partial-{path.name}")
    figure.savefig(partial, format="png", dpi=96, metadata={"Software": None})
    partial.replace(path)


def _shown(errors: Sequence[float]) -> np.ndarray:
    return np.maximum(np.asarray(errors, dtype=float), LEAST_ERROR)

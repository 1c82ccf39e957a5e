"""A benchmark's result as a table, for the terminal and for documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tcn_robot.benchmarks.alignment.basic import ROWS
from tcn_robot.benchmarks.alignment.figures.basic import BASIC
from tcn_robot.benchmarks.text_table import aligned, markdown

# figure: (heading, whether it is a share, which is shown in %)
FIGURES = {name: (figure.heading, figure.is_share) for name, figure in BASIC.items()}


def alignment_table(result: Mapping[str, Any]) -> str:
    """Return an alignment benchmark's rows as text: mean [low, high]."""
    return "\n".join(aligned(_cells({row: result[row] for row in ROWS if row in result}, "")))


def alignment_markdown(results: Sequence[Mapping[str, Any]]) -> str:
    """Return the results of one task as Markdown.

    First the whole table of the first one, then, when there are several, the trained row of each.

    Args:
        results: What `tcn-robot bench alignment RUN DIR --out FILE` has written.
    """
    parts = [markdown(_cells({row: results[0][row] for row in ROWS if row in results[0]}, "row"))]
    if len(results) > 1:
        trained = {_encoder_name(result): result["trained"] for result in results}
        parts.append(markdown(_cells(trained, "encoder")))
    return "\n\n".join(parts)


def _encoder_name(result: Mapping[str, Any]) -> str:
    made = result["trained_with"]
    return f"{made['objective']}, {made['steps']:,} steps, seed {made['seed']}"


def _cells(rows: Mapping[str, Mapping[str, Any]], corner: str) -> list[list[str]]:
    """Return the heading and one line per row; a figure that no row has is left out."""
    shown = [
        figure for figure in FIGURES if any(row.get(figure) is not None for row in rows.values())
    ]
    lines = [[corner, *(FIGURES[figure][0] for figure in shown)]]
    for name, row in rows.items():
        cells = [cell(row.get(f), row.get(f"{f}_interval"), FIGURES[f][1]) for f in shown]
        lines.append([name, *cells])
    return lines


def cell(mean: float | None, interval: Sequence[float] | None, is_share: bool) -> str:
    """Return "mean [low, high]" with the digits that it is worth; "-" where it is not known."""
    if mean is None:
        return "-"
    factor, digits = (100.0, 1) if is_share else (1.0, 3)
    text = f"{mean * factor:.{digits}f}"
    if interval is not None:
        low, high = (f"{bound * factor:.{digits}f}" for bound in interval)
        text += f" [{low}, {high}]"
    return text

"""A benchmark's result as a table for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

# figure: (heading, whether it is a share, which is shown in %)
FIGURES = {
    "error": ("error %", True),
    "accuracy_1": ("within 1 frame %", True),
    "tau_a": ("tau_a", False),
    "tau_b": ("tau_b", False),
    "ties": ("ties %", True),
    "progress_error": ("progress error %", True),
}


def alignment_table(result: Mapping[str, Any]) -> str:
    """Return an alignment benchmark's rows as text: mean [low, high]."""
    rows = {name: row for name, row in result.items() if isinstance(row, Mapping)}
    shown = [
        figure for figure in FIGURES if any(row.get(figure) is not None for row in rows.values())
    ]
    lines = [["", *(FIGURES[figure][0] for figure in shown)]]
    for name, row in rows.items():
        cells = [_cell(row.get(f), row.get(f"{f}_interval"), FIGURES[f][1]) for f in shown]
        lines.append([name, *cells])
    return "\n".join(_aligned(lines))


def _cell(mean: float | None, interval: Sequence[float] | None, is_share: bool) -> str:
    if mean is None:
        return "-"
    factor, digits = (100.0, 1) if is_share else (1.0, 3)
    text = f"{mean * factor:.{digits}f}"
    if interval is not None:
        low, high = (f"{bound * factor:.{digits}f}" for bound in interval)
        text += f" [{low}, {high}]"
    return text


def _aligned(lines: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]

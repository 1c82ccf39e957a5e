"""Cells as columns of text: how every benchmark shows its table, in a terminal and in documents."""

from __future__ import annotations

from collections.abc import Sequence

#: Stands behind a figure that a control reaches too, in every table and on every page.
MARK = "≈"


def aligned(lines: Sequence[Sequence[str]]) -> list[str]:
    """Return lines of cells as text in columns, the first one left-aligned, the others right.

    Args:
        lines: One or more, as many cells in each, the heading first.
    """
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]


def markdown(lines: Sequence[Sequence[str]]) -> str:
    """Return lines of cells as a Markdown table.

    Args:
        lines: One or more, as many cells in each, the heading first.
    """
    heading, *rest = (f"| {' | '.join(cells)} |" for cells in lines)
    return "\n".join([heading, "|" + "---|" * len(lines[0]), *rest])

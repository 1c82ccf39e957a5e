"""A segmentation benchmark's figures as text, for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tcn_robot.benchmarks.table import aligned

ROWS = ("trained", "untrained", "pixels", "coarse pixels", "majority")


def segmentation_table(rows: Mapping[str, Any], classes: Sequence[str]) -> str:
    """Return the rows of a benchmark as text: mean [low, high], then each class.

    Args:
        rows: What `summarised` returned.
        classes: Names of the classes.
    """
    lines = [["", "mean IoU %", "trained above it", "pixels right %", *classes]]
    for name in ROWS:
        if name not in rows:
            continue
        row = rows[name]
        each = [row["class_iou"][one] for one in classes]
        lines.append(
            [
                name,
                _cell(row, "mean_iou", ""),
                _cell(row, "above_mean_iou", "+"),
                _cell(row, "pixel_accuracy", ""),
                *("–" if share is None else f"{100 * share:.1f}" for share in each),
            ]
        )
    return "\n".join(aligned(lines))


def _cell(row: Mapping[str, Any], name: str, sign: str) -> str:
    if name not in row:
        return ""
    low, high = row[f"{name}_interval"]
    return f"{100 * row[name]:{sign}.1f} [{100 * low:{sign}.1f}, {100 * high:{sign}.1f}]"

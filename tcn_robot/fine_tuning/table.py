"""A study of fine-tunings as text, for the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tcn_robot.benchmarks.text_table import aligned

STARTS = {"pretrained": "pre-trained", "scratch": "from scratch", "difference": "difference"}


def fine_tuning_table(summary: Mapping[str, Any]) -> str:
    """Return the accuracies, and the steps to them, of a study.

    Args:
        summary: What `summarised` returned.
    """
    lines = [["labels per class", "", "top-1 %", "top-5 %"]]
    for amount, rows in summary["amounts"].items():
        for start, title in STARTS.items():
            if start in rows:
                cells = [_cell(rows[start], name, start) for name in ("top_1", "top_5")]
                lines.append([amount if start == "pretrained" else "", title, *cells])
    chance = summary["chance"]
    lines.append(["chance", "", *(f"{100 * chance[name]:.1f}" for name in ("top_1", "top_5"))])
    parts = ["\n".join(aligned(lines)), *_saved(summary["amounts"])]
    return "\n\n".join(parts)


def per_class_table(summary: Mapping[str, Any]) -> str:
    """Return the accuracy of each class, and what it is most often taken for."""
    starts = list(summary["per_class"])
    lines = [["class", *(f"{STARTS[start]} %" for start in starts), "most often taken for"]]
    confusion = summary["confusion"][starts[0]]
    classes = summary["classes"]
    for place, name in enumerate(classes):
        shares = [summary["per_class"][start][name] for start in starts]
        cells = ["–" if share is None else f"{100 * share:.0f}" for share in shares]
        others = [(count, other) for other, count in enumerate(confusion[place]) if other != place]
        count, other = max(others, default=(0, place))
        lines.append([name, *cells, classes[other] if count else ""])
    return "\n".join(aligned(lines))


def _saved(amounts: Mapping[str, Any]) -> list[str]:
    lines = [["labels per class", "accuracy %", "steps pre-trained", "from scratch", "saving"]]
    for amount, rows in amounts.items():
        for row in rows.get("steps_to", ()):
            steps = ["–" if row[s] is None else f"{row[s]:.0f}" for s in ("pretrained", "scratch")]
            saving = "" if row["saving"] is None else f"{row['saving']:.1f} x"
            if row["saving_interval"] is not None:
                low, high = row["saving_interval"]
                saving += f" [{low:.1f}, {high:.1f}]"
            lines.append([amount, f"{100 * row['accuracy']:.1f}", *steps, saving])
            amount = ""
    if len(lines) == 1:
        return []
    return ["Steps to an accuracy on the validation films:\n" + "\n".join(aligned(lines))]


def _cell(row: Mapping[str, Any], name: str, start: str) -> str:
    low, high = row[f"{name}_interval"]
    sign = "+" if start == "difference" else ""
    return f"{100 * row[name]:{sign}.1f} [{100 * low:{sign}.1f}, {100 * high:{sign}.1f}]"

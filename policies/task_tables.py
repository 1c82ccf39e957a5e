"""Tables of what was measured on the tasks themselves: speed, experts, policies that cross over."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tcn_robot.policies.results import read_lines

SPEED, EXPERTS, CROSSOVER = "speed.jsonl", "experts.jsonl", "crossover.jsonl"


def task_tables(folder: Path) -> str:
    """Return the tables of a folder's results in Markdown; a file that is missing is left out.

    Raises:
        UserError: When a line is no result.
    """
    parts = []
    for name, table in ((SPEED, _speed), (EXPERTS, _experts), (CROSSOVER, _crossover)):
        if lines := read_lines(folder / name):
            commits = ", ".join(sorted({str(line["commit"] or "unknown")[:10] for line in lines}))
            parts.append(f"{table(lines)}\n\nCommit {commits}.")
    return "\n\n".join(parts)


def _speed(lines: Sequence[dict[str, Any]]) -> str:
    machine = lines[0]["machine"]
    rows = (
        [
            _short(line["task"]),
            line["embodiment"],
            f"{line['steps_per_second']:,.0f}",
            f"{line['steps_per_second_with_view']:,.0f}",
        ]
        for line in lines
    )
    head = ["task", "body", "steps/s", "with one 84 px view"]
    return f"### Speed\n\nOn one core of {machine['cpu']}.\n\n{_markdown(head, rows)}"


def _experts(lines: Sequence[dict[str, Any]]) -> str:
    rows = (
        [
            _short(line["task"]),
            line["embodiment"],
            f"{line['successes']} of {line['seeds']}",
            f"{line['steps']['least']} / {line['steps']['median']:.0f} / {line['steps']['most']}",
        ]
        for line in lines
    )
    head = ["task", "body", "successes", "steps: least / median / most"]
    return f"### Experts\n\n{_markdown(head, rows)}"


def _crossover(lines: Sequence[dict[str, Any]]) -> str:
    rows = []
    for line in lines:
        low, high = line["success_interval"]
        rows.append(
            [
                _short(line["trained_on"]),
                _short(line["task"]),
                line.get("embodiment", "robot"),
                f"{line['success']:.0%} [{low:.0%}, {high:.0%}] of {line['starts']}",
            ]
        )
    head = ["trained in", "acts in", "body", "success"]
    return f"### Policies that cross over\n\n{_markdown(head, rows)}"


def _short(task: str) -> str:
    return task.rpartition("/")[2]


def _markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)

"""The part of make_benchmark_tables.py about studies of several tasks: a table per figure."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tcn_robot.benchmarks.leaderboard.boards import make_boards
from tcn_robot.benchmarks.leaderboard.objective_rows import StudyRows, describe_lines, group_studies
from tcn_robot.benchmarks.leaderboard.standings import Board
from tcn_robot.look import LIGHT, drawing
from tcn_robot.report.figures_leaderboard import standings_figure
from tcn_robot.report.leaderboard_words import (
    TITLES,
    Cell,
    Row,
    board_rows,
    legend_of,
    order_of,
    scale_words,
)

WORSE = "▾ "
DOTS_PER_INCH = 110


def leaderboard_part(lines: Sequence[Mapping[str, Any]], document: Path, images: Path) -> str:
    """Return what docs/benchmarks.md says of the studies of several tasks; draws the plots.

    Args:
        lines: All lines of results.
        document: The page that the part goes to.
        images: Folder of the plots.

    Returns:
        Markdown, "" without such a study.
    """
    studies: dict[str, list[StudyRows]] = {}
    for study in group_studies(lines):
        if study.task_name:
            studies.setdefault(study.name, []).append(study)
    return "\n\n".join(
        _study_part(name, tasks, document, images) for name, tasks in studies.items()
    )


def _study_part(name: str, tasks: Sequence[StudyRows], document: Path, images: Path) -> str:
    parts = []
    for board in make_boards(tasks):
        picture = images / f"{name}-{board.measure.name}.png"
        draw_board(board, picture)
        shown = os.path.relpath(picture, document.parent)
        alt = f"{TITLES[board.measure.name]}: mean, interval and each seed"
        parts.append(f"{_board_part(board)}\n\n![{alt}]({shown})")
    made = "\n".join(f"- {task.task_name}: {describe_lines(task)}" for task in tasks)
    command = f"tcn-robot study docs/studies/{name}.json\ntcn-robot leaderboard "
    command += f"docs/results/{name}.jsonl --out {name}.html"
    return "\n\n".join([*parts, made, f"```\n{command}\n```"])


def draw_board(board: Board, path: Path) -> None:
    """Draw mean, interval and each seed of every run on every task."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".partial-{path.name}")
    with drawing(LIGHT):
        figure = standings_figure(board, order_of(board), LIGHT)
        kept: Any = {"format": "png", "dpi": DOTS_PER_INCH, "metadata": {"Software": None}}
        figure.savefig(partial, facecolor="white", **kept)
    partial.replace(path)


def _board_part(board: Board) -> str:
    rows = board_rows(board)
    score = ["score"] if board.overall else []
    head = ["run", *score, *(task.name for task in board.tasks)]
    table = [head, ["---"] * len(head), *(_cells(row, bool(score)) for row in rows)]
    text = "\n".join(f"| {' | '.join(cells)} |" for cells in table)
    legend = legend_of(rows)
    letters = f"\n\nReached by a control as well: {', '.join(legend)}." if legend else ""
    scale = f"\n\nScores: {scale_words(board)}." if score else ""
    return f"### {TITLES[board.measure.name]}\n\n{text}{scale}{letters}"


def _cells(row: Row, with_score: bool) -> list[str]:
    name = f"*{row.name}*" + (" (control)" if row.kind == "control" else "")
    score = f"{row.score} [{row.score_interval}]" if row.score_interval else "–"
    return [
        row.name if row.kind == "run" else name,
        *([score] if with_score else []),
        *(_cell(cell) for cell in row.cells),
    ]


def _cell(cell: Cell) -> str:
    figure = f"**{cell.figure}**" if cell.is_best else cell.figure
    text = f"{WORSE if cell.is_worse else ''}{figure}"
    if cell.letters:
        text += f" <sup>{cell.letters}</sup>"
    return f"{text} [{cell.interval}]" if cell.interval else text

"""Writes a leaderboard page: tables, figures in four looks, films, where it all comes from."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from tcn_robot.atomic import write_text_atomically
from tcn_robot.benchmarks.leaderboard.standings import SIGNIFICANT, Board
from tcn_robot.report.figures_leaderboard import (
    better_figure,
    loss_figure,
    overall_figure,
    standings_figure,
    validation_figure,
)
from tcn_robot.report.filling import fill_template
from tcn_robot.report.leaderboard_evidence import LeaderboardEvidence
from tcn_robot.report.leaderboard_words import (
    MEANINGS,
    TITLES,
    board_rows,
    cost_rows,
    leaderboard_headlines,
    legend_of,
    order_of,
)
from tcn_robot.report.pictures import draw_in_looks, film_sources
from tcn_robot.report.section import Drawing

STANDINGS_CAPTION = (
    "Dot and bar: mean and 95 % interval over seeds and held-out episodes. Points below the bar: "
    "each seed. Grey: nothing was trained."
)


def write_leaderboard(evidence: LeaderboardEvidence, path: Path) -> None:
    """Write the page as one HTML file, whole or not at all.

    Args:
        evidence: What there is to show.
        path: Where the page goes; folders are made as needed.
    """
    write_text_atomically(path, render_leaderboard(evidence))


def render_leaderboard(evidence: LeaderboardEvidence) -> str:
    """Return the page as text."""
    across = [board for board in evidence.boards if board.overall]
    tasks = list(dict.fromkeys(task.name for board in evidence.boards for task in board.tasks))
    return fill_template(
        "leaderboard.html.j2",
        evidence=evidence,
        headlines=leaderboard_headlines(evidence),
        tasks=tasks,
        significant=SIGNIFICANT,
        one_seed=all(count == 1 for one in evidence.facts for count in one.seeds.values()),
        overall=_overall(across),
        boards=[_board(board) for board in evidence.boards],
        curves=_curves(evidence),
        films=_films(evidence),
        costs=cost_rows(evidence.facts, tasks),
    )


def _overall(boards: list[Board]) -> dict[str, Any] | None:
    if not boards:
        return None
    drawing = Drawing(
        partial(overall_figure, boards),
        "Interquartile mean of the normalised scores of each run, with intervals",
        "Interquartile mean of the scores of all seeds on all tasks, with 95 % intervals over "
        "seeds and episodes, drawn within each task.",
    )
    return draw_in_looks(drawing)


def _board(board: Board) -> dict[str, Any]:
    name, rows = board.measure.name, board_rows(board)
    figures = [
        draw_in_looks(
            Drawing(
                partial(standings_figure, board, order_of(board)),
                f"{TITLES[name]}: mean, interval and each seed of every run on every task",
                STANDINGS_CAPTION,
            )
        )
    ]
    matrix = None
    if board.overall:
        matrix = draw_in_looks(
            Drawing(
                partial(better_figure, board),
                "Probability that the run of a row beats that of a column",
                "How probable it is, in per cent, that a seed of the run of a row beats one of the "
                "run of a column on a task drawn at random (Agarwal et al. 2021); below it the "
                "95 % interval over seeds and episodes.",
            )
        )
    return {
        "key": name,
        "title": TITLES[name],
        "meaning": MEANINGS[name],
        "tasks": [task.name for task in board.tasks],
        "rows": rows,
        "legend": legend_of(rows),
        "has_scores": bool(board.overall),
        "zero_from": board.tasks[0].zero_from,
        "figures": figures,
        "matrix": matrix,
        "scales": [
            {"task": task.name, "zero": f"{task.zero:.3f}", "one": f"{task.one:.3f}"}
            for task in board.tasks
        ],
    }


def _curves(evidence: LeaderboardEvidence) -> list[dict[str, str]]:
    if not evidence.curves:
        return []
    order = [run for board in evidence.boards[:1] for run in order_of(board)]
    validated = any(
        curve.validation_steps
        for tasks in evidence.curves.values()
        for seeds in tasks.values()
        for curve in seeds
    )
    drawings = []
    if validated:
        drawings.append(
            Drawing(
                partial(validation_figure, evidence.curves, order),
                "Alignment error on validation episodes over the steps, for each run",
                "Alignment error across views on the validation episodes: a line per seed, a "
                "colour per task.",
            )
        )
    drawings.append(
        Drawing(
            partial(loss_figure, evidence.curves, order),
            "Loss over the steps, for each run",
            "The loss of each run. Losses have units of their own: heights say nothing across "
            "panels.",
        )
    )
    return [draw_in_looks(drawing) for drawing in drawings]


def _films(evidence: LeaderboardEvidence) -> list[dict[str, Any]]:
    order = [run for board in evidence.boards[:1] for run in order_of(board)]
    untrained = {one.run for one in evidence.facts if not one.steps}
    return [
        {
            "shown": one,
            "entries": [
                {"run": run, "is_control": run in untrained, **film_sources(one.films[run])}
                for run in order
                if run in one.films
            ],
        }
        for one in evidence.films
    ]

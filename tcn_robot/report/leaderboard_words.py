"""The tables of a leaderboard's page as words, and what its marks mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tcn_robot.benchmarks.leaderboard.standings import Board, OverallStanding, Standing
from tcn_robot.report.leaderboard_evidence import LeaderboardEvidence, RunFacts
from tcn_robot.report.words import (
    ENCODERS,
    NOT_MEASURED,
    Headline,
    interval_text,
    measure_text,
)

TITLES = {
    "error": "The same moment in another view",
    "tau_b": "The same order in another episode",
}
MEANINGS = {
    "error": "Alignment error: for a frame of one view, how far from the right moment the nearest "
    "frame of another view lies, as a share of the episode. Lower is better; chance is a third.",
    "tau_b": "Kendall's τ-b between the order of an episode's frames and that of what is found for "
    "them in another episode. Higher is better. A counter of frames, which sees nothing, comes "
    "near 1 where demonstrations take the same time: order alone does not show that anything was "
    "seen.",
}
# Controls are named by letters in the cells of a table.
LETTERS = {"random": "u", "pixels": "p", "chance": "c", "collapsed": "k", "frame_counter": "n"}
LETTER_WORDS = {
    "u": "an untrained encoder",
    "p": "raw pixels",
    "c": "chance",
    "k": "a collapsed embedding",
    "n": "a counter of frames",
}
REFERENCE_ORDER = ("ceiling", "simulator_state", "frame_counter", "collapsed", "chance")


@dataclass(frozen=True)
class Cell:
    """One run on one task.

    Attributes:
        figure: The mean.
        interval: Of it.
        rank: Among trained runs, with its interval.
        is_best: Whether it leads.
        is_worse: Whether it is significantly worse than the best.
        letters: Controls that it is not surely better than.
    """

    figure: str
    interval: str = ""
    rank: str = ""
    is_best: bool = False
    is_worse: bool = False
    letters: str = ""


@dataclass(frozen=True)
class Row:
    """One row of a board: a run, or a reference that needs no encoder.

    Attributes:
        name: Of the run.
        kind: "run", "control" or "reference".
        score: Over all tasks, "" without one.
        score_interval: Of it.
        rank: Mean rank over tasks, with its interval.
        is_worse: Whether its score is significantly worse than the best one.
        cells: One per task.
    """

    name: str
    kind: str
    score: str
    score_interval: str
    rank: str
    is_worse: bool
    cells: Sequence[Cell]


def order_of(board: Board) -> list[str]:
    """Return the runs from the best to the worst: over all tasks, then by the first task."""
    known = [one.run for one in board.overall]
    rest = [one.run for task in board.tasks for one in task.standings]
    return list(dict.fromkeys([*known, *rest]))


def board_rows(board: Board) -> list[Row]:
    """Return the rows of a board, runs and controls ranked together, references below."""
    overall = {one.run: one for one in board.overall}
    rows = []
    for run in order_of(board):
        found = [task.of(run) for task in board.tasks]
        is_control = any(one is not None and one.is_control for one in found)
        cells = [_cell(board, one) for one in found]
        kind = "control" if is_control else "run"
        one = overall.get(run)
        is_worse = one is not None and one.is_worse
        rows.append(Row(run, kind, *_overall_words(one), is_worse, cells))
    for name in REFERENCE_ORDER:
        figures = [task.references.get(name) for task in board.tasks]
        if any(figure is not None for figure in figures):
            cells = [Cell(measure_text(board.measure.name, figure)) for figure in figures]
            rows.append(Row(ENCODERS[name], "reference", "", "", "", False, cells))
    return rows


def _overall_words(one: OverallStanding | None) -> tuple[str, str, str]:
    if one is None:
        return "", "", ""
    low, high = (_signed(end) for end in one.interval)
    rank = "" if one.rank is None else _rank_text(one.rank, one.rank_interval)
    return _signed(one.score), f"{low} to {high}", rank


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "−").replace("−0.00", "0.00")


def _rank_text(rank: float, interval: tuple[float, float] | None) -> str:
    text = f"{rank:.1f}".removesuffix(".0")
    if interval is None or interval[0] == interval[1]:
        return text
    return f"{text} ({' to '.join(f'{end:.1f}'.removesuffix('.0') for end in interval)})"


def _cell(board: Board, standing: Standing | None) -> Cell:
    if standing is None:
        return Cell(NOT_MEASURED)
    name = board.measure.name
    return Cell(
        figure=measure_text(name, standing.mean),
        interval=interval_text(name, list(standing.interval)),
        rank="" if standing.rank is None else _rank_text(standing.rank, standing.rank_interval),
        is_best=not standing.is_control and standing.p_value is None,
        is_worse=standing.is_worse,
        letters="".join(sorted(LETTERS.get(one, "?") for one in standing.reached_by)),
    )


def legend_of(rows: Sequence[Row]) -> list[str]:
    """Return what the letters in some rows stand for."""
    used = sorted({letter for row in rows for cell in row.cells for letter in cell.letters})
    return [f"{letter} {LETTER_WORDS[letter]}" for letter in used if letter in LETTER_WORDS]


def leaderboard_headlines(evidence: LeaderboardEvidence) -> list[Headline]:
    """Return the best run of every board, over all tasks or on the only one."""
    found = []
    for board in evidence.boards:
        best = next((one for one in board.overall if not one.is_control), None)
        if best is not None:
            words = f"{TITLES[board.measure.name].lower()}, over {len(board.tasks)} tasks"
            low, high = (_signed(end) for end in best.interval)
            against = f"score {_signed(best.score)}, {low} to {high}; {scale_words(board)}"
            rivals = [one.run for one in board.overall if one.p_value and not one.is_worse]
            verb = "is best at" if not rivals else "leads at"
            if rivals:
                words += f", not surely before {' and '.join(rivals)}"
            found.append(Headline(best.run, f"{verb} {words}", against, accent=True))
    for task in evidence.boards[0].tasks if evidence.boards else ():
        leading = next((one for one in task.standings if not one.is_control), None)
        if leading is not None:
            name = evidence.boards[0].measure.name
            found.append(
                Headline(
                    measure_text(name, leading.mean),
                    f"{task.name}: least error, by {leading.run}",
                    f"{task.zero_from} {measure_text(name, task.zero)}, ceiling "
                    f"{measure_text(name, task.one)}",
                )
            )
    return found


def scale_words(board: Board) -> str:
    """Return what scores over all tasks of a board run between."""
    return f"0 {board.tasks[0].zero_from}, 1 the ceiling"


def cost_rows(facts: Sequence[RunFacts], tasks: Sequence[str]) -> list[dict[str, object]]:
    """Return what each run cost: core minutes per seed on each task."""
    rows: list[dict[str, object]] = []
    for one in facts:
        minutes = [
            f"{one.core_minutes[task]:.1f}" if one.steps and task in one.core_minutes else "–"
            for task in tasks
        ]
        seeds = sorted(set(one.seeds.values()))
        rows.append(
            {
                "run": one.run,
                "objective": one.objective,
                "steps": f"{one.steps:,}",
                "parameters": f"{one.parameters:,}",
                "seeds": " to ".join(dict.fromkeys(map(str, (seeds[0], seeds[-1])))),
                "minutes": minutes,
            }
        )
    return rows

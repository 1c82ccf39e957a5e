"""Objectives by tasks: who is best, how sure that is, and what a control reaches as well.

One board per figure. All comparisons on a task share their draws of episodes; means, intervals,
ranks and p-values are of the same draws and cannot contradict each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tcn_robot.benchmarks.leaderboard.objective_rows import ObjectiveRow, StudyRows
from tcn_robot.benchmarks.leaderboard.resampling import (
    draw_episodes,
    draw_scores,
    percentile_interval,
    seed_scores,
)
from tcn_robot.benchmarks.leaderboard.significance import (
    Difference,
    difference_of,
    holm,
    normalised,
    probability_of_improvement,
    ranks,
)
from tcn_robot.benchmarks.leaderboard.standings import (
    MEASURES,
    Board,
    Measure,
    OverallStanding,
    Standing,
    TaskBoard,
)
from tcn_robot.metrics.aggregates import interquartile_mean

# So many that the smallest p-value, corrected for 50 runs, still counts.
NUM_RESAMPLES = 5000
UNTRAINED = "random"


@dataclass(frozen=True)
class _Drawn:
    """Scores of one run on one task, higher is better: (S,) as measured and (B, S) drawn."""

    scores: NDArray[np.float64]
    draws: NDArray[np.float64]


def make_boards(studies: Sequence[StudyRows], seed: int = 0) -> list[Board]:
    """Return one board per figure that the studies have.

    Args:
        studies: One per task, from `group_studies`.
        seed: Of the draws.
    """
    boards = []
    for measure in MEASURES:
        drawn = {}
        for place, (name, study) in enumerate(zip(task_names(studies), studies, strict=True)):
            found = _draw(study, measure, np.random.default_rng([seed, place]))
            if any(not row.is_control for row in study.rows if row.run in found):
                drawn[name] = study, found  # controls alone are no contest
        # One scale for all tasks: an untrained encoder was measured on each, or chance is 0.
        untrained = all(UNTRAINED in found for _, found in drawn.values())
        tasks = [
            _task_board(name, study, measure, found, untrained)
            for name, (study, found) in drawn.items()
        ]
        if tasks:
            boards.append(_board(measure, tasks, [found for _, found in drawn.values()]))
    return boards


def task_names(studies: Sequence[StudyRows]) -> list[str]:
    """Return what each task is called, with the study's name where two are called the same."""
    names = [study.task_name or study.task for study in studies]
    return [
        f"{name} ({study.name})" if names.count(name) > 1 else name
        for name, study in zip(names, studies, strict=True)
    ]


def _draw(study: StudyRows, measure: Measure, generator: np.random.Generator) -> dict[str, _Drawn]:
    values = {
        row.run: measure.sign * np.array([line["per_episode"][measure.name] for line in row.lines])
        for row in study.rows
        if all(line["per_episode"].get(measure.name) is not None for line in row.lines)
    }
    if not values:
        return {}
    num_episodes = next(iter(values.values())).shape[1]
    episodes = draw_episodes(num_episodes, NUM_RESAMPLES, generator)
    return {
        run: _Drawn(seed_scores(of_run), draw_scores(of_run, episodes, generator))
        for run, of_run in values.items()
    }


def _task_board(
    name: str, study: StudyRows, measure: Measure, drawn: Mapping[str, _Drawn], untrained: bool
) -> TaskBoard:
    rows = [row for row in study.rows if row.run in drawn]
    rows.sort(key=lambda row: (-drawn[row.run].scores.mean(), row.run))
    references = _references(study, measure)
    standings = {row.run: _standing(row, measure, drawn, rows, references) for row in rows}
    trained = [row.run for row in rows if not row.is_control]
    _rank(standings, trained, drawn)
    _compare_with_best(standings, trained, drawn)
    zero = standings[UNTRAINED].mean if untrained else references.get("chance", 0.0)
    return TaskBoard(
        name=name,
        standings=tuple(standings.values()),
        references=references,
        zero=zero,
        zero_from="untrained" if untrained else "chance",
        one=references.get("ceiling", 1.0 if measure.higher_is_better else 0.0),
    )


def _references(study: StudyRows, measure: Measure) -> dict[str, float]:
    rows = study.reference["rows"] if study.reference is not None else {}
    found = {row: figures.get(measure.name) for row, figures in rows.items()}
    return {row: float(figure) for row, figure in found.items() if figure is not None}


def _standing(
    row: ObjectiveRow,
    measure: Measure,
    drawn: Mapping[str, _Drawn],
    rows: Sequence[ObjectiveRow],
    references: Mapping[str, float],
) -> Standing:
    mine = drawn[row.run]
    mean_draws = mine.draws.mean(axis=1)  # (B,)
    low, high = percentile_interval(mean_draws)
    reached = []
    if not row.is_control:
        reached += [
            other.run
            for other in rows
            if other.is_control
            and percentile_interval(mean_draws - drawn[other.run].draws.mean(axis=1))[0] <= 0
        ]
        reached += [
            name
            for name in measure.controls
            if name in references and low <= measure.sign * references[name]
        ]
    ends = sorted((measure.sign * low, measure.sign * high))
    return Standing(
        run=row.run,
        objective=row.objective,
        is_control=row.is_control,
        mean=float(measure.sign * mine.scores.mean()),
        interval=(ends[0], ends[1]),
        seeds=tuple((measure.sign * mine.scores).tolist()),
        reached_by=tuple(reached),
    )


def _rank(
    standings: dict[str, Standing], trained: Sequence[str], drawn: Mapping[str, _Drawn]
) -> None:
    """Give trained runs their ranks."""
    found, draws = _ranks_of(trained, drawn)
    for place, run in enumerate(trained):
        interval = percentile_interval(draws[:, place])
        standings[run] = replace(standings[run], rank=float(found[place]), rank_interval=interval)


def _ranks_of(
    trained: Sequence[str], drawn: Mapping[str, _Drawn]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return ranks (R,) and those of the draws (B, R)."""
    found = ranks([drawn[run].scores.mean() for run in trained])
    return found, ranks(np.stack([drawn[run].draws.mean(axis=1) for run in trained], axis=1))


def _compare_with_best(
    standings: dict[str, Standing], trained: Sequence[str], drawn: Mapping[str, _Drawn]
) -> None:
    """Give all trained runs but the best how far they are behind it."""
    means = [float(drawn[run].scores.mean()) for run in trained]
    compared = _behind_first(means, [drawn[run].draws.mean(axis=1) for run in trained])
    for run, (behind, p_value) in zip(trained[1:], compared, strict=True):
        standings[run] = replace(standings[run], behind_best=behind, p_value=p_value)


def _behind_first(
    means: Sequence[float], draws: Sequence[NDArray[np.float64]]
) -> list[tuple[Difference, float]]:
    """Return how far all runs but the first are behind it, and their corrected p-values.

    Args:
        means: Of the best run, and of the others.
        draws: (B,) of each, on the same draws of episodes.
    """
    behind = [
        difference_of(means[0] - mean, draws[0] - of_run)
        for mean, of_run in zip(means[1:], draws[1:], strict=True)
    ]
    corrected = holm([one.p_value for one in behind])
    return list(zip(behind, corrected.tolist(), strict=True))


def _board(
    measure: Measure, tasks: Sequence[TaskBoard], drawn: Sequence[Mapping[str, _Drawn]]
) -> Board:
    everywhere = [run for run in drawn[0] if all(run in of_task for of_task in drawn)]
    controls = {one.run for one in tasks[0].standings if one.is_control}
    has_scale = all(task.zero != task.one for task in tasks)  # not without chance and ceiling
    contested = len(everywhere) > 1 and not controls.issuperset(everywhere)
    if len(tasks) < 2 or not contested or not has_scale:
        nothing = np.zeros((0, 0))
        return Board(measure, tuple(tasks), (), nothing, nothing, nothing)
    scores, draws = {}, {}
    for run in everywhere:
        pairs = [(task, of_task[run]) for task, of_task in zip(tasks, drawn, strict=True)]
        scores[run] = [_on_scale(task, measure, one.scores) for task, one in pairs]
        draws[run] = [_on_scale(task, measure, one.draws) for task, one in pairs]
    overall = _overall(tasks, drawn, scores, draws)
    order = [one.run for one in overall]
    better = [[probability_of_improvement(scores[i], scores[j]) for j in order] for i in order]
    ends = [
        [percentile_interval(probability_of_improvement(draws[i], draws[j])) for j in order]
        for i in order
    ]
    low, high = np.moveaxis(np.array(ends), -1, 0)
    return Board(measure, tuple(tasks), tuple(overall), np.array(better), low, high)


def _on_scale(
    task: TaskBoard, measure: Measure, scores: NDArray[np.float64]
) -> NDArray[np.float64]:
    return normalised(measure.sign * scores, task.zero, task.one)


def _overall(
    tasks: Sequence[TaskBoard],
    drawn: Sequence[Mapping[str, _Drawn]],
    scores: Mapping[str, list[NDArray[np.float64]]],
    draws: Mapping[str, list[NDArray[np.float64]]],
) -> list[OverallStanding]:
    is_control = {one.run: one.is_control for one in tasks[0].standings}
    trained = [run for run in scores if not is_control[run]]
    per_task = [_ranks_of(trained, of_task) for of_task in drawn]
    mean_rank = np.mean([found for found, _ in per_task], axis=0)  # (R,)
    rank_draws = np.mean([of_draws for _, of_draws in per_task], axis=0)  # (B, R)
    middle = {
        run: interquartile_mean(np.concatenate(of_run, axis=-1)) for run, of_run in draws.items()
    }  # (B,) each
    standings = []
    for run, of_run in scores.items():
        place = trained.index(run) if run in trained else None
        standings.append(
            OverallStanding(
                run=run,
                is_control=is_control[run],
                score=float(interquartile_mean(np.concatenate(of_run))),
                interval=percentile_interval(middle[run]),
                rank=None if place is None else float(mean_rank[place]),
                rank_interval=None if place is None else percentile_interval(rank_draws[:, place]),
            )
        )
    standings.sort(key=lambda one: (-one.score, one.run))
    return _compare_overall(standings, middle)


def _compare_overall(
    standings: Sequence[OverallStanding], middle: Mapping[str, NDArray[np.float64]]
) -> list[OverallStanding]:
    """Return standings, best first, with how far trained ones are behind the first of them."""
    trained = [one for one in standings if not one.is_control]
    compared = _behind_first([one.score for one in trained], [middle[one.run] for one in trained])
    found = dict(zip([one.run for one in trained[1:]], compared, strict=True))
    return [
        replace(one, behind_best=found[one.run][0], p_value=found[one.run][1])
        if one.run in found
        else one
        for one in standings
    ]

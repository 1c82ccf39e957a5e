"""`tcn-robot leaderboard`: one self-contained page about objectives, tasks and seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from tcn_robot.atomic import refuse_unwritable
from tcn_robot.errors import UserError
from tcn_robot.workflows.options import parse_and_run

if TYPE_CHECKING:
    from tcn_robot.benchmarks.leaderboard.objective_rows import ObjectiveRow, StudyRows
    from tcn_robot.report.leaderboard_evidence import (
        LeaderboardEvidence,
        RetrievalFilms,
        RunFacts,
        SeedCurve,
    )


def leaderboard(
    results: Annotated[tuple[Path, ...], tyro.conf.Positional],
    /,
    *,
    out: Path,
    runs: Path | None = None,
    data: Path | None = None,
    title: str = "Leaderboard",
    seed: int = 0,
) -> None:
    """Write a page about the results of studies of embeddings: who is best, and how sure that is.

    It is made from the lines alone, whichever machines they come from: tables with intervals,
    ranks and significance, scores over all tasks, curves, cost. What a control reaches is marked.
    Films of what each encoder finds need its folder and the recordings.

    Args:
        results: Files of lines, such as docs/results/leaderboard.jsonl.
        out: The page, such as leaderboard.html.
        runs: Folder of the studies' runs, as given to `tcn-robot study`; for films.
        data: Folder of their recordings; for films.
        title: What stands above the page.
        seed: Of the draws of the intervals.
    """
    from tcn_robot.report.leaderboard_page import write_leaderboard

    if (runs is None) != (data is None):
        raise UserError("films need --runs and --data both; give the other one too, or neither")
    refuse_unwritable(out)
    evidence = gather_leaderboard(results, runs, data, title, seed)
    evidence.commands = [*evidence.commands, _command(results, out)]
    write_leaderboard(evidence, out)
    print(f"{out} ({out.stat().st_size / 1e6:.1f} MB)")
    for line in evidence.missing:
        print(f"not shown: {line}")


def gather_leaderboard(
    results: Sequence[Path],
    runs: Path | None = None,
    data: Path | None = None,
    title: str = "Leaderboard",
    seed: int = 0,
) -> LeaderboardEvidence:
    """Read everything that a leaderboard shows.

    Args:
        results: Files of lines.
        runs: Folder of the studies' runs; None for no films.
        data: Folder of their recordings; None for no films.
        title: Of the page.
        seed: Of the draws.

    Raises:
        UserError: There are no results in the files, or a run or recording is damaged.
    """
    from tcn_robot.benchmarks.leaderboard.boards import make_boards, task_names
    from tcn_robot.report.leaderboard_evidence import LeaderboardEvidence

    studies = read_studies(results)
    names = task_names(studies)
    everything = dict(zip(names, studies, strict=True))
    by_name = {  # controls alone are no contest
        name: study
        for name, study in everything.items()
        if any(not row.is_control for row in study.rows)
    }
    films, missing = _films(by_name, runs, data)
    curves = _curves(by_name, runs)
    missing = [*_unfinished(everything), *missing]
    if not curves:
        missing.append("Curves: these lines are older than curves in lines; give --runs.")
    return LeaderboardEvidence(
        title=title,
        boards=make_boards(studies, seed),
        facts=_facts(by_name),
        curves=curves,
        films=films,
        data={name: _data_words(study) for name, study in by_name.items()},
        origin=_origin(studies),
        commands=list(
            dict.fromkeys(f"tcn-robot study docs/studies/{one.name}.json" for one in studies)
        ),
        missing=missing,
    )


def read_studies(results: Sequence[Path]) -> list[StudyRows]:
    """Return the tasks of the studies in some files of lines.

    Raises:
        UserError: A file is not there, or none of them holds a trained embedding.
    """
    from tcn_robot.benchmarks.leaderboard.objective_rows import group_studies
    from tcn_robot.policies.results import read_lines

    if not results:
        raise UserError("missing RESULTS; name files of lines such as docs/results/*.jsonl")
    for path in results:
        if not path.is_file():
            raise UserError(
                f"no results at {path}; name files of lines such as docs/results/leaderboard.jsonl"
            )
    studies = group_studies([line for path in results for line in read_lines(path)])
    if not studies:
        raise UserError(
            f"expected lines of a study of embeddings in {', '.join(map(str, results))}, found "
            "none; `tcn-robot study CONFIG` writes them"
        )
    return studies


def _unfinished(studies: Mapping[str, StudyRows]) -> list[str]:
    """Return a line per task on the runs of the other tasks that it lacks: ranks are of few."""
    runs = list(dict.fromkeys(row.run for study in studies.values() for row in study.rows))
    lines = []
    for name, study in studies.items():
        lacking = [run for run in runs if run not in {row.run for row in study.rows}]
        if lacking:
            lines.append(f"{name}: no result yet of {', '.join(lacking)}.")
    return lines


def _facts(studies: Mapping[str, StudyRows]) -> list[RunFacts]:
    from tcn_robot.report.leaderboard_evidence import RunFacts

    rows = {(row.run, name): row for name, study in studies.items() for row in study.rows}
    facts = []
    for run in dict.fromkeys(run for run, _ in rows):
        of_run = {name: row for (one, name), row in rows.items() if one == run}
        first = next(iter(of_run.values()))
        facts.append(
            RunFacts(
                run=run,
                objective=first.objective,
                steps=first.steps,
                parameters=first.lines[-1]["parameters"],
                core_minutes={name: row.core_minutes for name, row in of_run.items()},
                seeds={name: len(row.lines) for name, row in of_run.items()},
            )
        )
    return facts


def _curves(
    studies: Mapping[str, StudyRows], runs: Path | None
) -> dict[str, dict[str, list[SeedCurve]]]:
    """Return {run: {task: curves of its seeds}}, from lines or, for older ones, from runs."""
    from tcn_robot.report.leaderboard_evidence import SeedCurve

    curves: dict[str, dict[str, list[SeedCurve]]] = {}
    for name, study in studies.items():
        for row in study.rows:
            found = [_curve(study, row, line, runs) for line in row.lines]
            trained = [SeedCurve(**curve) for curve in found if curve.get("steps")]
            if trained:
                curves.setdefault(row.run, {})[name] = trained
    return curves


def _curve(
    study: StudyRows, row: ObjectiveRow, line: Mapping[str, Any], runs: Path | None
) -> Mapping[str, Any]:
    from tcn_robot.training.curves import METRICS_FILE, read_metrics
    from tcn_robot.workflows.embedding_run import thinned_curve
    from tcn_robot.workflows.leaderboard_films import seed_folder

    if "curve" in line or runs is None:
        found: Mapping[str, Any] = line.get("curve", {})
        return found
    folder = seed_folder(runs, study, row, line)
    return thinned_curve(read_metrics(folder)) if (folder / METRICS_FILE).is_file() else {}


def _films(
    studies: Mapping[str, StudyRows], runs: Path | None, data: Path | None
) -> tuple[list[RetrievalFilms], list[str]]:
    from tcn_robot.workflows.leaderboard_films import task_films

    if runs is None or data is None:
        return [], ["Films of what each encoder finds: give --runs and --data."]
    films, missing = [], []
    for name, study in studies.items():
        found, without = task_films(name, study, runs, data)
        if found is not None:
            films.append(found)
        missing += without
    return films, missing


def _data_words(study: StudyRows) -> str:
    if study.reference is None:
        return study.task
    views = ", ".join(study.reference["views"])
    return f"{study.task}: {study.reference['episodes']} held-out episodes, views {views}"


def _origin(studies: Sequence[StudyRows]) -> dict[str, str]:
    lines: list[Mapping[str, Any]] = [
        line for study in studies for row in study.rows for line in row.lines
    ]

    def of_all(texts: Sequence[str]) -> str:
        return ", ".join(dict.fromkeys(sorted(texts)))

    return {
        "trainings": f"{len(lines):,}",
        "finished": of_all([min(one["finished_utc"] for one in lines)[:10],
                            max(one["finished_utc"] for one in lines)[:10]]),
        "commits": of_all([(line["commit"] or "unknown")[:10] for line in lines]),
        "processors": of_all([line["machine"]["cpu"] for line in lines]),
        "threads each": of_all([str(line["threads"]) for line in lines]),
        **{
            name: of_all([line["versions"].get(name, "unknown") for line in lines])
            for name in ("tcn_robot", "torch", "numpy", "mujoco", "python")
        },
    }  # fmt: skip


def _command(results: Sequence[Path], out: Path) -> str:
    """Return the command that makes the page again, without a machine's paths."""
    names = [path if not path.is_absolute() else Path(path.name) for path in (*results, out)]
    return f"tcn-robot leaderboard {' '.join(map(str, names[:-1]))} --out {names[-1]}"


def main(arguments: list[str]) -> None:
    """Run the command."""
    parse_and_run(leaderboard, arguments)

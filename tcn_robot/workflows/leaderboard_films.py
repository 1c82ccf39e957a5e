"""Films for a leaderboard: what each run's encoder finds in another view, on one episode."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tcn_robot.progress import progress
from tcn_robot.workflows.report_embedding import nearest, shown_episodes
from tcn_robot.workflows.report_replay import render_again

if TYPE_CHECKING:
    from tcn_robot.benchmarks.leaderboard.objective_rows import ObjectiveRow, StudyRows
    from tcn_robot.report.leaderboard_evidence import RetrievalFilms
    from tcn_robot.report.media import Film
    from tcn_robot.workflows.report_embedding import ShownEpisode

HEIGHT_PX = 128


def task_films(
    name: str, study: StudyRows, runs: Path, data: Path
) -> tuple[RetrievalFilms | None, list[str]]:
    """Return the films of a task, one per run whose folder is there, and what is not.

    Args:
        name: What the task is called on the page.
        study: Its rows.
        runs: Folder of the studies' runs.
        data: Folder of the recordings.

    Returns:
        The films of the first seed of each run, None where there are none, and a line on each part
        that is missing.
    """
    from tcn_robot.report.leaderboard_evidence import RetrievalFilms

    test = data / study.rows[0].lines[0]["test"]
    if not test.is_dir():
        return None, [f"Films of {name}: no recording at {test}."]
    shown = shown_episodes([test])
    if not shown or len(shown[0].frames) < 2:
        return None, [f"Films of {name}: its episodes have one view, nothing to find."]
    one = shown[0]
    query_view, found_view = tuple(one.frames)[:2]
    pictures = render_again(one.episode, (query_view, found_view), HEIGHT_PX) or one.frames
    films, without, seed = {}, [], min(line["seed"] for line in study.rows[0].lines)
    for row in progress(study.rows, len(study.rows), f"films of {name}", "runs"):
        folder = encoder_folder(runs, study, row)
        if folder is None:
            without.append(row.run)
        else:
            films[row.run] = _film(one, folder, query_view, found_view, pictures)
    missing = [f"Films of {name} by {', '.join(without)}: no run in {runs}."] if without else []
    if not films:
        return None, missing
    episode = one.name[0].upper() + one.name[1:]
    return RetrievalFilms(name, episode, query_view, found_view, films, seed), missing


def encoder_folder(runs: Path, study: StudyRows, row: ObjectiveRow) -> Path | None:
    """Return the folder of a run's first seed, None where it is not on this machine."""
    from tcn_robot.training.run_folder import ENCODER_FOLDER

    folder = seed_folder(runs, study, row, row.lines[0])
    return folder if (folder / ENCODER_FOLDER).is_dir() else None


def seed_folder(runs: Path, study: StudyRows, row: ObjectiveRow, line: Mapping[str, Any]) -> Path:
    """Return where `tcn-robot study` keeps the run that a line is the result of."""
    seed = f"seed_{line['seed']}-{line['key'][:8]}"
    return runs / study.name / study.task_name / row.run / seed


def _film(
    one: ShownEpisode, folder: Path, query_view: str, found_view: str, pictures: Mapping[str, Any]
) -> Film:
    from tcn_robot.models import embed_film, load_encoder
    from tcn_robot.report.evidence import Retrieval
    from tcn_robot.report.films import retrieval_film

    encoder = load_encoder(folder)
    embedded = {
        view: embed_film(encoder, one.frames[view], one.episode.embodiment)
        for view in (query_view, found_view)
    }
    times = {view: one.episode.timestamps(view) for view in (query_view, found_view)}
    retrieval = Retrieval(
        episode=one.name,
        query_view=query_view,
        found_view=found_view,
        query_frames=pictures[query_view],
        library_frames=pictures[found_view],
        found=nearest(embedded[query_view], embedded[found_view]),
        found_untrained=None,
        times_seconds=times[query_view] - times[query_view][0],
        library_times_seconds=times[found_view] - times[found_view][0],
    )
    return retrieval_film(retrieval, HEIGHT_PX)

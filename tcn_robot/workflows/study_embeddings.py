"""A study of embeddings: what each objective makes of the same films with the same network."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tcn_robot.benchmarks.leaderboard.objective_rows import (
    EMBEDDING_KIND,
    REFERENCE_KIND,
    reference_key,
)
from tcn_robot.policies.processes import Job
from tcn_robot.policies.results import LINE_SCHEMA_VERSION, append_line, read_lines
from tcn_robot.workflows.cluster_jobs import KeptJob
from tcn_robot.workflows.embedding_plan import (
    FIELDS,
    RESULT_VERSION,
    EmbeddingStudy,
    PlannedSeed,
    deciding,
    find_result,
    load_embedding_study,
    result_key,
    unusual_options,
)
from tcn_robot.workflows.launching import check_launch, launch_jobs
from tcn_robot.workflows.study_data import check_commands, is_complete, record_missing
from tcn_robot.workflows.study_tasks import StudyTask, all_data

if TYPE_CHECKING:
    from tcn_robot.workflows.study import StudyOptions

__all__ = ["FIELDS", "reference_line", "result_line", "work_off"]

# {task: {recording: digest}}
Digests = Mapping[str, Mapping[str, str]]


def work_off(config: Path, options: StudyOptions) -> None:
    """Record what is missing, then train and measure the seeds that the results lack.

    Args:
        config: JSON file of the study.
        options: Folders, workers and launcher.

    Raises:
        UserError: The study is none, other recordings lie in its folders, or a run failed.
    """
    from tcn_robot.workflows.embedding_run import digests_of

    study = load_embedding_study(config)
    data = all_data(study.tasks)
    check_commands(data)
    check_launch(options.launch, options.runs / study.name)
    lines_path = options.results / f"{study.name}.jsonl"
    missing = [one for one in data if not is_complete(one, options.data / one.name)]
    if options.dry_run and missing:
        _say_what_is_missing(study, [options.data / one.name for one in missing])
        return
    record_missing(data, options.data)
    digests = {task.name: digests_of(task, options.data) for task in study.tasks}
    queue = _queue(study, lines_path, digests)
    total = len(study.trainings())
    print(f"study {study.name}: {total - len(queue)} of {total} seeds are in {lines_path}")
    if options.dry_run:
        for planned in queue:
            print(f"to run: {planned.name} ({planned.config.steps:,} steps)")
        return
    for task in study.tasks:
        _add_reference(study, task, lines_path, digests[task.name], options.data)
    if queue:
        _train_all(study, config, queue, lines_path, digests, options)
    print(f"study {study.name} is finished; make the tables by scripts/make_benchmark_tables.py")


def _say_what_is_missing(study: EmbeddingStudy, folders: Sequence[Path]) -> None:
    for folder in folders:
        print(f"to record: {folder}")
    for task in study.tasks:
        for run in study.runs:
            name = f"{task.name} {run.name}".strip()
            print(f"to run, unless a line has it: {name} seeds {study.seeds}")


def _queue(study: EmbeddingStudy, lines_path: Path, digests: Digests) -> list[PlannedSeed]:
    """Return what the results lack: the first seed of every run comes before all second ones."""
    lines: dict[str, list[dict[str, Any]]] = {}
    for line in read_lines(lines_path):
        if line.get("study") == study.name and "run" in line:
            lines.setdefault(line["run"], []).append(line)
    return [
        planned
        for planned in study.trainings()
        if find_result(lines.get(planned.run.name, []), planned.config, digests[planned.task.name])
        is None
    ]


def _train_all(
    study: EmbeddingStudy,
    config: Path,
    queue: Sequence[PlannedSeed],
    lines_path: Path,
    digests: Digests,
    options: StudyOptions,
) -> None:
    from tcn_robot.workflows.embedding_run import (
        JOB_ENDING,
        RESULT_FILE,
        limit_threads,
        read_result,
        run_encoder,
        run_folder,
    )

    runs = options.runs / study.name
    by_name = {planned.name: planned for planned in queue}
    jobs = []
    for name, one in by_name.items():
        names = (str(config), one.task.name, one.run.name, one.seed, str(runs), str(options.data))
        folder = run_folder(runs, one, digests[one.task.name])
        note = folder.with_name(folder.name + JOB_ENDING)
        jobs.append(KeptJob(Job(name, run_encoder, names), folder / RESULT_FILE, note))

    def keep(job: Job) -> None:
        planned = by_name[job.name]
        data = digests[planned.task.name]
        result = read_result(run_folder(runs, planned, data))
        append_line(lines_path, result_line(study, planned, data, result))
        error = result["figures"]["error"]
        shown = "no second view to find" if error is None else f"error {error:.1%}"
        print(f"{job.name}: {shown} → {lines_path}", file=sys.stderr)

    with limit_threads():
        launch_jobs(jobs, options.launch, runs, keep)


def result_line(
    study: EmbeddingStudy, planned: PlannedSeed, data: Mapping[str, str], result: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the line of one finished seed.

    Args:
        study: The study.
        planned: The training as it was planned.
        data: Digests of the recordings.
        result: What `embedding_run.run_encoder` found.
    """
    config = planned.config
    return {
        "schema_version": LINE_SCHEMA_VERSION,
        "kind": EMBEDDING_KIND,
        "study": study.name,
        "run": planned.run.name,
        "objective": config.objective,
        "steps": config.steps,
        "seed": planned.seed,
        "key": result_key(config, data),
        "decides": deciding(config, data),
        "unusual": unusual_options(config),
        "test": planned.task.test,
        **_task_entries(planned.task),
        **result,
        "finished_utc": _now(),
    }


def _task_entries(task: StudyTask) -> dict[str, str]:
    """Return how a line names its task; studies of one task have no name of their own for it."""
    named = {"task_name": task.name} if task.name else {}
    return {"task": task.recorded_task, **named}


def _add_reference(
    study: EmbeddingStudy,
    task: StudyTask,
    lines_path: Path,
    data: Mapping[str, str],
    data_root: Path,
) -> None:
    """Append the rows that need no encoder, unless they stand there."""
    key = reference_key(RESULT_VERSION, data[task.test])
    lines = read_lines(lines_path)
    if any(line.get("kind") == REFERENCE_KIND and line["key"] == key for line in lines):
        return
    append_line(lines_path, reference_line(study, task, key, data_root / task.test))


def reference_line(study: EmbeddingStudy, task: StudyTask, key: str, test: Path) -> dict[str, Any]:
    """Return the line of what every encoder of a task is compared with.

    Args:
        study: The study.
        task: The task.
        key: What tells it from those of other episodes.
        test: The recording that is measured on.
    """
    from tcn_robot.benchmarks import reference_figures, summarised
    from tcn_robot.provenance import commit, machine, versions
    from tcn_robot.workflows.embedding_run import held_out

    episodes = held_out(test)
    return {
        "schema_version": LINE_SCHEMA_VERSION,
        "kind": REFERENCE_KIND,
        "study": study.name,
        "key": key,
        "test": task.test,
        **_task_entries(task),
        "episodes": len(episodes),
        "views": list(episodes[0].frames),
        "rows": {row: summarised(found) for row, found in reference_figures(episodes).items()},
        "versions": versions(),
        "commit": commit(),
        "machine": machine(),
        "finished_utc": _now(),
    }


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")

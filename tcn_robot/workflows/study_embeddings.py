"""A study of embeddings: what each objective makes of the same films with the same network."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tcn_robot.benchmarks.objective_rows import EMBEDDING_KIND, REFERENCE_KIND, reference_key
from tcn_robot.policies.results import LINE_SCHEMA_VERSION, append_line, read_lines
from tcn_robot.workflows.embedding_plan import (
    FIELDS,
    RESULT_VERSION,
    EmbeddingStudy,
    PlannedEncoder,
    deciding,
    find_result,
    load_embedding_study,
    result_key,
    unusual_options,
)
from tcn_robot.workflows.study_data import check_commands, is_complete, record_missing

if TYPE_CHECKING:
    from tcn_robot.workflows.study import StudyOptions

__all__ = ["FIELDS", "reference_line", "result_line", "work_off"]

Queue = list[tuple[PlannedEncoder, int]]


def work_off(config: Path, options: StudyOptions) -> None:
    """Record what is missing, then train and measure the seeds that the results lack.

    Args:
        config: JSON file of the study.
        options: Folders and workers.

    Raises:
        UserError: The study is none, other recordings lie in its folders, or a run failed.
    """
    from tcn_robot.workflows.embedding_run import digests_of

    study = load_embedding_study(config)
    check_commands(study.data)
    lines_path = options.results / f"{study.name}.jsonl"
    missing = [one for one in study.data if not is_complete(one, options.data / one.name)]
    if options.dry_run and missing:
        for one in missing:
            print(f"to record: {options.data / one.name}")
        for run in study.runs:
            print(f"to run, unless a line has it: {run.name} seeds {study.seeds}")
        return
    record_missing(study.data, options.data)
    data = digests_of(study, options.data)
    queue = _queue(study, lines_path, data)
    total = len(study.runs) * len(study.seeds)
    print(f"study {study.name}: {total - len(queue)} of {total} seeds are in {lines_path}")
    if options.dry_run:
        for run, seed in queue:
            print(f"to run: {run.name} seed {seed} ({run.config.steps:,} steps)")
        return
    _add_reference(study, lines_path, data, options.data)
    if queue:
        _train_all(study, config, queue, lines_path, data, options)
    print(f"study {study.name} is finished; make the tables by scripts/make_benchmark_tables.py")


def _queue(study: EmbeddingStudy, lines_path: Path, data: Mapping[str, str]) -> Queue:
    """Return what the results lack: the first seed of every run comes before all second ones."""
    lines = [line for line in read_lines(lines_path) if line.get("study") == study.name]
    return [
        (run, seed)
        for seed in study.seeds
        for run in study.runs
        if find_result([line for line in lines if line.get("run") == run.name],
                       run.with_seed(seed), data) is None
    ]  # fmt: skip


def _train_all(
    study: EmbeddingStudy,
    config: Path,
    queue: Queue,
    lines_path: Path,
    data: Mapping[str, str],
    options: StudyOptions,
) -> None:
    from tcn_robot.policies.processes import Job, run_jobs
    from tcn_robot.workflows.embedding_run import (
        limit_threads,
        read_result,
        run_encoder,
        run_folder,
    )

    runs = options.runs / study.name
    by_name = {f"{run.name} seed {seed}": (run, seed) for run, seed in queue}
    jobs = [
        Job(name, run_encoder, (str(config), run.name, seed, str(runs), str(options.data)))
        for name, (run, seed) in by_name.items()
    ]

    def keep(job: Job) -> None:
        run, seed = by_name[job.name]
        result = read_result(run_folder(runs, run, seed, data))
        append_line(lines_path, result_line(study, run, seed, data, result))
        error = result["figures"]["error"]
        shown = "no second view to find" if error is None else f"error {error:.1%}"
        print(f"{job.name}: {shown} → {lines_path}", file=sys.stderr)

    with limit_threads():
        run_jobs(jobs, options.workers, keep)


def result_line(
    study: EmbeddingStudy,
    run: PlannedEncoder,
    seed: int,
    data: Mapping[str, str],
    result: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the line of one finished seed.

    Args:
        study: The study.
        run: The run as it was planned.
        seed: Which of the study's seeds.
        data: Digests of the recordings.
        result: What `embedding_run.run_encoder` found.
    """
    config = run.with_seed(seed)
    return {
        "schema_version": LINE_SCHEMA_VERSION,
        "kind": EMBEDDING_KIND,
        "study": study.name,
        "run": run.name,
        "objective": config.objective,
        "steps": config.steps,
        "seed": seed,
        "key": result_key(config, data),
        "decides": deciding(config, data),
        "unusual": unusual_options(config),
        "test": study.test,
        "task": _task(study),
        **result,
        "finished_utc": _now(),
    }


def _add_reference(
    study: EmbeddingStudy, lines_path: Path, data: Mapping[str, str], data_root: Path
) -> None:
    """Append the rows that need no encoder, unless they stand there."""
    key = reference_key(RESULT_VERSION, data[study.test])
    lines = read_lines(lines_path)
    if any(line.get("kind") == REFERENCE_KIND and line["key"] == key for line in lines):
        return
    append_line(lines_path, reference_line(study, key, data_root / study.test))


def reference_line(study: EmbeddingStudy, key: str, test: Path) -> dict[str, Any]:
    """Return the line of what every encoder of a study is compared with.

    Args:
        study: The study.
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
        "test": study.test,
        "task": _task(study),
        "episodes": len(episodes),
        "views": list(episodes[0].frames),
        "rows": {row: summarised(found) for row, found in reference_figures(episodes).items()},
        "versions": versions(),
        "commit": commit(),
        "machine": machine(),
        "finished_utc": _now(),
    }


def _task(study: EmbeddingStudy) -> str:
    [test] = [one for one in study.data if one.name == study.test]
    return test.arguments[0].rpartition("/")[2].rpartition(":")[2]


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")

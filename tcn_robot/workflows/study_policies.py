"""A study of policies: which rewards teach a task, seed by seed."""

from __future__ import annotations

import dataclasses
import os
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tcn_robot.policies.study_plan import STUDY_FIELDS as FIELDS

if TYPE_CHECKING:
    from tcn_robot.policies.study_plan import PlannedRun, StudyPlan
    from tcn_robot.workflows.launching import Launch
    from tcn_robot.workflows.study import StudyOptions

__all__ = ["FIELDS", "result_line", "shown_path", "work_off"]


def work_off(config: Path, options: StudyOptions) -> None:
    """Train the seeds of a study that its results lack.

    Args:
        config: JSON file of the study.
        options: Folders and workers.

    Raises:
        UserError: The study is none, or a run failed.
    """
    from tcn_robot.policies.results import read_lines
    from tcn_robot.policies.study_plan import load_plan
    from tcn_robot.workflows.launching import check_launch

    plan = load_plan(config)
    check_launch(options.launch, options.runs / plan.name)
    lines_path = options.results / f"{plan.name}.jsonl"
    known = {line["key"] for line in read_lines(lines_path)}
    queue = [
        (run, seed) for run in plan.runs for seed in run.config.seeds if run.key(seed) not in known
    ]
    total = sum(len(run.config.seeds) for run in plan.runs)
    print(f"study {plan.name}: {total - len(queue)} of {total} seeds are in {lines_path}")
    if options.dry_run or not queue:
        for run, seed in queue:
            print(f"to run: {run.name} seed {seed} ({run.config.steps:,} steps)")
        return
    _work_off(plan, queue, options.runs / plan.name, lines_path, options.launch)
    print(f"study {plan.name} is finished; make the tables by scripts/make_benchmark_tables.py")


def _work_off(
    plan: StudyPlan,
    queue: list[tuple[PlannedRun, int]],
    folder: Path,
    lines_path: Path,
    launch: Launch,
) -> None:
    from tcn_robot.policies.processes import Job
    from tcn_robot.policies.results import append_line
    from tcn_robot.policies.run import RESULT_FILE, seed_folder
    from tcn_robot.workflows.cluster_jobs import KeptJob
    from tcn_robot.workflows.launching import launch_jobs
    from tcn_robot.workflows.policy_seed import prepare_run, run_seed

    for run in {run.name: run for run, _ in queue}.values():
        prepare_run(folder / run.name, run.config, resume=True)
    by_name = {f"{run.name} seed {seed}": (run, seed) for run, seed in queue}
    jobs = []
    for name, (run, seed) in by_name.items():
        place = seed_folder(folder / run.name, seed)
        job = Job(name, run_seed, (str(folder / run.name), seed, False, name))
        note = folder / run.name / f"{place.name}-job.json"
        jobs.append(KeptJob(job, place / RESULT_FILE, note))

    def keep(job: Job) -> None:
        run, seed = by_name[job.name]
        line = result_line(plan.name, run, seed, folder / run.name)
        append_line(lines_path, line)
        final = line["figures"]["final"]
        print(f"{job.name}: success {final['success']:.1%} → {lines_path}", file=sys.stderr)

    launch_jobs(jobs, launch, folder, keep)


def result_line(study_name: str, run: PlannedRun, seed: int, folder: Path) -> dict[str, Any]:
    """Return the line of one finished seed.

    Args:
        study_name: Name of the study.
        run: The run as it was planned.
        seed: Which of its seeds.
        folder: The run's folder.
    """
    from tcn_robot.policies.results import LINE_SCHEMA_VERSION
    from tcn_robot.policies.run import REWARD_FOLDER, read_result
    from tcn_robot.provenance import sha256_of_files

    result = read_result(folder, seed)
    assert result is not None
    options = dataclasses.asdict(run.config)
    del options["seeds"]
    line = {
        "schema_version": LINE_SCHEMA_VERSION,
        "kind": "policy",
        "study": study_name,
        "run": run.name,
        "seed": seed,
        "key": run.key(seed),
        "config": {name: shown_path(value) for name, value in options.items()},
        "figures": {name: result[name] for name in ("final", "evaluations", "steps", "updates")},
        "seconds": result["seconds"],
        **{name: result[name] for name in ("versions", "commit", "machine")},
        "finished_utc": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }
    if (folder / REWARD_FOLDER).is_dir():
        line["reward_sha256"] = sha256_of_files(folder / REWARD_FOLDER)
    return line


def shown_path(value: Any) -> Any:
    """Return an absolute path relative to here, or its last part: no machine's paths in results."""
    if not (isinstance(value, str) and os.path.isabs(value)):
        return value
    path, here = Path(value), Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else path.name

"""The jobs of a run in processes of their own, and what is made of those that are finished."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from tcn_robot.errors import UserError

if TYPE_CHECKING:
    from tcn_robot.policies.processes import Job

Summary = TypeVar("Summary")


def check_workers(workers: int | None) -> None:
    """Raise a UserError for a number of processes below 1; None stands for as many as there are."""
    if workers is not None and workers < 1:
        raise UserError(f"--workers must be at least 1, found {workers}")


def run_resumable_jobs(
    out: Path,
    jobs: Sequence[Job],
    workers: int | None,
    after_each: Callable[[Job], object],
    conclude: Callable[[], Summary],
) -> Summary:
    """Run all jobs and return the summary of the run, which is written after Ctrl-C too.

    Args:
        out: Folder of the run, for the line that says how to go on.
        jobs: What to run.
        workers: Processes at a time; None: as many as there are cores and jobs.
        after_each: Called after each job that succeeded.
        conclude: Writes what is made of the jobs so far, and returns it.

    Raises:
        UserError: A job failed.
        KeyboardInterrupt: After Ctrl-C, when all processes have ended.
    """
    from tcn_robot.policies.processes import run_jobs

    try:
        run_jobs(jobs, workers or min(os.cpu_count() or 1, len(jobs)), after_each)
    except KeyboardInterrupt:
        conclude()
        print(f"stopped; go on with the same command and --resume ({out})", file=sys.stderr)
        raise
    return conclude()

"""Several trainings side by side, each in a process of its own; Ctrl-C stops them all cleanly."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import Any

from tcn_robot.errors import UserError

STOP_SECONDS = 30.0
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130


@dataclass(frozen=True)
class Job:
    """A call in a process of its own.

    Attributes:
        name: What the job is called in messages.
        target: A function at the top level of a module; what it returns is dropped.
        arguments: Plain values: numbers, texts, paths.
    """

    name: str
    target: Callable[..., Any]
    arguments: tuple[Any, ...]


def run_jobs(
    jobs: Sequence[Job], workers: int, on_done: Callable[[Job], None] | None = None
) -> None:
    """Run all jobs, at most `workers` at a time, in the order given.

    A job that fails does not stop the others.

    Args:
        jobs: What to run.
        workers: Processes at a time; with 1 the jobs run in this process, one after the other.
        on_done: Called in this process after each job that succeeded.

    Raises:
        UserError: When a job failed; its own message is on standard error.
        KeyboardInterrupt: After Ctrl-C, when all processes have ended.
    """
    if workers <= 1:
        for job in jobs:
            job.target(*job.arguments)
            if on_done is not None:
                on_done(job)
        return
    waiting, running, failed = list(jobs), dict[int, tuple[BaseProcess, Job]](), list[str]()
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                process = _start(waiting[0])
                running[process.sentinel] = (process, waiting.pop(0))
            for sentinel in wait(list(running)):
                assert isinstance(sentinel, int)
                process, job = running.pop(sentinel)
                process.join()
                if process.exitcode == EXIT_INTERRUPTED:
                    raise KeyboardInterrupt
                if process.exitcode:
                    failed.append(job.name)
                elif on_done is not None:
                    on_done(job)
    finally:
        _stop([process for process, _ in running.values()])
    if failed:
        raise UserError(
            f"{', '.join(failed)} failed; the reason stands above, the rest is finished"
        )


def _start(job: Job) -> BaseProcess:
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=_run_job, args=(job, os.getpid()), name=job.name)
    process.start()
    return process


def _stop(processes: list[BaseProcess]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        process.join(STOP_SECONDS)
        if process.is_alive():
            process.kill()


def _run_job(job: Job, parent: int) -> None:
    """Run one job in a fresh process and leave with its exit code."""
    # Ctrl-C reaches the whole process group: the parent alone decides, by SIGTERM.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _interrupt)
    if os.getppid() != parent:
        sys.exit(EXIT_INTERRUPTED)
    try:
        job.target(*job.arguments)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    except UserError as error:
        sys.stderr.write(f"{job.name}: {error}\n")
        sys.stderr.flush()
        sys.exit(EXIT_BAD_INPUT)


def _interrupt(_signal: int, _frame: object) -> None:
    """Unwind as after Ctrl-C, so that no half-written file stays behind."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt

"""Several trainings side by side, each in a process of its own; Ctrl-C stops them all cleanly."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import Any

from tcn_robot.errors import UserError, describe_os_error

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
    jobs: Sequence[Job],
    workers: int,
    on_done: Callable[[Job], object] | None = None,
    devices: Sequence[str] = (),
) -> None:
    """Run all jobs, at most `workers` at a time, in the order given.

    A job that fails does not stop the others.

    Args:
        jobs: What to run.
        workers: Processes at a time; with 1 the jobs run in this process, one after the other.
        on_done: Called in this process after each job that succeeded.
        devices: GPUs as `CUDA_VISIBLE_DEVICES` names them, dealt out to the workers in turn: each
            process sees one. A job in this process sees what this process sees.

    Raises:
        UserError: When a job failed; its own message is on standard error.
        KeyboardInterrupt: After Ctrl-C, when all processes have ended.
    """
    failed: list[str] = []
    done: Callable[[Job], object] = on_done or (lambda _: None)
    if workers <= 1 and len(jobs) == 1:
        jobs[0].target(*jobs[0].arguments)  # its own message is the only one needed
        done(jobs[0])
    elif workers <= 1:
        for job in jobs:
            if _run_here(job):
                done(job)
            else:
                failed.append(job.name)
    else:
        _run_in_processes(list(jobs), _dealt(devices, workers), done, failed)
    if failed:
        raise UserError(
            f"{', '.join(failed)} failed; the reason stands above"
            + (", the rest is finished" if len(failed) < len(jobs) else "")
        )


def _run_here(job: Job) -> bool:
    """Run a job in this process; tell whether it succeeded."""
    try:
        job.target(*job.arguments)
    except UserError as error:
        _complain(job, str(error))
        return False
    except OSError as error:
        _complain_of_path(job, error)
        return False
    return True


def _complain_of_path(job: Job, error: OSError) -> None:
    """Print the line about a disk or a path; raise what is no fault of the user's."""
    line = describe_os_error(error)
    if line is None:
        raise error
    _complain(job, line)


def _complain(job: Job, error: str) -> None:
    sys.stderr.write(f"{job.name}: {error}\n")
    sys.stderr.flush()


def _dealt(devices: Sequence[str], workers: int) -> list[str | None]:
    """Return the device of each worker: one each, in turn where there are fewer."""
    return [devices[place % len(devices)] if devices else None for place in range(workers)]


def _run_in_processes(
    waiting: list[Job],
    free: list[str | None],
    done: Callable[[Job], object],
    failed: list[str],
) -> None:
    """Work off `waiting`, adding the names of jobs that fail to `failed`.

    Every entry of `free` is a worker and names its device.
    """
    running: dict[int, tuple[BaseProcess, Job, str | None]] = {}
    try:
        while waiting or running:
            while waiting and free:
                process = _start(waiting[0], free[0])
                running[process.sentinel] = (process, waiting.pop(0), free.pop(0))
            for sentinel in wait(list(running)):
                assert isinstance(sentinel, int)
                process, job, device = running.pop(sentinel)
                free.append(device)
                process.join()
                if process.exitcode == EXIT_INTERRUPTED:
                    raise KeyboardInterrupt
                if process.exitcode:
                    failed.append(job.name)
                else:
                    done(job)
    finally:
        _stop([process for process, *_ in running.values()])


def _start(job: Job, device: str | None) -> BaseProcess:
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=_run_job, args=(job, device), name=job.name)
    process.start()
    return process


def _stop(processes: list[BaseProcess]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        process.join(STOP_SECONDS)
        if process.is_alive():
            process.kill()


def _run_job(job: Job, device: str | None) -> None:
    """Run one job in a fresh process and leave with its exit code."""
    if device is not None:  # before anything asks for GPUs, which is when the variable is read
        os.environ["CUDA_VISIBLE_DEVICES"] = device
    # Ctrl-C reaches the whole process group: the parent alone decides, by SIGTERM.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _interrupt)
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    # Mesa's software renderer would take every core for each of several processes.
    os.environ.setdefault("LP_NUM_THREADS", "1")
    try:
        job.target(*job.arguments)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    except UserError as error:
        _complain(job, str(error))
        sys.exit(EXIT_BAD_INPUT)
    except OSError as error:
        _complain_of_path(job, error)
        sys.exit(EXIT_BAD_INPUT)


def _end_with_the_parent() -> None:
    """Stop this process when the one that started it is gone, killed for instance."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os.kill(os.getpid(), signal.SIGTERM)


def _interrupt(_signal: int, _frame: object) -> None:
    """Unwind as after Ctrl-C, so that no half-written file stays behind."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt

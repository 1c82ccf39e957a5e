"""Works on episodes in several processes; the dataset does not depend on how many."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from typing import Any, TypeVar

from tcn_robot.errors import UserError
from tcn_robot.workflows.recording_job import EpisodeSummary, RecordingJob, record_episodes

Job = TypeVar("Job")
Summary = TypeVar("Summary")
# Does a job for some ids and yields what became of each; calls the callable often, to be stopped.
Work = Callable[[Job, Sequence[int], Callable[[], None]], Iterator[Summary]]

# One thread each: several processes that all take every core slow each other down. Mesa's software
# renderer (LP) counts helpers beside the thread that draws, and small pictures need none.
THREADS = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "LP_NUM_THREADS": "0",
}


def record_in_processes(
    job: RecordingJob, ids: Sequence[int], num_workers: int
) -> Iterator[EpisodeSummary]:
    """Record episodes in spawned processes and yield each when it is whole on disk.

    Args:
        job: What to record.
        ids: Ids of the episodes.
        num_workers: Number of processes, at least 1.

    Raises:
        UserError: What a worker raised, or that a worker died.
    """
    return work_in_processes(record_episodes, job, ids, num_workers, "--resume")


def work_in_processes(
    work: Work[Job, Summary], job: Job, ids: Sequence[int], num_workers: int, how_to_go_on: str
) -> Iterator[Summary]:
    """Work on episodes in spawned processes and yield the summary of each when it is done.

    Worker w takes every `num_workers`-th id from the w-th on. What an episode holds follows from
    its id alone, so the bytes are those of one process.

    Args:
        work: A function of a module; its summaries travel between processes.
        job: What to do.
        ids: Ids of the episodes.
        num_workers: Number of processes, at least 1.
        how_to_go_on: What finishes the work after a worker died, such as "--resume".

    Raises:
        UserError: What a worker raised, or that a worker died.
    """
    context = multiprocessing.get_context("spawn")
    processes: list[Any] = []
    connections: list[Connection] = []
    try:
        with _one_thread_each():
            for worker in range(num_workers):
                receiver, sender = context.Pipe(duplex=False)
                process = context.Process(
                    target=_work, args=(work, job, list(ids[worker::num_workers]), sender)
                )
                process.daemon = True
                process.start()
                sender.close()
                processes.append(process)
                connections.append(receiver)
        yield from _gather(connections, processes, how_to_go_on)
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.join()


def _gather(
    connections: list[Connection], processes: list[Any], how_to_go_on: str
) -> Iterator[Any]:
    open_connections = list(connections)
    while open_connections:
        for ready in wait(open_connections):
            assert isinstance(ready, Connection)
            try:
                message = ready.recv()
            except EOFError as error:
                process = processes[connections.index(ready)]
                process.join()
                raise UserError(
                    f"a recording process died (exit code {process.exitcode}), for lack of memory "
                    f"or for what it printed above; use fewer --workers and {how_to_go_on}"
                ) from error
            if message is None:
                open_connections.remove(ready)
            elif isinstance(message, BaseException):
                raise message
            else:
                yield message


@contextmanager
def _one_thread_each() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(THREADS)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name)
            else:
                os.environ[name] = value


def _work(work: Work[Any, Any], job: Any, ids: list[int], sender: Connection) -> None:
    """Work in a spawned process: summaries go up the pipe, then None, or an error."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    parent = os.getppid()

    def stop_when_orphaned() -> None:
        # The dataset's lock died with the parent: another recorder may be at work already.
        if os.getppid() != parent:
            os._exit(1)

    try:
        for summary in work(job, ids, stop_when_orphaned):
            sender.send(summary)
        sender.send(None)
    except (UserError, OSError) as error:
        sender.send(error)
    finally:
        sender.close()

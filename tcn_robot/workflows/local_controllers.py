"""Processes that submitit's cluster "local" starts: found again, and ended with their jobs."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from tcn_robot.policies.processes import STOP_SECONDS

if TYPE_CHECKING:
    import psutil

CONTROLLER = "submitit.local._local"


def find_controller(process_id: int) -> psutil.Process | None:
    """Return the process that watches over a job, None when it has ended.

    Another process may have got its number meanwhile: that one is no controller.
    """
    import psutil

    try:
        process = psutil.Process(process_id)
        return process if CONTROLLER in process.cmdline() else None
    except psutil.Error:
        return None


def terminate(controllers: Sequence[int]) -> None:
    """End jobs as Ctrl-C does, and by force those that do not.

    Args:
        controllers: Numbers of the processes that watch over them.
    """
    import psutil

    processes = []
    for process_id in controllers:
        controller = find_controller(process_id)
        if controller is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                processes += [*controller.children(recursive=True), controller]
                controller.terminate()  # it hands this on to the job
    _, still_there = psutil.wait_procs(processes, timeout=STOP_SECONDS)
    for process in still_there:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(still_there, timeout=STOP_SECONDS)


@contextlib.contextmanager
def beyond_ctrl_c() -> Iterator[None]:
    """Have processes that are started meanwhile ignore the terminal's Ctrl-C: the parent decides.

    The signal is blocked, not ignored: one that comes meanwhile reaches the parent afterwards.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

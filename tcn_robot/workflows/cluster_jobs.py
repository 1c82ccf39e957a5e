"""Jobs handed to a cluster through submitit: one each, what they find comes back as files.

submitit (extra `cluster`) writes a job as a script of Slurm's, or starts it here: its clusters
"local" (a process each) and "debug" (in this process). Whether a job succeeded is read off the file
that it should have written; what submitit pickles of it is never opened here.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tcn_robot.atomic import write_text_atomically
from tcn_robot.errors import UserError
from tcn_robot.policies.processes import Job
from tcn_robot.recordings.format import read_json
from tcn_robot.workflows.local_controllers import beyond_ctrl_c, find_controller, terminate

CLUSTERS = ("slurm", "local", "debug")
# submitit's own defaults are 2 minutes here and 5 on Slurm.
DEFAULT_PARAMETERS: dict[str, Any] = {"timeout_min": 240, "cpus_per_task": 1}
SLURM_PROGRAMS = ("sbatch", "srun")
SHOWN_LOG_LINES = 8
POLL_SECONDS = {"slurm": 2.0, "local": 0.1, "debug": 0.0}


@dataclass(frozen=True)
class KeptJob:
    """A job, and where it leaves what it found.

    Attributes:
        job: The call.
        result: File that is there when it has succeeded.
        note: File beside it that says which job of a cluster it is, while it is one.
    """

    job: Job
    result: Path
    note: Path


@dataclass(frozen=True)
class Cluster:
    """Where jobs go.

    Attributes:
        name: One of `CLUSTERS`.
        folder: For submitit's scripts and logs.
        parameters: For submitit's executor: its general ones, or Slurm's.
        leave_running: Whether Ctrl-C leaves the jobs to the cluster.
    """

    name: str
    folder: Path
    parameters: Mapping[str, Any] = field(default_factory=dict)
    leave_running: bool = False


class Resumed:
    """A call that goes on where it stopped: submitit queues it again when its time is over."""

    def __init__(self, target: Callable[..., Any]) -> None:
        """Wrap a function at the top level of a module."""
        self._target = target

    def __call__(self, *arguments: Any) -> None:
        """Call it; what it returns is dropped, so that nothing of ours is pickled."""
        if os.environ.get("SUBMITIT_EXECUTOR") == "local":
            signal.signal(signal.SIGTERM, signal.default_int_handler)  # submitit would pass it over
        self._target(*arguments)

    def checkpoint(self, *arguments: Any) -> Any:
        """Return what submitit is to queue in place of a job that was stopped."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self, *arguments)


def check_cluster(cluster: Cluster) -> None:
    """Find what is wrong with a cluster before anything is recorded or submitted.

    Raises:
        UserError: submitit or Slurm is not here, a parameter is unknown or has a bad value, or
            jobs are to be left running that end with this command.
    """
    _executor(cluster)
    if cluster.leave_running and cluster.name != "slurm":
        raise UserError(
            f"--leave-running is for Slurm: jobs of cluster {cluster.name!r} end with this command"
        )


def parse_parameters(words: Sequence[str]) -> dict[str, Any]:
    """Return {name: value} of words such as "partition=gpu", whole numbers and floats as such.

    Raises:
        UserError: A word is no NAME=VALUE.
    """
    parameters: dict[str, Any] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not (name and equals and text):
            raise UserError(f"expected --slurm NAME=VALUE such as partition=gpu, found {word!r}")
        parameters[name.replace("-", "_")] = _number_or_text(text)
    return parameters


def run_on_cluster(
    jobs: Sequence[KeptJob],
    cluster: Cluster,
    most_at_a_time: int | None,
    on_done: Callable[[Job], object],
) -> None:
    """Submit jobs, wait for them, and tell of those that failed by the end of their log.

    A job that an earlier call submitted is not submitted again: while it runs it is waited for,
    what it has written meanwhile is taken over. A job that fails does not stop the others.

    Args:
        jobs: What to run, in the order given.
        cluster: Where.
        most_at_a_time: How many may be submitted at a time; None for all of them.
        on_done: Called in this process after each job that succeeded.

    Raises:
        UserError: When a job failed.
        KeyboardInterrupt: After Ctrl-C; the jobs are cancelled, or left running if asked for.
    """
    executor = _executor(cluster)
    waiting, running, failed = list(jobs), list[tuple[KeptJob, Any]](), list[str]()
    try:
        while waiting or running:
            while waiting and (most_at_a_time is None or len(running) < most_at_a_time):
                kept = waiting.pop(0)
                submitted = _found_again(kept, cluster)
                if submitted is None and kept.result.is_file():  # finished since the earlier call
                    kept.note.unlink(missing_ok=True)
                    on_done(kept.job)
                    continue
                running.append((kept, submitted or _submit(kept, executor)))
            still = []
            for kept, submitted in running:
                if not _is_over(submitted, cluster):
                    still.append((kept, submitted))
                    continue
                kept.note.unlink(missing_ok=True)
                if kept.result.is_file():
                    on_done(kept.job)
                else:
                    failed.append(kept.job.name)
                    _complain(kept.job, submitted)
            running = still
            time.sleep(POLL_SECONDS[cluster.name] if running else 0.0)
    except KeyboardInterrupt:
        _stop(running, cluster)
        raise
    if failed:
        raise UserError(
            f"{', '.join(failed)} failed; the end of the log stands above"
            + (", the rest is finished" if len(failed) < len(jobs) else "")
        )


def _executor(cluster: Cluster) -> Any:
    try:
        import submitit
    except ImportError as error:
        raise UserError(
            "--launcher submitit needs submitit; install it by `pip install 'tcn_robot[cluster]'`"
        ) from error
    absent = [name for name in SLURM_PROGRAMS if shutil.which(name) is None]
    if cluster.name == "slurm" and absent:
        raise UserError(
            f"expected Slurm's {' and '.join(absent)} on this machine, found none; go to a login "
            "node, or try the jobs here with --cluster local"
        )
    general = submitit.AutoExecutor._typed_parameters()
    parameters = {
        name if name in general or name.startswith("slurm_") else f"slurm_{name}": value
        for name, value in {**DEFAULT_PARAMETERS, **cluster.parameters}.items()
    }
    try:
        executor = submitit.AutoExecutor(folder=cluster.folder, cluster=cluster.name)
        executor.update_parameters(**parameters)
    except (NameError, AssertionError, ValueError) as error:
        reason = str(error).splitlines()[0].replace(" for executor 'slurm'", "")
        raise UserError(f"--slurm: {reason}") from error
    return executor


def _number_or_text(text: str) -> Any:
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return text


def _submit(kept: KeptJob, executor: Any) -> Any:
    with beyond_ctrl_c():
        submitted = executor.submit(Resumed(kept.job.target), *kept.job.arguments)
    kept.note.parent.mkdir(parents=True, exist_ok=True)
    note = {"job_id": submitted.job_id, "cluster": executor.cluster}
    if executor.cluster != "debug":
        write_text_atomically(kept.note, json.dumps(note) + "\n")
    sys.stderr.write(f"{kept.job.name}: job {submitted.job_id}\n")
    return submitted


def _found_again(kept: KeptJob, cluster: Cluster) -> Any | None:
    """Return the job that an earlier call submitted, None where there is none or it is over."""
    import submitit
    from submitit.local.local import LocalJob

    note = read_json(kept.note) if kept.note.is_file() else {}
    if note.get("cluster") != cluster.name:
        return None
    found = {"slurm": submitit.SlurmJob, "local": LocalJob}[cluster.name](
        folder=cluster.folder, job_id=note["job_id"]
    )
    if _is_over(found, cluster):
        return None
    sys.stderr.write(f"{kept.job.name}: job {found.job_id} is still running\n")
    return found


def _is_over(submitted: Any, cluster: Cluster) -> bool:
    if cluster.name == "debug":
        error = submitted.exception()  # it runs now
        if error is not None:
            sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return True
    if cluster.name == "local" and submitted._process is None:
        return find_controller(int(submitted.job_id)) is None
    return bool(submitted.done())


def _complain(job: Job, submitted: Any) -> None:
    """Print the last lines of a job's log."""
    log = submitted.paths.stderr
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.is_file() else []
    shown = "".join(f"  {line}\n" for line in lines[-SHOWN_LOG_LINES:])
    sys.stderr.write(f"{job.name}: failed{f', see {log}' if lines else ''}\n{shown}")
    sys.stderr.flush()


def _stop(running: Sequence[tuple[KeptJob, Any]], cluster: Cluster) -> None:
    """Cancel the jobs and wait for those that run here, or say that they are left."""
    if cluster.leave_running:
        sys.stderr.write(f"{len(running)} jobs are left to the cluster; call again to collect\n")
        return
    if cluster.name == "local":
        terminate([int(submitted.job_id) for _, submitted in running])
    for kept, submitted in running:
        if cluster.name != "local":
            submitted.cancel(check=False)
        kept.note.unlink(missing_ok=True)
    sys.stderr.write(f"{len(running)} jobs are cancelled\n")

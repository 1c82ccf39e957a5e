"""Where seeds of a study run: in processes here, one per core or GPU, or as jobs of a cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tcn_robot.policies.processes import Job, run_jobs
from tcn_robot.workflows.cluster_jobs import Cluster, KeptJob, check_cluster, run_on_cluster

LAUNCHERS = ("local", "submitit")
JOBS_FOLDER = "submitit-jobs"
DEVICES_VARIABLE = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True)
class Launch:
    """How the jobs of a study are started.

    Attributes:
        launcher: One of `LAUNCHERS`.
        workers: Jobs at a time; None for one per GPU or core here, for all of them on Slurm.
        cluster: Which of submitit's clusters.
        parameters: For submitit's executor.
        leave_running: Whether Ctrl-C leaves the jobs to the cluster.
    """

    launcher: str = "local"
    workers: int | None = None
    cluster: str = "slurm"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    leave_running: bool = False

    def on_cluster(self, folder: Path) -> Cluster:
        """Return where submitit's jobs go; `folder` is that of the study's runs."""
        places = folder / JOBS_FOLDER
        return Cluster(self.cluster, places, self.parameters, self.leave_running)


def check_launch(launch: Launch, folder: Path) -> None:
    """Raise a UserError for a cluster that is not there or does not know its parameters."""
    if launch.launcher == "submitit":
        check_cluster(launch.on_cluster(folder))


def launch_jobs(
    jobs: Sequence[KeptJob], launch: Launch, folder: Path, on_done: Callable[[Job], object]
) -> None:
    """Run the jobs of a study.

    Args:
        jobs: What to run, in the order given.
        launch: How.
        folder: Of the study's runs.
        on_done: Called in this process after each job that succeeded.

    Raises:
        UserError: When a job failed; the others have run.
        KeyboardInterrupt: After Ctrl-C, when all processes have ended or are left to the cluster.
    """
    if launch.launcher == "submitit":
        workers = launch.workers or (None if launch.cluster == "slurm" else os.cpu_count())
        run_on_cluster(jobs, launch.on_cluster(folder), workers, on_done)
        return
    devices = visible_devices()
    workers = launch.workers or len(devices) or os.cpu_count() or 1
    run_jobs([kept.job for kept in jobs], workers, on_done, devices)


def visible_devices() -> list[str]:
    """Return the GPUs that jobs may be given, by what `CUDA_VISIBLE_DEVICES` calls them."""
    import torch

    asked = os.environ.get(DEVICES_VARIABLE)
    if asked is not None:
        return [name.strip() for name in asked.split(",") if name.strip() not in ("", "-1")]
    return [str(place) for place in range(torch.cuda.device_count())]

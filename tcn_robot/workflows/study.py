"""`tcn-robot study`: works off a list of runs; what is in the results is not run again."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from tcn_robot.errors import UserError
from tcn_robot.workflows.options import parse_and_run
from tcn_robot.workflows.resumable_jobs import check_workers

if TYPE_CHECKING:
    from tcn_robot.workflows.launching import Launch

# kind -> module of tcn_robot.workflows with FIELDS and work_off
KINDS = {"policy": "study_policies", "embedding": "study_embeddings"}


@dataclass(frozen=True)
class StudyOptions:
    """How a study is worked off, whatever its kind.

    Attributes:
        results: Folder of the lines.
        runs: Folder of the runs.
        data: Folder of the recordings that a study makes itself.
        launch: How its seeds are started.
        dry_run: Only say what would be run.
    """

    results: Path
    runs: Path
    data: Path
    launch: Launch
    dry_run: bool


def study(
    config: Annotated[Path, tyro.conf.Positional],
    /,
    *,
    results: Path = Path("docs/results"),
    runs: Path = Path("runs"),
    data: Path = Path("data"),
    workers: int | None = None,
    launcher: Literal["local", "submitit"] = "local",
    cluster: Literal["slurm", "local", "debug"] = "slurm",
    slurm: tuple[str, ...] = (),
    leave_running: bool = False,
    dry_run: bool = False,
) -> None:
    """Work off the runs of a study, seed by seed, as a queue that can be stopped at any time.

    A study trains policies (kind "policy") or embeddings, which it measures on held-out episodes
    (kind "embedding"). Each finished seed becomes one line of RESULTS/<study>.jsonl: options,
    figures, versions, commit. A seed that has a line is not run again, whichever machine ran it;
    one that was interrupted goes on from its last evaluation or checkpoint. Tables and plots are
    made from the lines by scripts/make_benchmark_tables.py.

    Args:
        config: JSON file of the study: {"name": …, "kind": …, "defaults": {…}, "runs": [{…}, …]}.
        results: Folder of the lines.
        runs: Folder that the runs go to, as RUNS/<study>/<run>.
        data: Folder of the recordings of a study of embeddings; what is missing is recorded.
        workers: Seeds at a time; default: one per GPU, or core where there is none; on Slurm all.
        launcher: Processes of this machine, or jobs of a cluster through submitit (extra
            `cluster`), one per seed. Jobs that an earlier call submitted are waited for.
        cluster: Of submitit: Slurm, or the same jobs here for trying (local, debug).
        slurm: NAME=VALUE … for submitit's executor: partition=gpu gpus_per_node=1 timeout_min=90.
        leave_running: Leave submitted jobs running on Ctrl-C, which cancels them otherwise.
        dry_run: Only say what would be run.
    """
    check_workers(workers)
    from tcn_robot.workflows.cluster_jobs import parse_parameters
    from tcn_robot.workflows.launching import Launch

    if launcher == "local" and (slurm or leave_running or cluster != "slurm"):
        raise UserError("--cluster, --slurm and --leave-running belong to --launcher submitit")
    launch = Launch(launcher, workers, cluster, parse_parameters(slurm), leave_running)
    options = StudyOptions(results, runs, data, launch, dry_run)
    load_kind(study_kind(config)).work_off(config, options)


def load_kind(kind: str) -> Any:
    """Return the module that works off studies of a kind."""
    return importlib.import_module(f"tcn_robot.workflows.{KINDS[kind]}")


def study_kind(config: Path) -> str:
    """Return the kind of a study, "policy" where its file does not say.

    Raises:
        UserError: The file is no study.
    """
    from tcn_robot.policies.study_plan import read_study

    fields = {kind: load_kind(kind).FIELDS for kind in KINDS}
    return str(read_study(config, fields)["kind"])


def main(arguments: list[str]) -> None:
    """Run the command with these arguments."""
    parse_and_run(study, arguments)

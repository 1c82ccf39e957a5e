"""The folder a training leaves behind: config.json, versions.json, state/, encoder/, curves."""

from __future__ import annotations

import dataclasses
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from tcn_robot.atomic import atomic_folder
from tcn_robot.errors import UserError
from tcn_robot.provenance import commit, versions
from tcn_robot.training.config import TrainConfig, config_from_dict

SCHEMA_VERSION = 2
CONFIG_FILE = "config.json"
VERSIONS_FILE = "versions.json"
STATE_FOLDER = "state"
ENCODER_FOLDER = "encoder"


@dataclass(frozen=True)
class RunDescription:
    """What config.json says.

    Attributes:
        config: Every option.
        datasets: Folders it is trained on, as they were named.
        frames_key: Hash of the frames; a resumed run must see the same.
        trained_on: What they show: bodies, views, scenes; None where nobody looked.
    """

    config: TrainConfig
    datasets: tuple[str, ...]
    frames_key: str
    trained_on: Mapping[str, Any] | None = None


def create_run(folder: Path, run: RunDescription) -> None:
    """Write a new run folder; it is whole or absent.

    Raises:
        UserError: If there is something at `folder` already.
    """
    check_new(folder)
    described = {
        "schema_version": SCHEMA_VERSION,
        "kind": "embedding",
        "datasets": list(run.datasets),
        "frames_key": run.frames_key,
        "training": dataclasses.asdict(run.config),
        **({} if run.trained_on is None else {"trained_on": dict(run.trained_on)}),
    }
    with atomic_folder(folder) as partial:
        (partial / CONFIG_FILE).write_text(_json_text(described), "utf-8")
        (partial / VERSIONS_FILE).write_text(_json_text(describe_origin()), "utf-8")
        (partial / STATE_FOLDER).mkdir()


def check_new(folder: Path) -> None:
    """Raise UserError if a run could not be created at `folder`."""
    if (folder / CONFIG_FILE).exists():
        raise UserError(
            f"{folder} holds a run already; continue it with --resume or choose another --out"
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} exists and is no run; choose another --out")


def read_run(folder: Path) -> RunDescription:
    """Read a run's config.json.

    Raises:
        UserError: If there is none, it is damaged, or of another schema.
    """
    path, described = _read(folder)
    if described["schema_version"] != SCHEMA_VERSION:
        raise UserError(
            f"{path} has schema version {described['schema_version']}, expected "
            f"{SCHEMA_VERSION}; use the version of tcn_robot in {VERSIONS_FILE}"
        )
    config = config_from_dict(described["training"], str(path))
    return RunDescription(config, tuple(described["datasets"]), described["frames_key"])


def read_options(folder: Path) -> dict[str, Any]:
    """Return the options of a run as its config.json has them, of whatever schema.

    Raises:
        UserError: If there is none, or it is damaged.
    """
    return _read(folder)[1]["training"]


def read_datasets(folder: Path) -> tuple[str, ...]:
    """Return the recordings that a run was trained on, as they were named.

    Raises:
        UserError: If there is no run, or it is damaged.
    """
    return tuple(map(str, _read(folder)[1]["datasets"]))


def read_trained_on(folder: Path) -> dict[str, Any] | None:
    """Return what those recordings show; None for a run from before that was kept.

    Raises:
        UserError: If there is no run, or it is damaged.
    """
    said = _read(folder)[1].get("trained_on")
    return said if isinstance(said, dict) else None


def _read(folder: Path) -> tuple[Path, dict[str, Any]]:
    path = folder / CONFIG_FILE
    if not path.is_file():
        raise UserError(f"{folder} holds no run to resume: {CONFIG_FILE} is missing")
    try:
        described = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}); train again") from error
    expected = {"schema_version": int, "training": dict, "datasets": list, "frames_key": str}
    for name, kind in expected.items():
        if not isinstance(described, dict) or type(described.get(name)) is not kind:
            raise UserError(f"{path} is damaged: {name} is missing or wrong; train again")
    return path, described


def run_of_encoder(path: Path) -> Path | None:
    """Return the run that trained an encoder; None for an encoder without one.

    Args:
        path: The run, or the encoder folder inside it, as `load_encoder` takes them.
    """
    run = path.parent if path.name == ENCODER_FOLDER else path
    is_run = (run / ENCODER_FOLDER).is_dir() and (run / CONFIG_FILE).is_file()
    return run if is_run else None


def describe_origin() -> dict[str, Any]:
    """Return what the run is made with: versions, platform, threads, git commit if known."""
    return {
        **versions(),
        "platform": platform.platform(),
        "torch_threads": torch.get_num_threads(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "git_commit": commit(),
    }


def _json_text(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=2) + "\n"

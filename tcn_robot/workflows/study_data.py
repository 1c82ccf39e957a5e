"""The recordings of a study: made by their commands where they are missing, known by contents."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tcn_robot.errors import UserError
from tcn_robot.workflows.options import parse
from tcn_robot.workflows.study_tasks import PlannedData

PROGRAM = "tcn-robot record"


def check_commands(data: Sequence[PlannedData]) -> None:
    """Raise a UserError for arguments that `tcn-robot record` would refuse."""
    for one in data:
        _parsed(one, Path(one.name))


def is_complete(one: PlannedData, folder: Path) -> bool:
    """Whether a recording is there with every episode that was asked for.

    Raises:
        UserError: Another recording lies there.
    """
    from tcn_robot.recordings import format as dataset_format
    from tcn_robot.recordings import open_recording

    path = folder / dataset_format.REQUEST_FILE
    if not path.is_file():
        return False
    request = dataset_format.read_json(path)
    for name, value in _asked(one, folder).items():
        if request.get(name) != value:
            raise UserError(
                f"{folder} was recorded with {name} {request.get(name)!r}, the study asks for "
                f"{value!r}; give another folder with --data, or delete it"
            )
    return len(open_recording(folder)) >= request["episodes"]


def record_missing(data: Sequence[PlannedData], root: Path) -> None:
    """Record what is missing, whole recordings or single episodes; an interrupted one goes on.

    Args:
        data: The recordings.
        root: Their folders lie below it.

    Raises:
        UserError: A command is refused, or another recording lies there.
    """
    from tcn_robot.workflows.record import record

    for one in data:
        folder = root / one.name
        if not is_complete(one, folder):
            positional, named = _parsed(one, folder)
            record(*positional, **{**named, "resume": True})


def digest_of_recording(folder: Path) -> str:
    """Return one digest of the episodes: their films, their steps, what they are for.

    Raises:
        UserError: There is no recording, or it is damaged.
    """
    from tcn_robot.recordings import open_recording

    digest = hashlib.sha256()
    for episode in open_recording(folder):
        digest.update(f"{episode.id} {episode.split} {episode.content_hash}\n".encode())
    return digest.hexdigest()[:16]


def command_of(one: PlannedData, folder: str) -> str:
    """Return the command that makes a recording, as a person would type it."""
    task, *options = one.arguments
    return " ".join([PROGRAM, task, "--out", folder, *options])


def _parsed(one: PlannedData, folder: Path) -> tuple[tuple[Any, ...], dict[str, Any]]:
    from tcn_robot.workflows.record import record

    try:
        return parse(record, [*one.arguments, "--out", str(folder)], PROGRAM)
    except UserError as error:
        raise UserError(f"data {one.name!r}: {error}") from error


def _asked(one: PlannedData, folder: Path) -> dict[str, Any]:
    """Return what a recording's request must say, without opening a simulator."""
    from tcn_robot.envs import task_id

    (task,), named = _parsed(one, folder)
    asked = {
        "task": task_id(task),
        "size_px": named["size"],
        **{name: named[name] for name in ("episodes", "embodiment", "seed", "split")},
        **({"views": list(named["views"])} if named["views"] else {}),
    }
    if ":" not in named["policy"] and "/" not in named["policy"]:
        asked["policy"] = named["policy"]
    return asked

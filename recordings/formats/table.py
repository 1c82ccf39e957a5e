"""The formats by name; others come as entry points or are named `package.module:Class`."""

from __future__ import annotations

from typing import Any

from tcn_robot.errors import UserError
from tcn_robot.plugins import resolve
from tcn_robot.recordings.formats.foreign import ASPECTS, ForeignReader, ForeignWriter
from tcn_robot.recordings.formats.frames import Frames
from tcn_robot.recordings.formats.lerobot.v3 import LeRobotV3
from tcn_robot.recordings.formats.lerobot.v21 import LeRobotV21
from tcn_robot.recordings.formats.tcn import TcnFolders
from tcn_robot.recordings.formats.ucf101 import Ucf101

GROUP = "tcn_robot.formats"

FORMATS: dict[str, type[Any]] = {
    "frames": Frames,
    "lerobot-v3": LeRobotV3,
    "lerobot-v2.1": LeRobotV21,
    "tcn": TcnFolders,
    "ucf101": Ucf101,
}


def reader_named(name: str) -> ForeignReader:
    """Return a format that can be imported: from the table, an entry point, or `module:Class`.

    Raises:
        UserError: There is none (with the nearest name), or it cannot be read.
    """
    reader: ForeignReader = _named(name, "read", "imported")
    return reader


def writer_named(name: str) -> ForeignWriter:
    """Return a format that can be exported: from the table, an entry point, or `module:Class`.

    Raises:
        UserError: There is none (with the nearest name), or it cannot be written.
    """
    writer: ForeignWriter = _named(name, "write", "exported")
    return writer


def _named(name: str, verb: str, done: str) -> Any:
    found = resolve("format", name, FORMATS, GROUP, needs=("describe_losses",))
    if not hasattr(found, verb):
        able = [one for one, format_class in FORMATS.items() if hasattr(format_class, verb)]
        raise UserError(f"the format {name!r} cannot be {done}; these can: {', '.join(able)}")
    return found()


def table_of_losses() -> list[str]:
    """Return the lines of docs/formats.md: what each of our formats holds and loses."""
    made = {name: format_class() for name, format_class in FORMATS.items()}
    lines = [f"| | {' | '.join(f'`{name}`' for name in made)} |", f"|---|{'---|' * len(made)}"]
    for name, verb in (("import", "read"), ("export", "write")):
        can = ["yes" if hasattr(one, verb) else "no" for one in made.values()]
        lines.append(f"| {name} | {' | '.join(can)} |")
    for aspect in ASPECTS:
        said = [one.describe_losses()[aspect] for one in made.values()]
        lines.append(f"| {aspect} | {' | '.join(said)} |")
    return lines


def list_of_losses() -> list[str]:
    """Return the lines of docs/formats.md: what an export says when something is lost."""
    lines = ["| format | | what is said |", "|---|---|---|"]
    for name, format_class in FORMATS.items():
        for kind, sentence in getattr(format_class, "LOSSES", {}).items():
            lines.append(f"| `{name}` | {kind} | {sentence.replace('{}', '…')} |")
    return lines

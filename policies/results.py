"""Finished runs as lines of JSON: results of several days and machines add up in one file."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import Any

from tcn_robot.errors import UserError

LINE_SCHEMA_VERSION = 1


def append_line(path: Path, line: dict[str, Any]) -> None:
    """Append one line as a whole, also beside other processes that append to the same file.

    A last line that a power cut has torn is closed first, so that it spoils no other.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(line, sort_keys=True) + "\n"
    with path.open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        size = file.seek(0, os.SEEK_END)
        if size:
            file.seek(size - 1)
            if file.read(1) != b"\n":
                text = "\n" + text
        file.write(text.encode("utf-8"))
        file.flush()
        os.fsync(file.fileno())


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Return the results of a file, without a torn line; none when there is no file.

    Raises:
        UserError: When a whole line is no result of this schema version.
    """
    if not path.is_file():
        return []
    lines = []
    texts = path.read_text(encoding="utf-8").split("\n")
    for number, text in enumerate(texts, start=1):
        if not text.strip():
            continue
        try:
            line = json.loads(text)
        except json.JSONDecodeError:
            continue  # torn: its run is simply not there
        if not isinstance(line, dict) or line.get("schema_version") != LINE_SCHEMA_VERSION:
            raise UserError(
                f"{path} line {number}: expected a result of schema version "
                f"{LINE_SCHEMA_VERSION}; update tcn_robot or remove the line"
            )
        lines.append(line)
    return lines

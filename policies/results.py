"""Finished runs as lines of JSON: results of several days and machines add up in one file."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tcn_robot.errors import UserError

LINE_SCHEMA_VERSION = 1
# What is read from a line of a study of policies: {entry: what it must have in turn}.
NEEDED_OF_POLICIES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("study", "run", "seed", "key", "seconds", "commit"), ()),
    "config": ("task", "reward", "steps"),
    "figures": ("final", "evaluations"),
    "versions": ("python",),
    "machine": ("cpu", "cores"),
}
NEEDED_OF_FINAL = ("success", "success_any", "starts")
NEEDED_OF_EVALUATION = ("steps", "success", "starts")


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


def read_lines(path: Path, torn: list[int] | None = None) -> list[dict[str, Any]]:
    """Return the results of a file, without a torn line; none when there is no file.

    Args:
        path: The file.
        torn: Gets the numbers of the torn lines, the first line is 1.

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
        except json.JSONDecodeError:  # torn: its run is simply not there
            if torn is not None:
                torn.append(number)
            continue
        if not isinstance(line, dict) or line.get("schema_version") != LINE_SCHEMA_VERSION:
            raise UserError(
                f"{path} line {number}: expected a result of schema version "
                f"{LINE_SCHEMA_VERSION}; update tcn_robot or remove the line"
            )
        lines.append(line)
    return lines


def check_policy_line(line: Mapping[str, Any], path: Path) -> None:
    """Check that a line of a study of policies has what tables and pages read from it.

    Raises:
        UserError: With the first thing that it lacks.
    """
    if lacking := _lacking(line):
        raise UserError(
            f"{path}: expected {lacking} in the line of run {line.get('run')!r}, seed "
            f"{line.get('seed')!r}, found none; remove the line, and `tcn-robot study` runs the "
            "seed again"
        )


def _lacking(line: Mapping[str, Any]) -> str:
    for name, inner in NEEDED_OF_POLICIES.items():
        if name not in line:
            return repr(name)
        for part in inner:
            if not isinstance(line[name], dict) or part not in line[name]:
                return f"{part!r} of {name!r}"
    figures = line["figures"]
    if not isinstance(figures["evaluations"], list) or not figures["evaluations"]:
        return "a list as 'evaluations'"
    rows = [(line, ("seed", "seconds")), (figures["final"], NEEDED_OF_FINAL)]
    rows += [(one, NEEDED_OF_EVALUATION) for one in figures["evaluations"]]
    for row, names in rows:
        for name in names:
            if not isinstance(row, Mapping) or type(row.get(name)) not in (int, float):
                return f"a number as {name!r}"
    return ""

"""Figures as JSON where they were asked for, which is looked at before they are measured."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tcn_robot.atomic import make_folders, write_text_atomically
from tcn_robot.errors import UserError


def expect_writable(path: Path) -> None:
    """Raise an error that the user can mend unless a file can be written there.

    Raises:
        UserError: If it is a folder.
        OSError: As writing would raise it.
    """
    if path.is_dir():
        raise UserError(f"expected a file to write the figures to, found the folder {path}")
    make_folders(path.parent)
    with tempfile.TemporaryFile(dir=path.parent):
        pass


def write_figures(figures: Mapping[str, Any], path: Path | None) -> None:
    """Write figures with what they were made with, if a path is given, and say where."""
    from tcn_robot.provenance import commit, machine, versions

    if path is None:
        return
    origin = {"versions": versions(), "commit": commit(), "machine": machine()}
    write_text_atomically(path, json.dumps({**figures, **origin}, indent=2, allow_nan=False) + "\n")
    print(f"written to {path}")

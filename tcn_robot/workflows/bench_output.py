"""Figures as JSON, with what they were made with, where they were asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tcn_robot.atomic import write_text_atomically


def write_figures(figures: Mapping[str, Any], path: Path | None) -> None:
    """Write figures with what they were made with, if a path is given, and say where."""
    from tcn_robot.provenance import commit, machine, versions

    if path is None:
        return
    origin = {"versions": versions(), "commit": commit(), "machine": machine()}
    write_text_atomically(path, json.dumps({**figures, **origin}, indent=2, allow_nan=False) + "\n")
    print(f"written to {path}")

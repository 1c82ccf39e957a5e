"""Short recordings of the real tasks, for the tests of what is done with recordings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tcn_robot import cli

NUM_ACTIONS = 6


def nudge(env: Any, randomness: np.random.Generator) -> Iterator[np.ndarray]:
    """A demonstrator of a few random actions."""
    for _ in range(NUM_ACTIONS):
        yield randomness.uniform(-1, 1, env.action_space.shape)


def record_short(path: Path, *options: object, task: str = "MujocoPush-v0") -> Path:
    """Record two episodes of seven frames from two views and return the folder."""
    asked = [task, "--out", path, "--episodes", 2, "--size", 32, "--views", "front", "top"]
    asked += ["--policy", f"{__name__}:{nudge.__name__}", *options]
    assert cli.main(["record", *map(str, asked)]) == 0
    return path


def content(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every file in a folder but the lock."""
    paths = (path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(paths)}

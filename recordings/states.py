"""Stored states and models, from which any camera of a simulated episode can be rendered."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from tcn_robot.errors import UserError
from tcn_robot.recordings.format import ASSETS_FOLDER
from tcn_robot.recordings.reader import Episode, Recording


class StateRenderer(Protocol):
    """The part of a simulator that turns stored states into pictures."""

    view_names: tuple[str, ...]

    def apply(self, randomisation: dict[str, Any]) -> None:
        """Set what the source drew for an episode, as `episode.json` has it; {} if nothing."""
        ...

    def set_state(self, state: np.ndarray) -> None:
        """Go to a stored state, float64 (S,)."""
        ...

    def render_views(self, views: Sequence[str], size: tuple[int, int]) -> dict[str, np.ndarray]:
        """Return uint8 (H, W, 3) RGB by view; size is (height, width) in pixels."""
        ...

    def camera_parameters(self, view: str, size: tuple[int, int]) -> dict[str, Any]:
        """Return intrinsics (3x3) and extrinsics (4x4, world to camera) as lists."""
        ...


@runtime_checkable
class RestagingRenderer(StateRenderer, Protocol):
    """One that can put things elsewhere that have nothing to do with what happens."""

    def restage(self, state: np.ndarray) -> np.ndarray:
        """Go to a stored state, but with distractors where they were drawn; return it, (S,)."""
        ...


def stored_model(recording: Recording, episode: Episode) -> str:
    """Return the exact simulator model of an episode.

    Raises:
        UserError: If the episode is no simulated one, or its model is missing or another one.
    """
    name = (episode.metadata.get("simulator") or {}).get("model")
    if name is None:
        raise UserError(
            f"episode {episode.id} of {recording.path} has no simulator model: only simulated "
            "episodes can be rendered again"
        )
    path = recording.path / ASSETS_FOLDER / str(name)
    if path.name != str(name) or not path.is_file():
        raise UserError(f"the model {path} is missing; restore it from a copy of the dataset")
    return _read_model(path, path.stat().st_mtime_ns)


@functools.lru_cache(maxsize=8)
def _read_model(path: Path, modified_nanoseconds: int) -> str:
    """Return the text of a model, which all episodes of a dataset mostly share."""
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != path.stem:
        raise UserError(
            f"the model {path} is not the one that was recorded: its SHA-256 is not its name; "
            "restore it from a copy of the dataset"
        )
    return content.decode("utf-8")


def stored_states(episode: Episode) -> Iterator[tuple[float, np.ndarray]]:
    """Yield time in seconds and state, float64 (S,), for each step.

    Raises:
        UserError: If the episode has no states.
    """
    steps = episode.steps
    if steps is None or "state" not in steps:
        raise UserError(f"{episode.path} has no states; only simulated episodes have them")
    for time_seconds, state in zip(steps["time_seconds"], steps["state"], strict=True):
        yield float(time_seconds), state

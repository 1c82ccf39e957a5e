"""Renders recorded episodes again from other cameras or in another size, from the stored states."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np

from tcn_robot.errors import UserError, unknown_name
from tcn_robot.recordings.format import (
    ASSETS_FOLDER,
    STEPS_FILE,
    episode_folder_name,
    model_suffix,
)
from tcn_robot.recordings.reader import Episode, Recording
from tcn_robot.recordings.writer import DatasetWriter, EpisodeWriter

# In the order in which a recorder writes them, so that the same pictures give the same bytes.
_KEPT = ("task", "policy", "split", "seed", "success", "clock", "embodiment", "simulator")
PAIRING_FIELDS = ("kinematic", "paired_with")


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


def stored_model(recording: Recording, episode: Episode) -> str:
    """Return the exact simulator model of an episode.

    Raises:
        UserError: If the episode is no simulated one or its model is missing.
    """
    name = episode.metadata.get("simulator", {}).get("model")
    if name is None:
        raise UserError(
            f"episode {episode.id} of {recording.path} has no simulator model: only simulated "
            "episodes can be rendered again"
        )
    path = recording.path / ASSETS_FOLDER / str(name)
    if not path.is_file():
        raise UserError(f"the model {path} is missing; restore it from a copy of the dataset")
    return path.read_text(encoding="utf-8")


def rerender(
    recording: Recording,
    writer: DatasetWriter,
    renderer_of: Callable[[str], StateRenderer],
    views: Sequence[str],
    size_px: int,
) -> Iterator[int]:
    """Render episodes again, each under its id, and yield the ids as they are done.

    Episodes that the target already has are left alone, so that a second run goes on.

    Args:
        recording: Where the states are.
        writer: The opened target, another folder.
        renderer_of: Gives the renderer of a model's text; called once per model.
        views: Views to render.
        size_px: Width and height of the frames.

    Raises:
        UserError: For a view the model has not, or an episode without states.
    """
    renderers: dict[str, StateRenderer] = {}
    present = set(writer.episode_ids())
    for episode in recording:
        if episode.id in present:
            refuse_other_pictures(writer, episode.id, views, size_px)
            continue
        model = stored_model(recording, episode)
        if model not in renderers:
            renderers[model] = renderer_of(model)
        for view in views:
            if view not in renderers[model].view_names:
                raise unknown_name("view", view, renderers[model].view_names)
        rate_hz = float(episode.metadata["fps_asked"])
        with writer.episode(rate_hz, episode.id) as target:
            _render_episode(episode, target, renderers[model], views, size_px)
            target.add_asset(model, model_suffix(model))
        yield episode.id


def refuse_other_pictures(
    writer: DatasetWriter, episode_id: int, views: Sequence[str], size_px: int
) -> None:
    """Raise a UserError when an episode that is there was rendered with other options."""
    present = Episode(writer.path / episode_folder_name(episode_id), episode_id)
    sizes = {entry["width_px"] for entry in present.metadata["views"].values()}
    if present.views != tuple(views) or sizes != {size_px}:
        raise UserError(
            f"{present.path} already holds views {' '.join(present.views)} at {max(sizes)} px, "
            f"asked for {' '.join(views)} at {size_px} px; give another folder"
        )


def _render_episode(
    episode: Episode,
    target: EpisodeWriter,
    renderer: StateRenderer,
    views: Sequence[str],
    size_px: int,
) -> None:
    cameras = film_states(episode, target, renderer, views, size_px)
    target.copy_steps(episode.path / STEPS_FILE)
    target.metadata.update({name: episode.metadata.get(name) for name in _KEPT})
    target.metadata["cameras"] = cameras
    for name in ("randomisation", "demonstration"):
        target.metadata[name] = episode.metadata.get(name, {})
    for name in PAIRING_FIELDS:
        if name in episode.metadata:
            target.metadata[name] = episode.metadata[name]


def film_states(
    episode: Episode,
    target: EpisodeWriter,
    renderer: StateRenderer,
    views: Sequence[str],
    size_px: int,
    after_state: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Render every stored state of an episode and return the cameras' entries.

    Args:
        episode: Whose states.
        target: Where the frames go.
        renderer: Of the episode's model.
        views: Views to render.
        size_px: Width and height of the frames.
        after_state: Called after each state was set.

    Raises:
        UserError: If the episode has no states.
    """
    steps = episode.steps
    if steps is None or "state" not in steps:
        raise UserError(f"{episode.path} has no states; only simulated episodes have them")
    size = (size_px, size_px)
    cameras: dict[str, Any] = {}
    renderer.apply(episode.metadata.get("randomisation", {}))
    for time_seconds, state in zip(steps["time_seconds"], steps["state"], strict=True):
        renderer.set_state(state)
        after_state()
        if not cameras:  # of those that move: where they are at frame 0
            cameras = {view: renderer.camera_parameters(view, size) for view in views}
        target.add_frames(float(time_seconds), renderer.render_views(views, size))
    return cameras

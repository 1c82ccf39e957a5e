"""Paired episodes: another body at the same place at the same time, for measuring only.

The things, the clock and the timing are those of a recorded episode to the last bit; the body is
posed, not simulated. Two films of the same moment show what an embedding makes of the body alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np

from tcn_robot.errors import UserError, unknown_name
from tcn_robot.recordings.episode_writer import EpisodeWriter
from tcn_robot.recordings.format import STEPS_FILE, episode_folder_name
from tcn_robot.recordings.reader import Episode, Recording
from tcn_robot.recordings.rerendering import film_states, refuse_other_pictures
from tcn_robot.recordings.states import StateRenderer
from tcn_robot.recordings.writer import DatasetWriter

KINEMATIC = "kinematic"
PAIRED_WITH = "paired_with"
_KEPT = ("task", "policy", "split", "seed", "success", "clock")


class PairedRenderer(StateRenderer, Protocol):
    """Shows the states of one body's model with another body."""

    embodiment: str
    """The other body."""
    model_text: str
    """The model with it."""
    randomisation: dict[str, Any]
    """What is set in it."""

    def get_state(self) -> np.ndarray:
        """Return the state with the other body, float64 (S,)."""
        ...


def pair(
    recording: Recording,
    writer: DatasetWriter,
    renderer_of: Callable[[Episode], PairedRenderer],
    views: Sequence[str],
    size_px: int,
) -> Iterator[int]:
    """Film episodes with another body, each under its id, and yield the ids as they are done.

    Episodes that the target already has are left alone, so that a second run goes on.

    Args:
        recording: Where the states are.
        writer: The opened target, another folder.
        renderer_of: Gives what shows an episode with the other body.
        views: Views to render.
        size_px: Width and height of the frames.

    Raises:
        UserError: For a view there is not, or an episode without states.
    """
    present = set(writer.episode_ids())
    for episode in recording:
        renderer = renderer_of(episode)
        if episode.id in present:
            refuse_other_pictures(writer.path, episode.id, views, size_px)
            _refuse_other_body(writer, episode.id, renderer.embodiment)
            continue
        for view in views:
            if view not in renderer.view_names:
                raise unknown_name("view", view, renderer.view_names)
        with writer.episode(float(episode.metadata["fps_asked"]), episode.id) as target:
            _film(episode, target, renderer, views, size_px)
        yield episode.id


def refuse_paired(recording: Recording, purpose: str) -> None:
    """Raise a UserError when a dataset holds paired episodes.

    Args:
        recording: The dataset.
        purpose: What it is not meant for, such as "training".
    """
    for episode in recording:
        if episode.metadata.get(KINEMATIC):
            raise UserError(
                f"{recording.path} holds paired episodes (first: {episode.id}), which are for "
                f"measuring only, never for {purpose}; give the dataset of recorded episodes"
            )


def _refuse_other_body(writer: DatasetWriter, episode_id: int, embodiment: str) -> None:
    there = Episode(writer.path / episode_folder_name(episode_id), episode_id)
    found = there.metadata.get("embodiment")
    if found != embodiment or not there.metadata.get(KINEMATIC):
        raise UserError(
            f"{there.path} already holds an episode of embodiment {found}, asked for a paired one "
            f"of {embodiment}; give another folder"
        )


def _film(
    episode: Episode,
    target: EpisodeWriter,
    renderer: PairedRenderer,
    views: Sequence[str],
    size_px: int,
) -> None:
    states: list[np.ndarray] = []
    cameras = film_states(
        episode, target, renderer, views, size_px, lambda: states.append(renderer.get_state())
    )
    target.copy_steps(episode.path / STEPS_FILE, {"state": states})
    target.metadata.update({name: episode.metadata.get(name) for name in _KEPT})
    target.metadata["embodiment"] = renderer.embodiment
    model = target.add_asset(renderer.model_text, ".xml")
    target.metadata["simulator"] = {**episode.metadata["simulator"], "model": model}
    target.metadata["cameras"] = cameras
    target.metadata["randomisation"] = renderer.randomisation
    target.metadata["demonstration"] = episode.metadata.get("demonstration", {})
    target.metadata[KINEMATIC] = True
    target.metadata[PAIRED_WITH] = {
        "embodiment": episode.metadata.get("embodiment"),
        "content_hash": episode.content_hash,
        **({"ancestors": list(episode.ancestors)} if episode.ancestors else {}),
    }

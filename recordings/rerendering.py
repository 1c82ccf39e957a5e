"""Renders recorded episodes again: further cameras, other sizes, other looks, from stored states.

What is new is a `Rendition`: one new episode made of a recorded one. Renditions that are there
already are left alone, so that a second run goes on where the first one stopped.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tcn_robot.errors import UserError, unknown_name
from tcn_robot.recordings.episode_writer import EpisodeWriter
from tcn_robot.recordings.format import (
    STEPS_FILE,
    episode_folder_name,
    file_hash,
    list_deleted_ids,
    model_suffix,
    video_name,
)
from tcn_robot.recordings.proof import Proof, proof_of, prove
from tcn_robot.recordings.reader import Episode, Recording
from tcn_robot.recordings.states import (
    RestagingRenderer,
    StateRenderer,
    stored_model,
    stored_states,
)
from tcn_robot.recordings.writer import DatasetWriter, write_episode

# What the writer says itself; everything else is taken over as the recorder wrote it, in its order.
_MEASURED = ("id", "codec", "fps_asked", "video_origin_seconds", "views", "steps", "files")
RERENDERED_FROM = "rerendered_from"


@dataclass(frozen=True)
class Rendition:
    """One new episode to make of a recorded one.

    Attributes:
        path: Folder of its dataset, whose lock the caller holds.
        id: Its id there.
        views: Views to render.
        size_px: Width and height of their frames.
        codec: How they are encoded.
        keeps_films: Take the recorded films over too, byte for byte.
        randomisation: Look to show; None is the recorded one.
        is_restaged: Whether distractors lie where that look has them, not the states.
        made_by: What `rerendered_from` shall say besides.
    """

    path: Path
    id: int
    views: tuple[str, ...]
    size_px: int
    codec: str
    keeps_films: bool = False
    randomisation: dict[str, Any] | None = None
    is_restaged: bool = False
    made_by: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Rerendered:
    """What became of one recorded episode: its id, how many new ones were made of it, the proof."""

    id: int
    written: int
    proof: Proof | None


def rerender(
    recording: Recording,
    writer: DatasetWriter,
    renderer_of: Callable[[str], StateRenderer],
    views: Sequence[str],
    size_px: int,
    has_proof: bool = True,
) -> Iterator[int]:
    """Render episodes again, each under its id, and yield the ids as they are done.

    Episodes that the target already has are left alone, so that a second run goes on.

    Args:
        recording: Where the states are.
        writer: The opened target, another folder.
        renderer_of: Gives the renderer of a model's text; called once per model.
        views: Views to render.
        size_px: Width and height of the frames.
        has_proof: Whether a recorded view is rendered again and compared.

    Raises:
        UserError: For a view the model has not, or an episode without states.
    """
    cached = functools.cache(renderer_of)
    deleted = list_deleted_ids(writer.path)  # somebody did not want them
    for episode in recording:
        one = Rendition(writer.path, episode.id, tuple(views), size_px, writer.codec)
        asked = [] if episode.id in deleted else [one]
        if rerender_episode(recording, episode, asked, cached, has_proof).written:
            yield episode.id


def rerender_episode(
    recording: Recording,
    episode: Episode,
    renditions: Sequence[Rendition],
    renderer_of: Callable[[str], StateRenderer],
    has_proof: bool = True,
    after_state: Callable[[], None] = lambda: None,
) -> Rerendered:
    """Make new episodes of a recorded one, but those that are there; each appears as a whole.

    Args:
        recording: The dataset of the episode.
        episode: The recorded episode.
        renditions: What to make of it.
        renderer_of: Gives the renderer of a model's text.
        has_proof: Whether a recorded view is rendered again and compared, before anything is made.
        after_state: Called after each state was set; may raise to give up.

    Raises:
        UserError: For a view the model has not, an episode without states, or one that is there
            and was made with other options.
    """
    missing, proof = [], None
    for one in renditions:
        if (one.path / episode_folder_name(one.id)).is_dir():
            proof = proof or proof_of(refuse_other_rendition(episode, one).metadata)
        else:
            missing.append(one)
    if not missing:
        return Rerendered(episode.id, 0, proof)
    model = stored_model(recording, episode)
    renderer = renderer_of(model)
    for view in (view for one in missing for view in one.views):
        if view not in renderer.view_names:
            raise unknown_name("view", view, renderer.view_names)
    proof = prove(episode, renderer, after_state) if has_proof else None
    for one in missing:
        with write_episode(one.path, one.id, one.codec, float(episode.metadata["fps_asked"])) as to:
            _write(episode, one, to, renderer, proof, after_state)
            to.add_asset(model, model_suffix(model))
    return Rerendered(episode.id, len(missing), proof)


def _write(
    episode: Episode,
    rendition: Rendition,
    target: EpisodeWriter,
    renderer: StateRenderer,
    proof: Proof | None,
    after_state: Callable[[], None],
) -> None:
    recorded = episode.metadata
    refuse_changed_file(episode, STEPS_FILE)
    target.metadata.update(
        {name: value for name, value in recorded.items() if name not in _MEASURED}
    )
    cameras: dict[str, Any] = {}
    if rendition.keeps_films:
        cameras.update(recorded.get("cameras") or {})
        _keep_films(episode, target, rendition.views)
    look = rendition.randomisation
    if look is not None:
        target.metadata["randomisation"] = look
    states: list[np.ndarray] = []

    def restage(state: np.ndarray) -> None:
        assert isinstance(renderer, RestagingRenderer)
        states.append(renderer.restage(state))

    go_to = restage if rendition.is_restaged else renderer.set_state
    views, size_px = rendition.views, rendition.size_px
    cameras.update(film_states(episode, target, renderer, views, size_px, after_state, look, go_to))
    target.metadata["cameras"] = cameras
    target.copy_steps(episode.path / STEPS_FILE, {"state": states} if states else None)
    target.metadata[RERENDERED_FROM] = {
        "content_sha256": episode.content_hash,
        "episode": episode.id,
        **({"ancestors": list(episode.ancestors)} if episode.ancestors else {}),
        **({"kept_views": list(episode.views)} if rendition.keeps_films else {}),
        **rendition.made_by,
        **({"proof": proof.to_json()} if proof else {}),
    }


def _keep_films(episode: Episode, target: EpisodeWriter, added: Sequence[str]) -> None:
    """Take the recorded films over as they are; what was damaged since must not look whole."""
    target.begin(float(episode.metadata["video_origin_seconds"]), (*episode.views, *added))
    for view in episode.views:
        refuse_changed_file(episode, video_name(view))
        if "fps_asked" in episode.metadata["views"][view]:
            target.set_rate(view, float(episode.metadata["views"][view]["fps_asked"]))
        target.copy_film(view, episode.path / video_name(view), episode.timestamps(view))


def refuse_changed_file(episode: Episode, name: str) -> None:
    """Raise a UserError when a file of an episode is missing or is not the one recorded."""
    path = episode.path / name
    expected = episode.metadata.get("files", {}).get(name, {}).get("sha256")
    if not path.is_file() or (expected and file_hash(path) != expected):
        raise UserError(
            f"{path} is {'not what was recorded (SHA-256)' if path.is_file() else 'missing'}; "
            "restore it from a copy, or mend the dataset with `tcn-robot check --repair`"
        )


def refuse_other_rendition(episode: Episode, rendition: Rendition) -> Episode:
    """Return the episode that is there; raise a UserError when it was made with other options."""
    kept = episode.views if rendition.keeps_films else ()
    views, size_px = rendition.views, rendition.size_px
    present = refuse_other_pictures(rendition.path, rendition.id, views, size_px, kept)
    if present.codec != rendition.codec:
        raise UserError(
            f"{present.path} is already there as {present.codec}, asked for {rendition.codec}; "
            "give another folder"
        )
    origin = present.metadata.get(RERENDERED_FROM) or {}  # what was recorded has none
    if origin.get("content_sha256") != episode.content_hash:
        raise UserError(
            f"{present.path} was rendered from another episode than {episode.path}; give another "
            "folder"
        )
    look = rendition.randomisation
    look = episode.metadata.get("randomisation", {}) if look is None else look
    if present.metadata.get("randomisation", {}) != json.loads(json.dumps(look)):
        raise UserError(
            f"{present.path} is already there in another look; give the same --randomise, "
            "--moving-cameras and --seed, or another folder"
        )
    return present


def refuse_other_pictures(
    path: Path, episode_id: int, views: Sequence[str], size_px: int, kept: Sequence[str] = ()
) -> Episode:
    """Return the episode that is there; raise a UserError when it shows other views or sizes.

    Args:
        path: Folder of its dataset.
        episode_id: Its id.
        views: Views that were asked for.
        size_px: Width and height of their frames.
        kept: Views before them, of any size.
    """
    present = Episode(path / episode_folder_name(episode_id), episode_id)
    added = {view: entry for view, entry in present.metadata["views"].items() if view not in kept}
    sizes = {entry["width_px"] for entry in added.values()} or {size_px}
    if present.views != (*kept, *views) or sizes != {size_px}:
        raise UserError(
            f"{present.path} already holds views {' '.join(present.views)} at {max(sizes)} px, "
            f"asked for {' '.join((*kept, *views))} at {size_px} px; give another folder"
        )
    return present


def film_states(
    episode: Episode,
    target: EpisodeWriter,
    renderer: StateRenderer,
    views: Sequence[str],
    size_px: int,
    after_state: Callable[[], None] = lambda: None,
    randomisation: dict[str, Any] | None = None,
    go_to: Callable[[np.ndarray], None] | None = None,
) -> dict[str, Any]:
    """Render every stored state of an episode and return the cameras' entries.

    Args:
        episode: Whose states.
        target: Where the frames go.
        renderer: Of the episode's model.
        views: Views to render.
        size_px: Width and height of the frames.
        after_state: Called after each state was set.
        randomisation: Look to show; the recorded one when None.
        go_to: Goes to a state, if not `renderer.set_state`.

    Raises:
        UserError: If the episode has no states.
    """
    size = (size_px, size_px)
    cameras: dict[str, Any] = {}
    recorded = episode.metadata.get("randomisation", {})
    renderer.apply(recorded if randomisation is None else randomisation)
    for time_seconds, state in stored_states(episode):
        (go_to or renderer.set_state)(state)
        after_state()
        if not cameras:  # of those that move: where they are at frame 0
            cameras = {view: renderer.camera_parameters(view, size) for view in views}
        target.add_frames(time_seconds, renderer.render_views(views, size))
    return cameras

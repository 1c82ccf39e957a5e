"""Embeddings of validation episodes for TensorBoard's projector, each with its frame.

TensorBoard reads `projector_config.pbtxt` in the folder of the event files, which names one table
of vectors per step. They are written here, not by torch's `add_embedding`: that one adds an entry a
second time when a training is resumed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tcn_robot.atomic import atomic_folder, write_text_atomically
from tcn_robot.projector_files import (
    CONFIG_FILE,
    METADATA_FILE,
    MOST_POINTS,
    SPRITE_FILE,
    THUMBNAIL_PX,
    VECTORS_FILE,
    ProjectorTable,
    config_text,
    write_metadata,
    write_sprite,
    write_vectors,
)
from tcn_robot.training.embedded import EmbeddedEpisode
from tcn_robot.training.pictures import shrink

PROJECTOR_FOLDER = "projector"


@dataclass(frozen=True)
class Points:
    """Embedded frames.

    Attributes:
        embeddings: (N, D) float32.
        thumbnails: uint8 (N, 32, 32, 3).
        episode: (N,) id of the episode in its recording.
        view: N names.
        time_seconds: (N,) float64.
    """

    embeddings: np.ndarray
    thumbnails: np.ndarray
    episode: np.ndarray
    view: list[str]
    time_seconds: np.ndarray


def points_of(episodes: Sequence[EmbeddedEpisode]) -> Points:
    """Return at most 2500 embedded frames of episodes, evenly over each film.

    Args:
        episodes: At least one with a frame.
    """
    films = [(embedded, view) for embedded in episodes for view in embedded.episode.views]
    most = max(MOST_POINTS // len(films), 1)
    parts, views = [], []
    for embedded, view in films:
        film = embedded.episode
        frames, times = film.frames(view), film.timestamps(view)
        shown = np.linspace(0, len(frames) - 1, min(len(frames), most)).round().astype(np.int64)
        small = shrink(frames[shown], THUMBNAIL_PX)
        ids = np.full(len(shown), film.id)
        parts.append((embedded.embeddings[view][shown], small, ids, times[shown]))
        views += [view] * len(shown)
    embeddings, thumbnails, episode, seconds = (np.concatenate(p) for p in zip(*parts, strict=True))
    return Points(embeddings, thumbnails, episode, views, seconds)


def write_projector(folder: Path, step: int, points: Points) -> None:
    """Write the points of a step beside TensorBoard's event files; once more writes the same.

    Args:
        folder: Where TensorBoard looks for this run.
        step: Steps done.
        points: What to show.
    """
    target = folder / PROJECTOR_FOLDER / f"step_{step:08d}"
    metadata = {
        "episode": points.episode.tolist(),
        "view": points.view,
        "time_seconds": points.time_seconds.tolist(),
    }
    with atomic_folder(target) as partial:
        write_vectors(partial / VECTORS_FILE, points.embeddings)
        write_metadata(partial / METADATA_FILE, metadata)
        write_sprite(partial / SPRITE_FILE, points.thumbnails)
        shape = {"points": len(points.embeddings), "dimension": points.embeddings.shape[1]}
        (partial / "shape.json").write_text(json.dumps(shape) + "\n", "utf-8")
    write_text_atomically(folder / CONFIG_FILE, config_text(_tables(folder)))


def _tables(folder: Path) -> Iterator[ProjectorTable]:
    """Yield a table for each step that is there, the last one first: it is shown first."""
    for part in sorted((folder / PROJECTOR_FOLDER).glob("step_*"), reverse=True):
        shape = json.loads((part / "shape.json").read_text("utf-8"))
        inside = part.relative_to(folder).as_posix()
        yield ProjectorTable(
            name=f"validation episodes, {part.name.replace('_', ' ')}",
            shape=(shape["points"], shape["dimension"]),
            vectors=f"{inside}/{VECTORS_FILE}",
            metadata=f"{inside}/{METADATA_FILE}",
            sprite=f"{inside}/{SPRITE_FILE}",
        )

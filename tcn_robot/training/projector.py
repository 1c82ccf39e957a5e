"""Embeddings of validation episodes for TensorBoard's projector, each with its frame.

TensorBoard reads `projector_config.pbtxt` in the folder of the event files, which names one table
of vectors per step. They are written here, not by torch's `add_embedding`: that one adds an entry a
second time when a training is resumed.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tcn_robot.atomic import atomic_folder, write_text_atomically
from tcn_robot.training.embedded import EmbeddedEpisode
from tcn_robot.training.pictures import shrink, square_sheet

PROJECTOR_FOLDER = "projector"
CONFIG_FILE = "projector_config.pbtxt"
THUMBNAIL_PX = 32
# A browser draws these easily, and a sheet of 50 x 50 thumbnails is 1600 pixels wide.
MOST_POINTS = 2500


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
    with atomic_folder(target) as partial:
        (partial / "vectors.tsv").write_text("".join(_vector_lines(points)), "utf-8")
        (partial / "metadata.tsv").write_text("".join(_metadata_lines(points)), "utf-8")
        (partial / "thumbnails.png").write_bytes(_as_png(square_sheet(points.thumbnails)))
        shape = {"points": len(points.embeddings), "dimension": points.embeddings.shape[1]}
        (partial / "shape.json").write_text(json.dumps(shape) + "\n", "utf-8")
    write_text_atomically(folder / CONFIG_FILE, "".join(_entries(folder)))


def _vector_lines(points: Points) -> Iterator[str]:
    for row in points.embeddings:
        yield "\t".join(f"{value:.6g}" for value in row) + "\n"


def _metadata_lines(points: Points) -> Iterator[str]:
    yield "episode\tview\ttime_seconds\n"
    for number, view, seconds in zip(points.episode, points.view, points.time_seconds, strict=True):
        yield f"{number}\t{_one_cell(view)}\t{seconds:.3f}\n"


def _one_cell(text: str) -> str:
    return " ".join(text.split())


def _entries(folder: Path) -> Iterator[str]:
    """Yield an entry for each step that is there, the last one first: it is shown first."""
    for part in sorted((folder / PROJECTOR_FOLDER).glob("step_*"), reverse=True):
        shape = json.loads((part / "shape.json").read_text("utf-8"))
        inside = part.relative_to(folder).as_posix()
        yield (
            "embeddings {\n"
            f'  tensor_name: "validation episodes, {part.name.replace("_", " ")}"\n'
            f"  tensor_shape: {shape['points']}\n"
            f"  tensor_shape: {shape['dimension']}\n"
            f'  tensor_path: "{inside}/vectors.tsv"\n'
            f'  metadata_path: "{inside}/metadata.tsv"\n'
            "  sprite {\n"
            f'    image_path: "{inside}/thumbnails.png"\n'
            f"    single_image_dim: {THUMBNAIL_PX}\n"
            f"    single_image_dim: {THUMBNAIL_PX}\n"
            "  }\n"
            "}\n"
        )


def _as_png(picture: np.ndarray) -> bytes:
    from PIL import Image

    encoded = io.BytesIO()
    Image.fromarray(picture).save(encoded, format="PNG")
    return encoded.getvalue()

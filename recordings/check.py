"""Finds what is wrong with a dataset on disk: one line per fault, nothing changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tcn_robot.errors import UserError
from tcn_robot.recordings import format as dataset_format
from tcn_robot.recordings.reader import Episode, Recording
from tcn_robot.recordings.video import TICKS_PER_SECOND, iterate_video


def find_faults(recording: Recording, decode: bool = True) -> Iterator[tuple[int, list[str]]]:
    """Check every episode and yield (id, its faults) as they are done.

    Args:
        recording: The dataset.
        decode: Also decode every film, which takes most of the time.
    """
    for episode in recording:
        yield episode.id, list(_episode_faults(recording, episode, decode))


def _episode_faults(recording: Recording, episode: Episode, decode: bool) -> Iterator[str]:
    try:
        files = episode.metadata.get("files", {})
    except UserError as error:
        yield str(error)
        return
    yield from _file_faults(episode.path, files)
    yield from _model_faults(recording, episode)
    lengths = {}
    for view in episode.views:
        try:
            times_seconds = episode.timestamps(view)
            lengths[view] = len(times_seconds)
            yield from _time_faults(episode, view, times_seconds)
            if decode:
                yield from _film_faults(episode, view, times_seconds)
        except UserError as error:
            yield str(error)
    yield from _length_faults(episode, lengths)


def _file_faults(folder: Path, files: dict[str, dict[str, object]]) -> Iterator[str]:
    for name, expected in files.items():
        path = folder / name
        if not path.is_file():
            yield f"{path} is missing"
        elif dataset_format.file_hash(path) != expected.get("sha256"):
            yield (
                f"{path} is not what was recorded: expected {expected.get('bytes')} bytes with "
                f"SHA-256 {str(expected.get('sha256'))[:12]}, found {path.stat().st_size} bytes"
            )
    known = {*files, dataset_format.EPISODE_FILE}
    for path in sorted(folder.iterdir()):
        if path.name not in known and not path.name.startswith("."):
            yield f"{path} does not belong to the episode"


def _model_faults(recording: Recording, episode: Episode) -> Iterator[str]:
    name = episode.metadata.get("simulator", {}).get("model")
    if name is None:
        return
    path = recording.path / dataset_format.ASSETS_FOLDER / str(name)
    if not path.is_file():
        yield f"{path} is missing: episode {episode.id} cannot be rendered again"
    elif dataset_format.file_hash(path) != path.stem:
        yield f"{path} has been changed: its SHA-256 is not its name"


def _time_faults(episode: Episode, view: str, times_seconds: np.ndarray) -> Iterator[str]:
    where = f"{episode.path / dataset_format.FRAMES_FILE}, view {view!r}"
    if not np.isfinite(times_seconds).all():
        yield f"{where}: a time is not finite"
    backwards = np.flatnonzero(np.diff(times_seconds) <= 0)
    if backwards.size:
        yield f"{where}: frame {backwards[0] + 1} is not later than the frame before"
    expected = episode.metadata["views"][view].get("frames")
    if expected != len(times_seconds):
        yield f"{where}: expected {expected} frames, found {len(times_seconds)}"


def _film_faults(episode: Episode, view: str, times_seconds: np.ndarray) -> Iterator[str]:
    path = episode.path / dataset_format.video_name(view)
    ticks = np.array([ticks for ticks, _ in iterate_video(path)], np.int64)
    if len(ticks) != len(times_seconds):
        yield f"{path} holds {len(ticks)} frames, expected {len(times_seconds)}"
        return
    origin_seconds = float(episode.metadata.get("video_origin_seconds", 0.0))
    expected = (times_seconds - origin_seconds) * TICKS_PER_SECOND
    wrong = np.flatnonzero(np.abs(ticks - expected) > 1.0)
    if wrong.size:
        yield (
            f"{path}: frame {wrong[0]} has time {ticks[wrong[0]] / TICKS_PER_SECOND} s, "
            f"expected {expected[wrong[0]] / TICKS_PER_SECOND} s"
        )


def _length_faults(episode: Episode, lengths: dict[str, int]) -> Iterator[str]:
    clock = episode.metadata.get("clock", {}).get("name")
    if clock != "simulation":
        return  # cameras may differ in length, simulators may not
    if len(set(lengths.values())) > 1:
        yield f"{episode.path}: a simulator's views must have one length, found {lengths}"
    rows = episode.metadata.get("steps")
    if rows and lengths and rows not in lengths.values():
        yield f"{episode.path}: {rows} steps for {max(lengths.values())} frames, expected as many"

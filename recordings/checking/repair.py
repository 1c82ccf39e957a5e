"""Mends episodes that `check` complains about, as far as that can be done without guessing.

An episode is mended by writing it anew from what can be read: films that are whole are taken over
byte for byte, a film that breaks is cut where it breaks, times that are lost are those that the
films carry. What cannot be mended is set aside, never thrown away.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tcn_robot.errors import UserError
from tcn_robot.recordings import format as dataset_format
from tcn_robot.recordings.checking.kinds import KINDS, Fault
from tcn_robot.recordings.episode_writer import EpisodeWriter
from tcn_robot.recordings.reader import Episode
from tcn_robot.recordings.tables import read_frames_table
from tcn_robot.recordings.video import TICKS_PER_SECOND, iterate_video

_MEASURED = {"id", "codec", "fps_asked", "video_origin_seconds", "views", "steps", "files"}


UNDECODABLE = "undecodable-film"


class NotMendableError(Exception):
    """Why an episode can only be set aside."""


def mend_episode(
    episode: Episode, faults: Sequence[Fault], target: EpisodeWriter, accept_changes: bool
) -> list[str]:
    """Write a faulty episode anew into a target that is whole, and return what was done.

    Args:
        episode: The faulty episode; it is only read.
        faults: What `check` found in it.
        target: Where the mended one goes.
        accept_changes: Take files whose hash is another one as they are, if they can be read.

    Raises:
        NotMendableError: If it cannot be mended without guessing.
    """
    _refuse_what_cannot_be_mended(faults, accept_changes)
    films = {view: _decode(episode, view) for view in episode.views}
    times = _times_of(episode, films)
    lengths = {view: min(len(film.ticks), len(times[view])) for view, film in films.items()}
    steps = len(next(iter(episode.steps.values()))) if episode.steps else 0
    if episode.is_simulated:
        least = min([*lengths.values(), *([steps] if steps else [])])
        lengths = dict.fromkeys(lengths, least)
        steps = min(steps, least)
    if min(lengths.values()) < 1:
        raise NotMendableError("a film gives no frame")
    target.begin(float(episode.metadata.get("video_origin_seconds") or 0.0), episode.views)
    for view, count in lengths.items():
        is_kept = films[view].is_whole and len(films[view].ticks) == count
        _write_film(episode, view, times[view][:count], target, is_kept)
    if steps:
        target.copy_steps(episode.path / dataset_format.STEPS_FILE, rows=slice(0, steps))
    done = [
        f"{view}: kept {count} of {len(times[view])} frames"
        for view, count in lengths.items()
        if count < len(times[view])
    ]
    done += sorted({f"{fault.kind}: mended" for fault in faults if fault.is_fault})
    kept = {name: value for name, value in episode.metadata.items() if name not in _MEASURED}
    target.metadata.update(kept, repaired=done)
    return done


def _refuse_what_cannot_be_mended(faults: Sequence[Fault], accept_changes: bool) -> None:
    # Files that are made anew whatever is in them: no word of the user's is needed.
    broken = [fault.view for fault in faults if fault.kind == UNDECODABLE]
    renewed = {dataset_format.video_name(str(view)) for view in broken}
    renewed |= {dataset_format.FRAMES_FILE for f in faults if f.kind == "damaged-times"}
    for fault in faults:
        is_lost = fault.kind == "missing-file" and fault.file != dataset_format.FRAMES_FILE
        if fault.is_fault and (is_lost or not KINDS[fault.kind].is_mendable):
            raise NotMendableError(fault.message)
        if fault.kind == "changed-file" and fault.file not in renewed and not accept_changes:
            raise NotMendableError(f"{fault.message}; --accept-changes takes it as it is")


@dataclass(frozen=True)
class _Decoded:
    """The times that a film's frames carry, as far as they decode, and whether that is all."""

    ticks: np.ndarray
    is_whole: bool


def _decode(episode: Episode, view: str) -> _Decoded:
    ticks: list[int] = []
    try:
        for tick, _ in iterate_video(episode.path / dataset_format.video_name(view)):
            ticks.append(tick)
    except UserError:
        return _Decoded(np.array(ticks, np.int64), False)
    return _Decoded(np.array(ticks, np.int64), True)


def _times_of(episode: Episode, films: Mapping[str, _Decoded]) -> dict[str, np.ndarray]:
    """Return the capture times of each view, from the films where the table is lost."""
    try:
        table = read_frames_table(episode.path / dataset_format.FRAMES_FILE)
        if set(episode.views) <= table.keys():
            return {view: table[view] for view in episode.views}
    except UserError:  # then the films have to tell
        pass
    origin_seconds = episode.metadata.get("video_origin_seconds")
    if origin_seconds is None:
        raise NotMendableError("neither frames.parquet nor the films say when frames were seen")
    return {view: origin_seconds + film.ticks / TICKS_PER_SECOND for view, film in films.items()}


def _write_film(
    episode: Episode, view: str, times_seconds: np.ndarray, target: EpisodeWriter, is_kept: bool
) -> None:
    """Take a film over byte for byte, or encode as many of its frames as there are times."""
    path = episode.path / dataset_format.video_name(view)
    if is_kept:
        target.copy_film(view, path, times_seconds)
        return
    frames = itertools.islice(iterate_video(path), len(times_seconds))
    for time_seconds, (_, picture) in zip(times_seconds, frames, strict=True):
        target.add_frames(float(time_seconds), {view: picture})


def aside_path(path: Path, dataset_path: Path) -> Path:
    """Return a free name, out of readers' sight, for what a dataset's file or folder was."""
    folder = dataset_path / f"{dataset_format.SET_ASIDE_PREFIX}{path.name}"
    number = 1
    while folder.exists():
        number += 1
        folder = dataset_path / f"{dataset_format.SET_ASIDE_PREFIX}{path.name}-{number}"
    return folder


def set_aside(path: Path, dataset_path: Path) -> Path:
    """Move a file or folder out of readers' sight, within its dataset; return where it is."""
    return path.rename(aside_path(path, dataset_path))

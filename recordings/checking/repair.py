"""Mends episodes that `check` complains about, as far as that can be done without guessing.

An episode is mended by writing it anew from what can be read: films that are whole are taken over
byte for byte, a film that breaks is cut where it breaks, times that are lost are those that the
films carry. What cannot be mended is set aside, never thrown away.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tcn_robot.errors import UserError
from tcn_robot.recordings import format as dataset_format
from tcn_robot.recordings.checking.kinds import Fault
from tcn_robot.recordings.checking.times import is_simulated
from tcn_robot.recordings.reader import Episode
from tcn_robot.recordings.tables import read_frames_table
from tcn_robot.recordings.video import TICKS_PER_SECOND, iterate_video
from tcn_robot.recordings.writer import EpisodeWriter

MENDABLE = {
    "changed-file",
    "foreign-file",
    "damaged-times",
    "counts-disagree",
    "unequal-views",
    "undecodable-film",
    "size-disagrees",
    "missing-file",
}
_MEASURED = {"id", "codec", "fps_asked", "video_origin_seconds", "views", "steps", "files"}


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
    _refuse_what_cannot_be_mended(episode, faults, accept_changes)
    times = _times_of(episode)
    lengths = {view: _readable_frames(episode, view, times[view]) for view in episode.views}
    steps = len(next(iter(episode.steps.values()))) if episode.steps else 0
    if is_simulated(episode):
        least = min([*lengths.values(), *([steps] if steps else [])])
        lengths = dict.fromkeys(lengths, least)
    if min(lengths.values()) < 1:
        raise NotMendableError("a film gives no frame")
    done = [
        f"{view}: kept {count} of {len(times[view])} frames"
        for view, count in lengths.items()
        if count < len(times[view])
    ]
    done += sorted({f"{fault.kind}: mended" for fault in faults if fault.is_fault})
    origin_seconds = episode.metadata.get("video_origin_seconds")
    target.begin(float(origin_seconds or 0.0), episode.views)
    for view, count in lengths.items():
        if _is_whole(episode, view, count):
            film = episode.path / dataset_format.video_name(view)
            target.copy_film(view, film, times[view][:count])
        else:
            for time_seconds, (_, picture) in zip(
                times[view][:count], _frames(episode, view), strict=False
            ):
                target.add_frames(float(time_seconds), {view: picture})
    if steps:
        rows = min(lengths.values()) if is_simulated(episode) else steps
        target.copy_steps(episode.path / dataset_format.STEPS_FILE, rows=rows)
    kept = {name: value for name, value in episode.metadata.items() if name not in _MEASURED}
    target.metadata.update(kept, repaired=done)
    return done


def _refuse_what_cannot_be_mended(
    episode: Episode, faults: Sequence[Fault], accept_changes: bool
) -> None:
    for fault in faults:
        if fault.is_fault and fault.kind not in MENDABLE:
            raise NotMendableError(fault.message)
        names_file = fault.kind in ("changed-file", "missing-file")
        is_times = dataset_format.FRAMES_FILE in fault.message
        if fault.kind == "missing-file" and not is_times:
            raise NotMendableError(fault.message)
        breaks = {"undecodable-film", "damaged-times", "counts-disagree"}
        explained = any(other.kind in breaks for other in faults)
        if fault.kind == "changed-file" and names_file and not (accept_changes or explained):
            raise NotMendableError(f"{fault.message}; --accept-changes takes it as it is")


def _times_of(episode: Episode) -> dict[str, np.ndarray]:
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
    return {
        view: float(origin_seconds)
        + np.array([ticks for ticks, _ in _frames(episode, view)]) / TICKS_PER_SECOND
        for view in episode.views
    }


def _readable_frames(episode: Episode, view: str, times_seconds: np.ndarray) -> int:
    """Return how many frames can be decoded one after the other and have a time."""
    return min(sum(1 for _ in _frames(episode, view)), len(times_seconds))


def _is_whole(episode: Episode, view: str, count: int) -> bool:
    """Return whether a film can be taken over: it decodes to its end, into so many frames."""
    decoded = 0
    try:
        for _ in iterate_video(episode.path / dataset_format.video_name(view)):
            decoded += 1
    except UserError:
        return False
    return decoded == count


def _frames(episode: Episode, view: str) -> Any:
    """Yield (microseconds, picture) up to where the film breaks."""
    try:
        yield from iterate_video(episode.path / dataset_format.video_name(view))
    except UserError:
        return


def set_aside(path: Path, dataset_path: Path) -> Path:
    """Move a file or folder out of readers' sight, within its dataset; return where it is."""
    folder = dataset_path / f"{dataset_format.SET_ASIDE_PREFIX}{path.name}"
    number = 1
    while folder.exists():
        number += 1
        folder = dataset_path / f"{dataset_format.SET_ASIDE_PREFIX}{path.name}-{number}"
    path.rename(folder)
    return folder

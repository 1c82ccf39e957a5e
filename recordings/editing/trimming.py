"""Cuts episodes to a part of their time, all views and what the robot did together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tcn_robot.errors import UserError
from tcn_robot.recordings import format as dataset_format
from tcn_robot.recordings.film_cut import cut_film
from tcn_robot.recordings.reader import Episode
from tcn_robot.recordings.video import iterate_video
from tcn_robot.recordings.writer import EpisodeWriter

TRIMMED_FROM = "trimmed_from"
_MEASURED = {"id", "codec", "fps_asked", "video_origin_seconds", "views", "steps", "files"}
# What `capture` measured over the whole episode and would be wrong of a part.
_OF_THE_WHOLE = {"capture"}


@dataclass(frozen=True)
class Cut:
    """A half-open range of an episode's time, in seconds on its clock."""

    start_seconds: float
    stop_seconds: float


def cut_by_time(episode: Episode, start_seconds: float, stop_seconds: float | None) -> Cut:
    """Return the range that lies between two times after the episode's first frame."""
    first = min(float(episode.timestamps(view)[0]) for view in episode.views)
    stop = np.inf if stop_seconds is None else first + stop_seconds
    return Cut(first + start_seconds, float(stop))


def cut_by_frames(episode: Episode, start_frame: int, stop_frame: int | None) -> Cut:
    """Return the range from one frame of the first view to before another."""
    times = episode.timestamps(episode.views[0])
    if start_frame >= len(times):
        raise UserError(
            f"episode {episode.id} has {len(times)} frames, found --start-frame {start_frame}"
        )
    is_open = stop_frame is None or stop_frame >= len(times)
    stop = np.inf if is_open else float(times[stop_frame])
    start = -np.inf if start_frame == 0 else float(times[start_frame])
    return Cut(start, float(stop))


def refuse_empty(episode: Episode, cut: Cut) -> None:
    """Raise a UserError if a view has no frame in a range."""
    for view in episode.views:
        times = episode.timestamps(view)
        frames = _frames(times, cut)
        if frames.stop <= frames.start:
            raise UserError(
                f"episode {episode.id} has no frame of view {view!r} in the range asked for; its "
                f"frames lie between 0 and {times[-1] - times[0]:.3f} s"
            )


def refuse_other_cut(there: Episode, episode: Episode, cut: Cut | None) -> None:
    """Raise a UserError if an episode that is there is not what cutting another would give."""
    expected = None if cut is None else _origin(episode, cut)
    if there.metadata.get(TRIMMED_FROM) != (expected or episode.metadata.get(TRIMMED_FROM)):
        raise UserError(
            f"{there.path} is there already and was cut otherwise; give a new folder as --out"
        )


@dataclass(frozen=True)
class TrimmedView:
    """How many frames of a view are left, and whether its film was "copied" or "encoded anew"."""

    frames: int
    how: str


def trim_episode(episode: Episode, cut: Cut, target: EpisodeWriter) -> dict[str, TrimmedView]:
    """Write the part of an episode that lies in a range of time; times stay as measured.

    Args:
        episode: The original, which is only read.
        cut: The range.
        target: Where the part goes.

    Returns:
        What became of each view. Its film is encoded anew where the cut does not fall on a frame
        that a film can begin with.

    Raises:
        UserError: If a view has no frame in the range.
    """
    refuse_empty(episode, cut)
    target.begin(float(episode.metadata.get("video_origin_seconds") or 0.0), episode.views)
    done = {}
    for view in episode.views:
        if "fps_asked" in episode.metadata["views"][view]:
            target.set_rate(view, float(episode.metadata["views"][view]["fps_asked"]))
        times = episode.timestamps(view)
        kept = _frames(times, cut)
        how = _write_view(episode, view, times, kept, target)
        done[view] = TrimmedView(kept.stop - kept.start, how)
    rows = _rows(episode, cut)
    if rows.stop > rows.start:
        # What the last row's action led to lies outside.
        path = episode.path / dataset_format.STEPS_FILE
        target.copy_steps(path, rows=rows, has_last_action=not episode.is_simulated)
    left_out = _MEASURED | _OF_THE_WHOLE
    metadata = {name: value for name, value in episode.metadata.items() if name not in left_out}
    target.metadata.update(metadata, **{TRIMMED_FROM: _origin(episode, cut)})
    if any(cut.stop_seconds <= episode.timestamps(view)[-1] for view in episode.views):
        target.metadata["success"] = _success_at_end(episode, rows)
    return done


def _origin(episode: Episode, cut: Cut) -> dict[str, Any]:
    """Return what `trimmed_from` says: the range in seconds after the first view's first frame."""
    first = float(episode.timestamps(episode.views[0])[0])
    return {
        "content_sha256": episode.content_hash,
        "start_seconds": None if np.isinf(cut.start_seconds) else cut.start_seconds - first,
        "stop_seconds": None if np.isinf(cut.stop_seconds) else cut.stop_seconds - first,
    }


def _frames(times_seconds: np.ndarray, cut: Cut) -> slice:
    start, stop = np.searchsorted(times_seconds, (cut.start_seconds, cut.stop_seconds))
    return slice(int(start), int(stop))


def _write_view(
    episode: Episode, view: str, times: np.ndarray, kept: slice, target: EpisodeWriter
) -> str:
    path = episode.path / dataset_format.video_name(view)
    if kept == slice(0, len(times)):
        target.copy_film(view, path, times)
        return "copied"
    if cut_film(path, target.film_path(view), kept.start, kept.stop):
        target.copy_film(view, target.film_path(view), times[kept])
        return "copied"
    for index, (_, picture) in enumerate(iterate_video(path)):
        if index >= kept.stop:
            break
        if index >= kept.start:
            target.add_frames(float(times[index]), {view: picture})
    return "encoded anew"


def _rows(episode: Episode, cut: Cut) -> slice:
    """Return which rows of the steps lie in a range of time."""
    if not episode.steps or "time_seconds" not in episode.steps:
        return slice(0, 0)
    return _frames(episode.steps["time_seconds"], cut)


def _success_at_end(episode: Episode, rows: slice) -> bool | None:
    """Return whether the task was done where the episode now ends; None where nobody knows."""
    if not episode.steps or "success" not in episode.steps or rows.stop <= rows.start:
        return None
    return bool(episode.steps["success"][rows.stop - 1])

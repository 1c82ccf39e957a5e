"""Cuts episodes to a part of their time, all views and what the robot did together."""

from __future__ import annotations

from dataclasses import dataclass

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


def trim_episode(episode: Episode, cut: Cut, target: EpisodeWriter) -> dict[str, str]:
    """Write the part of an episode that lies in a range of time; times stay as measured.

    Args:
        episode: The original, which is only read.
        cut: The range.
        target: Where the part goes.

    Returns:
        What became of each view's film: "copied", or "encoded anew" where the cut does not fall on
        a frame that a film can begin with.

    Raises:
        UserError: If a view has no frame in the range.
    """
    target.begin(float(episode.metadata.get("video_origin_seconds") or 0.0), episode.views)
    done = {}
    for view in episode.views:
        times = episode.timestamps(view)
        start, stop = np.searchsorted(times, (cut.start_seconds, cut.stop_seconds))
        if stop <= start:
            raise UserError(
                f"episode {episode.id} has no frame of view {view!r} in the range asked for; its "
                f"frames lie between 0 and {times[-1] - times[0]:.3f} s"
            )
        done[view] = _write_view(episode, view, times, slice(int(start), int(stop)), target)
    if episode.codec == dataset_format.ORIGINAL_CODEC and "copied" in done.values():
        target.keep_encoding()
    _write_steps(episode, cut, target)
    left_out = _MEASURED | _OF_THE_WHOLE
    kept = {name: value for name, value in episode.metadata.items() if name not in left_out}
    first = float(episode.timestamps(episode.views[0])[0])
    origin = {
        "content_sha256": episode.content_hash,
        "start_seconds": max(0.0, cut.start_seconds - first),
        "stop_seconds": None if np.isinf(cut.stop_seconds) else cut.stop_seconds - first,
    }
    target.metadata.update(kept, **{TRIMMED_FROM: origin})
    return done


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


def _write_steps(episode: Episode, cut: Cut, target: EpisodeWriter) -> None:
    if not episode.steps:
        return
    times = episode.steps["time_seconds"]
    start, stop = np.searchsorted(times, (cut.start_seconds, cut.stop_seconds))
    if stop > start:
        # What the last row's action led to lies outside.
        target.copy_steps(
            episode.path / dataset_format.STEPS_FILE,
            rows=slice(int(start), int(stop)),
            has_last_action=not episode.is_simulated,
        )

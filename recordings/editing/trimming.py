"""Cuts episodes to a part of their time, all views and what the robot did together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tcn_robot.errors import UserError
from tcn_robot.matching import TIME_TOLERANCE_SECONDS
from tcn_robot.recordings import format as dataset_format
from tcn_robot.recordings.editing.copying import has_same_files
from tcn_robot.recordings.episode_writer import EpisodeWriter
from tcn_robot.recordings.film_cut import cut_film
from tcn_robot.recordings.reader import Episode
from tcn_robot.recordings.tables import read_steps_table
from tcn_robot.recordings.video import iterate_video

TRIMMED_FROM = "trimmed_from"
_MEASURED = {"id", "codec", "fps_asked", "video_origin_seconds", "views", "steps", "files"}
# What `capture` said of the whole episode that is worth knowing of a part.
_KEPT_OF_CAPTURE = ("reference", "offsets", "limits", "marks")
RESAMPLING = "resampling"


@dataclass(frozen=True)
class Cut:
    """A half-open range of an episode's time, in seconds on its clock."""

    start_seconds: float
    stop_seconds: float


def cut_by_time(episode: Episode, start_seconds: float, stop_seconds: float | None) -> Cut:
    """Return the range that lies between two times after the episode's first frame."""
    first = _first_seconds(episode)
    stop = np.inf if stop_seconds is None else first + stop_seconds
    return Cut(first + start_seconds if start_seconds > 0 else -np.inf, float(stop))


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


def is_trimmed(there: Episode, episode: Episode, cut: Cut | None) -> bool:
    """Return whether an episode is what cutting another gives, or leaving it whole."""
    if cut is None:
        return has_same_files(there, episode)
    return bool(there.recorded.get(TRIMMED_FROM) == _origin(episode, cut))


def refuse_damaged(episode: Episode) -> None:
    """Raise a UserError if a file is not the one that was recorded: a cut would hide that."""
    for name, entry in episode.recorded.get("files", {}).items():
        path = episode.path / str(name)
        if path.is_file() and dataset_format.file_hash(path) != entry.get("sha256"):
            raise UserError(f"{path} was changed or damaged; see `tcn-robot check --repair` first")


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
    refuse_damaged(episode)
    target.begin(float(episode.metadata.get("video_origin_seconds") or 0.0), episode.views)
    done = {}
    for view in episode.views:
        if "fps_asked" in episode.metadata["views"][view]:
            target.set_rate(view, float(episode.metadata["views"][view]["fps_asked"]))
        times = episode.timestamps(view)
        kept = _frames(times, cut)
        how = _write_view(episode, view, times, kept, target)
        done[view] = TrimmedView(kept.stop - kept.start, how)
    if episode.codec == dataset_format.ORIGINAL_CODEC and any(
        one.how == "copied" for one in done.values()
    ):
        target.keep_encoding()
    rows = _rows(episode, cut)
    if rows.stop > rows.start:
        # What the last row's action led to lies outside.
        path = episode.path / dataset_format.STEPS_FILE
        target.copy_steps(path, rows=rows, has_last_action=not episode.is_simulated)
    metadata = {name: value for name, value in episode.metadata.items() if name not in _MEASURED}
    if isinstance(metadata.get("capture"), dict):
        said = metadata["capture"]
        metadata["capture"] = {name: said[name] for name in _KEPT_OF_CAPTURE if name in said}
    _copy_resampling(episode, cut, target)
    target.metadata.update(metadata, **{TRIMMED_FROM: _origin(episode, cut)})
    if any(cut.stop_seconds <= episode.timestamps(view)[-1] for view in episode.views):
        target.metadata["success"] = _success_at_end(episode, rows)
    return done


def _origin(episode: Episode, cut: Cut) -> dict[str, Any]:
    """Return what `trimmed_from` says: the range in seconds after the first frame."""
    first = _first_seconds(episode)
    return {
        "content_sha256": episode.content_hash,
        "start_seconds": None if np.isinf(cut.start_seconds) else cut.start_seconds - first,
        "stop_seconds": None if np.isinf(cut.stop_seconds) else cut.stop_seconds - first,
    }


def _first_seconds(episode: Episode) -> float:
    return min(float(episode.timestamps(view)[0]) for view in episode.views)


def _frames(times_seconds: np.ndarray, cut: Cut) -> slice:
    bounds = np.array([cut.start_seconds, cut.stop_seconds]) - TIME_TOLERANCE_SECONDS
    start, stop = np.searchsorted(times_seconds, bounds)
    return slice(int(start), int(stop))


def _copy_resampling(episode: Episode, cut: Cut, target: EpisodeWriter) -> None:
    """Take over which frames of the original episode were shown, of those that are kept."""
    path = episode.path / f"{RESAMPLING}.parquet"
    if not path.is_file():
        return
    table = read_steps_table(path)
    parts = []
    for view in episode.views:
        rows = np.flatnonzero(table["view"] == view)[_frames(episode.timestamps(view), cut)]
        part = {name: values[rows] for name, values in table.items()}
        parts.append({**part, "frame": np.arange(len(rows))})
    columns = {name: np.concatenate([part[name] for part in parts]) for name in table}
    target.add_table(RESAMPLING, columns)


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

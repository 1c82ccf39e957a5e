"""Brings views of different rates and delays onto one clock, explicitly, into another dataset.

No picture is made up: each instant gets the nearest frame of each view, and a table says which one
that was and how far off. The original stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tcn_robot.errors import UserError
from tcn_robot.matching import nearest_frames
from tcn_robot.recordings.episode_writer import EpisodeWriter
from tcn_robot.recordings.format import video_name
from tcn_robot.recordings.reader import Episode, Recording
from tcn_robot.recordings.video import iterate_video
from tcn_robot.recordings.writer import DatasetWriter

SOURCE_TABLE = "resampling"
_KEPT = ("task", "policy", "split", "success", "clock", "embodiment", "cameras")


@dataclass(frozen=True)
class Resampled:
    """What became of an episode: its instants, and per view how often a frame was used.

    Attributes:
        id: The episode's id, in both datasets.
        instants: Number of instants, the same for every view.
        repeated: By view, instants that show the same frame as the one before.
        skipped: By view, frames between the first and the last used that are shown nowhere.
        worst_error_seconds: By view, largest distance of a frame from its instant.
    """

    id: int
    instants: int
    repeated: dict[str, int]
    skipped: dict[str, int]
    worst_error_seconds: dict[str, float]


def common_grid(times_seconds: Mapping[str, np.ndarray], rate_hz: float) -> np.ndarray:
    """Return instants at an even rate, from the latest first frame to the earliest last one.

    Args:
        times_seconds: float64 (T,) by view, ascending.
        rate_hz: Instants per second.

    Returns:
        float64 (G,); empty where the views have no time in common.
    """
    low = max(float(times[0]) for times in times_seconds.values())
    high = min(float(times[-1]) for times in times_seconds.values())
    if high < low:
        return np.empty(0)
    count = int(np.floor((high - low) * rate_hz + 1e-6)) + 1
    return low + np.arange(count) / rate_hz


def resample(
    recording: Recording, writer: DatasetWriter, rate_hz: float, apply_offsets: bool
) -> Iterator[Resampled]:
    """Resample every episode, each under its id, and yield what became of it.

    Episodes that the target already has are left alone, so that a second run goes on.

    Args:
        recording: The original.
        writer: The opened target, another folder.
        rate_hz: Instants per second.
        apply_offsets: Take each view's estimated delay off its times first.

    Raises:
        UserError: For views without common time, or offsets that are unknown.
    """
    present = set(writer.episode_ids())
    for episode in recording:
        if episode.id in present:
            continue
        offsets = known_offsets(episode) if apply_offsets else dict.fromkeys(episode.views, 0.0)
        with writer.episode(rate_hz, episode.id) as target:
            result = _resample_episode(episode, target, rate_hz, offsets)
        yield result


def refuse_simulated(recording: Recording) -> None:
    """Raise a UserError if an episode was simulated: there is nothing to bring together."""
    for episode in recording:
        if episode.is_simulated:
            raise UserError(
                f"episode {episode.id} of {recording.path} is simulated: its views have one clock "
                "already; resampling is for cameras"
            )


def known_offsets(episode: Episode) -> dict[str, float]:
    """Return by how many seconds each view is stamped late, 0 for the reference.

    Raises:
        UserError: If an offset could not be estimated.
    """
    capture = episode.metadata.get("capture", {})
    offsets = {str(capture.get("reference", episode.views[0])): 0.0}
    for view in episode.views:
        if view in offsets:
            continue
        entry = capture.get("offsets", {}).get(view)
        if entry is None:
            raise UserError(
                f"episode {episode.id}: the offset of view {view!r} is not known; leave "
                "--apply-offsets out, or film a clap in front of all cameras"
            )
        offsets[view] = float(entry["offset_seconds"])
    return offsets


def _resample_episode(
    episode: Episode, target: EpisodeWriter, rate_hz: float, offsets: dict[str, float]
) -> Resampled:
    times = {view: episode.timestamps(view) - offsets[view] for view in episode.views}
    grid = common_grid(times, rate_hz)
    if not grid.size:
        raise UserError(f"episode {episode.id}: its views have no time in common")
    target.begin(float(grid[0]), episode.views)
    picked = {view: nearest_frames(grid, times[view]) for view in episode.views}
    for view, frames in picked.items():
        _copy_frames(episode, view, frames, grid, target)
    target.add_table(
        SOURCE_TABLE,
        {
            "view": [view for view in picked for _ in grid],
            "frame": np.tile(np.arange(len(grid)), len(picked)),
            "source_frame": np.concatenate(list(picked.values())),
            "error_seconds": np.concatenate([times[v][f] - grid for v, f in picked.items()]),
        },
    )
    _copy_steps(episode, grid, target)
    target.metadata.update({name: episode.metadata.get(name) for name in _KEPT})
    target.metadata["resampled_from"] = {
        "content_sha256": episode.content_hash,
        "rate_hz": rate_hz,
        "offsets_seconds": offsets,
    }
    return Resampled(
        episode.id,
        len(grid),
        {view: int((np.diff(frames) == 0).sum()) for view, frames in picked.items()},
        {v: int(f[-1] - f[0] + 1 - len(np.unique(f))) for v, f in picked.items()},
        {v: float(np.abs(times[v][f] - grid).max()) for v, f in picked.items()},
    )


def _copy_frames(
    episode: Episode, view: str, frames: np.ndarray, grid: np.ndarray, target: EpisodeWriter
) -> None:
    """Write the picked frames of a view; its film is decoded once, frame by frame."""
    position = 0
    for index, (_, picture) in enumerate(iterate_video(episode.path / video_name(view))):
        while position < len(frames) and frames[position] == index:
            target.add_frames(float(grid[position]), {view: picture})
            position += 1
        if position == len(frames):
            return
    raise UserError(
        f"{episode.path / video_name(view)} ends before frame {frames[position]}; find what is "
        "damaged with `tcn-robot check`"
    )


def _copy_steps(episode: Episode, grid: np.ndarray, target: EpisodeWriter) -> None:
    """Write what the robot last said at each instant; before its first word, its first word."""
    steps: dict[str, Any] | None = episode.steps
    if not steps or "time_seconds" not in steps:
        return
    last = np.searchsorted(steps["time_seconds"], grid, side="right") - 1
    for time_seconds, row in zip(grid, np.maximum(last, 0), strict=True):
        values = {name: _plain(column[row]) for name, column in steps.items()}
        target.add_step({**values, "time_seconds": float(time_seconds)})


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value

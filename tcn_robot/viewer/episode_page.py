"""One episode as the page needs it: films with their times, the columns of its steps, facts."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tcn_robot.errors import UserError
from tcn_robot.recordings import Episode
from tcn_robot.recordings.format import video_name
from tcn_robot.recordings.timing import LATE_PERIODS, missing_frames
from tcn_robot.viewer.columns import describe_columns
from tcn_robot.viewer.films import FilmHeader, read_header
from tcn_robot.viewer.listing import capture_marks, finite, policy_text, without_folders
from tcn_robot.viewer.packing import pack_numbers, plain

# Where a view's film is found by the page; told whether it has to be a preview.
FilmAddress = Callable[[Episode, str, bool], str]


@dataclass
class _View:
    name: str
    times_seconds: np.ndarray  # on the episode's clock
    film_seconds: np.ndarray  # the same frames in the film
    header: FilmHeader | None
    problem: str | None


def film_path(episode: Episode, view: str) -> Path:
    """Return the path of a view's film.

    Raises:
        UserError: If the name leads out of the episode's folder, or the film is a link that does.
    """
    path = episode.path / video_name(view)
    if path.name != video_name(view) or path.resolve().parent != episode.path.resolve():
        raise UserError(f"the view {view!r} leads out of its episode's folder; see `check`")
    return path


def describe_episode(episode: Episode, film_address: FilmAddress) -> dict[str, Any]:
    """Return everything that the page shows of an episode.

    What is damaged is left out and told under `problems`; whatever can still be shown is.

    Args:
        episode: The episode.
        film_address: Gives the address of a film from (episode, view, whether as a preview).

    Returns:
        Plain JSON values. Times are seconds from `start_seconds`, the first frame or row.
    """
    try:
        metadata = episode.metadata
    except UserError as error:
        problem = _shown(str(error), episode)
        return {"id": episode.id, "problems": [problem], "views": [], "columns": []}
    problems: list[str] = []
    views = [_read_view(episode, view, problems) for view in episode.views]
    steps = _read_steps(episode, problems)
    step_seconds = _step_times(steps, problems)
    starts = [view.times_seconds[0] for view in views if view.times_seconds.size]
    starts += [step_seconds[0]] if step_seconds.size else []
    start_seconds = float(min(starts, default=0.0))
    return {
        "id": episode.id,
        "problems": [_shown(problem, episode) for problem in problems],
        "start_seconds": start_seconds,
        "started": _utc_text(metadata.get("clock"), start_seconds),
        "reference": _reference(metadata, views),
        "views": [_view_entry(episode, view, start_seconds, film_address) for view in views],
        "step_times": pack_numbers(step_seconds - start_seconds, "<f8"),
        "columns": describe_columns(steps, len(step_seconds)),
        "facts": _facts(episode),
        "marks": capture_marks(metadata),
        "metadata": plain({name: value for name, value in metadata.items() if name != "files"}),
    }


def _shown(problem: str, episode: Episode) -> str:
    return without_folders(problem, episode.path, episode.path.parent)


def _read_view(episode: Episode, view: str, problems: list[str]) -> _View:
    """Read a view's times and its film's; where one of them is unusable the other stands in."""
    header, problem = None, None
    try:
        header = read_header(film_path(episode, view))
    except UserError as error:
        problem = str(error)
    times = np.zeros(0)
    try:
        times = episode.timestamps(view).astype(np.float64)
        if not np.isfinite(times).all() or (np.diff(times) <= 0).any():
            problems.append(f"the times of {view} are not ascending; those of its film are shown")
            times = np.zeros(0)
    except UserError as error:
        problems.append(str(error))
    origin_seconds = finite(episode.metadata.get("video_origin_seconds")) or 0.0
    film_seconds = times - origin_seconds
    if header is not None:
        film_seconds = header.times_seconds
        if not times.size:
            times = film_seconds + origin_seconds
    count = min(len(times), len(film_seconds))
    return _View(view, times[:count], film_seconds[:count], header, problem)


def _read_steps(episode: Episode, problems: list[str]) -> dict[str, np.ndarray]:
    try:
        return episode.steps or {}
    except UserError as error:
        problems.append(str(error))
        return {}


def _step_times(steps: dict[str, np.ndarray], problems: list[str]) -> np.ndarray:
    times = np.asarray(steps.get("time_seconds", np.zeros(0)))
    if times.dtype.kind not in "fiu" or times.ndim != 1:
        times = np.zeros(0)
    times = times.astype(np.float64)
    if not np.isfinite(times).all() or (np.diff(times) < 0).any():
        problems.append("the times of the steps are not ascending; the steps are not drawn")
        return np.zeros(0)
    return times


def _reference(metadata: dict[str, Any], views: list[_View]) -> int:
    """Return the position of the view whose frames are stepped through."""
    capture = metadata.get("capture")
    named = capture.get("reference") if isinstance(capture, dict) else None
    usable = [index for index, view in enumerate(views) if view.times_seconds.size]
    for index in usable:
        if views[index].name == named:
            return index
    return usable[0] if usable else 0


def _view_entry(
    episode: Episode, view: _View, start_seconds: float, film_address: FilmAddress
) -> dict[str, Any]:
    entry = episode.metadata["views"][view.name]
    rate_hz = finite(entry.get("fps_asked")) or finite(episode.metadata.get("fps_asked")) or 0.0
    late, missing = _late_and_missing(view.times_seconds, rate_hz)
    film, problem = None, view.problem
    is_preview = view.header is not None and not view.header.is_playable
    if view.header is not None:
        try:
            film = film_address(episode, view.name, is_preview)
        except UserError as error:  # no preview can be made of it
            problem = str(error)
    return {
        "name": view.name,
        "width_px": finite(entry.get("width_px")) or 4,
        "height_px": finite(entry.get("height_px")) or 3,
        "film": film,
        "is_preview": is_preview,
        "problem": problem and _shown(problem, episode),
        "times": pack_numbers(view.times_seconds - start_seconds, "<f8"),
        "film_times": pack_numbers(view.film_seconds, "<f8"),
        "late": late,
        "missing": missing,
        "facts": _view_facts(episode.metadata, view.name, entry),
        "offset_seconds": _capture_entry(episode.metadata, "offsets", view.name).get(
            "offset_seconds"
        ),
    }


def _late_and_missing(times_seconds: np.ndarray, rate_hz: float) -> tuple[list[int], list[Any]]:
    """Return the frames that came late, and (frame, how many) for those missing before it."""
    if len(times_seconds) < 2 or not 0 < rate_hz < 1e5:
        return [], []
    late = np.flatnonzero(np.diff(times_seconds) * rate_hz > LATE_PERIODS) + 1
    counts = missing_frames(times_seconds, rate_hz)
    missing = np.flatnonzero(counts)
    late = np.setdiff1d(late, missing)
    return late.tolist(), [[int(frame), int(counts[frame])] for frame in missing]


def _capture_entry(metadata: dict[str, Any], part: str, view: str) -> dict[str, Any]:
    capture = metadata.get("capture")
    entries = capture.get(part) if isinstance(capture, dict) else None
    entry = entries.get(view) if isinstance(entries, dict) else None
    return entry if isinstance(entry, dict) else {}


def _view_facts(metadata: dict[str, Any], view: str, entry: dict[str, Any]) -> dict[str, Any]:
    """Return a view's row of the table: what was measured when it was recorded."""
    filmed = _capture_entry(metadata, "views", view)
    offset = _capture_entry(metadata, "offsets", view)
    missing = filmed.get("missing_frames", entry.get("dropped_frames"))
    return {
        "size": f"{entry.get('width_px')} × {entry.get('height_px')}",
        "frames": finite(entry.get("frames")),
        "fps": finite(entry.get("fps_measured")),
        "late": finite(entry.get("late_frames")),
        "missing": finite(missing),
        "gap_seconds": finite(entry.get("longest_gap_seconds")),
        "skew_seconds": finite(_capture_entry(metadata, "skew", view).get("p99_seconds")),
        "offset_seconds": finite(offset.get("offset_seconds")),
        "offset_std_seconds": finite(offset.get("std_seconds")),
    }


def _facts(episode: Episode) -> list[list[str]]:
    """Return (name, text) of what is worth reading about an episode."""
    metadata = episode.metadata
    simulator, demonstration = metadata.get("simulator"), metadata.get("demonstration")
    clock = metadata.get("clock")
    found: dict[str, Any] = {
        "task": metadata.get("task"),
        "policy": policy_text(metadata.get("policy")),
        "split": metadata.get("split"),
        "seed": metadata.get("seed"),
        "body": metadata.get("embodiment"),
        "simulator": simulator.get("name") if isinstance(simulator, dict) else None,
        "clock": clock.get("name") if isinstance(clock, dict) else None,
        "codec": metadata.get("codec"),
        "rate asked": metadata.get("fps_asked"),
        "steps": metadata.get("steps"),
    }
    if isinstance(demonstration, dict):
        found |= {str(name): value for name, value in demonstration.items()}
    if isinstance(metadata.get("repaired"), list):
        found["repaired"] = "; ".join(map(str, metadata["repaired"]))
    return [[name, str(text)] for name, text in found.items() if text not in (None, "")]


def _utc_text(clock: Any, start_seconds: float) -> str | None:
    """Return the date and time of the first frame, where the clock has a UTC anchor."""
    anchor = clock.get("utc_anchor") if isinstance(clock, dict) else None
    try:
        zero = datetime.datetime.fromisoformat(str(anchor).replace("Z", "+00:00"))
        moment = zero + datetime.timedelta(seconds=start_seconds)
    except (ValueError, OverflowError):
        return None
    return moment.isoformat(timespec="milliseconds")

"""What both versions of LeRobot's datasets share when they are read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa

from tcn_robot.errors import UserError
from tcn_robot.matching import nearest_frames
from tcn_robot.recordings.formats.films import Film, FilmPart
from tcn_robot.recordings.formats.foreign import ForeignView
from tcn_robot.recordings.formats.lerobot import layout
from tcn_robot.recordings.formats.lerobot.json_files import read_json_object
from tcn_robot.recordings.formats.lerobot.table_files import MOST_SECONDS, numbers
from tcn_robot.recordings.formats.places import SPLIT_NAMES, Place

# Of a frame's period: further off, a time says no frame clearly.
CLEAR_SHARE = 0.2
LEAST_HZ, MOST_HZ = 1e-3, 1e4


@dataclass(frozen=True)
class Info:
    """What `meta/info.json` says.

    Attributes:
        version: Such as "v3.0".
        fps: Frames per second.
        features: By name: `dtype`, `shape`, `names`, and more for cameras.
        data_path, video_path: Templates of paths.
        splits: Half-open ranges of episodes by our names of splits.
        robot: What acted, if that is said.
        notes: What is worth saying.
    """

    version: str
    fps: float
    features: Mapping[str, Mapping[str, Any]]
    data_path: str
    video_path: str
    splits: Mapping[str, range]
    robot: str | None
    notes: Sequence[str]

    @property
    def cameras(self) -> list[str]:
        """Names of the features that are films or pictures in colour."""
        return [name for name, one in self.features.items() if _is_camera(one)]

    @property
    def depth_cameras(self) -> list[str]:
        """Names of the cameras that measure depth."""
        return [
            name
            for name, one in self.features.items()
            if one["dtype"] in ("video", "image") and not _is_camera(one)
        ]

    def split_of(self, episode_index: int) -> str | None:
        """Return the split that an episode is in, if one."""
        return next((name for name, part in self.splits.items() if episode_index in part), None)


def _is_camera(feature: Mapping[str, Any]) -> bool:
    if feature["dtype"] not in ("video", "image"):
        return False
    found = [feature.get(name) for name in ("video_info", "info")]
    return not any(
        said.get("is_depth_map") or said.get("video.is_depth_map")
        for said in found
        if isinstance(said, dict)
    )


def read_info(place: Place, versions: Sequence[str]) -> Info:
    """Return what `meta/info.json` says.

    Args:
        place: The dataset's folder.
        versions: Versions that the caller reads.

    Raises:
        UserError: If it is missing, damaged or of another version.
    """
    path = place.file(layout.INFO_FILE)
    if not path.is_file():
        raise UserError(
            f"{place.root} is no LeRobot dataset: it has no {layout.INFO_FILE}; "
            "give the folder that has it"
        )
    content = read_json_object(path)
    version = str(content.get("codebase_version"))
    if version not in versions:
        known = {"v3.0": "lerobot-v3", "v2.1": "lerobot-v2.1", "v2.0": "lerobot-v2.1"}
        other = f": import it as {known[version]}" if version in known else ""
        raise UserError(
            f"{path} has codebase_version {version!r}, expected {' or '.join(versions)}{other}"
        )
    fps, features = content.get("fps"), content.get("features")
    if not isinstance(fps, (int, float)) or not LEAST_HZ <= fps <= MOST_HZ:
        raise UserError(f"{path}: expected fps above 0, up to {MOST_HZ:g}, found {repr(fps)[:40]}")
    if not isinstance(features, dict) or not all(
        isinstance(one, dict) and isinstance(one.get("dtype"), str) for one in features.values()
    ):
        raise UserError(f"{path}: expected features with a dtype each, found {str(features)[:80]}")
    splits, notes = _read_splits(content.get("splits"))
    robot = content.get("robot_type")
    return Info(
        version,
        float(fps),
        features,
        str(content.get("data_path") or ""),
        str(content.get("video_path") or ""),
        splits,
        robot if isinstance(robot, str) and robot else None,
        notes,
    )


def _read_splits(said: Any) -> tuple[dict[str, range], list[str]]:
    splits, notes = {}, []
    for name, text in (said if isinstance(said, dict) else {}).items():
        match = re.fullmatch(r"(\d{1,9}):(\d{1,9})", str(text))
        split = SPLIT_NAMES.get(str(name).lower())
        if match is None or split is None:
            notes.append(
                f"the split {name!r} ({str(text)[:40]}) is none of train, valid, test: passed over"
            )
            continue
        splits[split] = range(int(match[1]), int(match[2]))
    return splits, notes


def row_times(table: pa.Table, fps: float, path: Path) -> np.ndarray:
    """Return when rows are, float64 (T,): frame / fps, or what `timestamp` says if that differs.

    `timestamp` is a float32: where it is the grid but for rounding, the grid is meant.
    """
    said = numbers(table, "timestamp", path)
    grid = numbers(table, "frame_index", path) / fps
    if max(np.abs(said).max(initial=0), np.abs(grid).max(initial=0)) > MOST_SECONDS:
        raise UserError(f"{path}: the column 'timestamp' holds times that cannot be")
    is_grid = bool((np.abs(said - grid) <= layout.TOLERANCE_SECONDS).all())
    times = grid if is_grid else said
    if (np.diff(times) <= 0).any():
        raise UserError(f"{path}: the column 'timestamp' does not run forward")
    return times


@dataclass(frozen=True)
class FilmPlace:
    """Where an episode is in a film.

    Attributes:
        path: The film.
        start_seconds: When it begins, as the dataset says.
        start_frame: How many frames of other episodes are before it, if that is known.
        num_frames: How many frames all episodes in the film have, if that is known.
    """

    path: Path
    start_seconds: float
    start_frame: int | None = None
    num_frames: int | None = None


def film_view(
    film: Film,
    place: FilmPlace,
    rows: np.ndarray,
    row_seconds: np.ndarray,
    fps: float,
    times: np.ndarray,
) -> ForeignView:
    """Return a part of a film as a view.

    Where the times that are said fall between the film's frames, as in sets that were converted,
    and the film has as many frames as there are rows, frames are counted instead.

    Args:
        film: The film, which may hold other episodes too.
        place: Where in it the episode is.
        rows: int64 (T,), which rows have a frame of their own.
        row_seconds: float64 (T,), when these are, from the episode's beginning.
        fps: Frames per second.
        times: float64 (T,), when frames were really seen.

    Raises:
        UserError: If it has no frame for a row.
    """
    wanted = place.start_seconds + row_seconds
    frames = nearest_frames(wanted, film.times_seconds)
    off = np.abs(film.times_seconds[frames] - wanted)
    is_counted = place.start_frame is not None and place.num_frames == len(film.pts)
    if is_counted and not (off <= CLEAR_SHARE / fps).all():
        part = FilmPart(film, rows + place.start_frame)
        return ForeignView(times, part.pictures, part)
    missing = np.flatnonzero(~(off <= 0.5 / fps))
    if missing.size:
        at = int(missing[0])
        raise UserError(
            f"{film.path} has no frame at {wanted[at]:.3f} s (row {at}); the nearest is "
            f"{off[at]:.3f} s off"
        )
    part = FilmPart(film, frames)
    return ForeignView(times, part.pictures, part)


def picture_view(
    table: pa.Table, key: str, rows: np.ndarray, times: np.ndarray, place: Place
) -> ForeignView:
    """Return pictures that stand in a table, or beside it, as a view.

    Args:
        table: The rows of an episode.
        key: The column.
        rows: int64 (T,), which rows have a frame of their own.
        times: float64 (T,), when frames were seen.
        place: The dataset's folder.

    Raises:
        UserError: If there is no such column.
    """
    if key not in table.column_names:
        raise UserError(f"{place.root} has no column {key!r}, which its features name; restore it")
    column = table[key].take(rows)

    def read_all() -> Iterator[np.ndarray]:
        first: np.ndarray | None = None
        for row, entry in enumerate(column):
            picture = _picture(entry.as_py(), row, place)
            first = picture if first is None else first
            if picture.shape != first.shape:
                raise UserError(
                    f"{key}: the picture in row {row} of {place.root} has {_size(picture)} pixels, "
                    f"the first one {_size(first)}; scale them first"
                )
            yield picture

    return ForeignView(times, read_all)


def _picture(entry: Any, row: int, place: Place) -> np.ndarray:
    content = entry.get("bytes") if isinstance(entry, dict) else entry
    if content is None and isinstance(entry, dict) and entry.get("path"):
        path = place.file(str(entry["path"]))
        content = path.read_bytes() if path.is_file() else None
    if not isinstance(content, bytes) or not content:
        raise UserError(f"row {row} of {place.root} has no picture")
    try:
        picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR_RGB)
    except cv2.error:  # it says that it is larger than any
        picture = None
    if picture is None:
        raise UserError(f"the picture in row {row} of {place.root} cannot be decoded")
    return picture


def _size(picture: np.ndarray) -> str:
    return f"{picture.shape[1]}x{picture.shape[0]}"


def view_of(feature: str) -> str:
    """Return what a camera is called by itself."""
    for prefix in (layout.CAMERA_PREFIX, "observation.image.", "observation."):
        if feature.startswith(prefix) and len(feature) > len(prefix):
            return feature[len(prefix) :]
    return feature

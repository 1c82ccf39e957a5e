"""Plain folders of pictures: one folder per view, in natural order, times beside them if known."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

import cv2
import numpy as np

from tcn_robot.errors import UserError, unknown_name
from tcn_robot.recordings import format as dataset_format
from tcn_robot.recordings.capture.files import PICTURE_SUFFIXES, lost_of_picture, read_picture
from tcn_robot.recordings.formats.exporting import (
    chosen_views,
    note_usual_losses,
    refuse_other_length,
)
from tcn_robot.recordings.formats.films import CLOSEST_TICKS
from tcn_robot.recordings.formats.foreign import (
    Contents,
    ForeignDataset,
    ForeignEpisode,
    ForeignView,
    ReadOptions,
    WriteOptions,
)
from tcn_robot.recordings.formats.losses import Losses
from tcn_robot.recordings.formats.places import SPLIT_NAMES, Place, split_of, task_of, view_names
from tcn_robot.recordings.reader import Recording
from tcn_robot.recordings.video import TICKS_PER_SECOND, iterate_video

TIMES_FILE = "times.csv"
FOLDERS = ("views", "episodes")
_TIME_COLUMNS = ("time_seconds", "time", "timestamp", "seconds")
_VIEW_FOLDER = re.compile(r"(?P<name>.+)_(?P<view>view_*\d+)")
_OUR_EPISODE = re.compile(r"episode_\d{6,}")


class Frames:
    """Reads and writes such folders."""

    LOSSES: Mapping[str, str] = {
        "times": "times.csv holds them exactly, but not that they are {}",
        "robot": "what the robot did and felt ({}) has no place",
        "the rest": "task, success, cameras and what else is known ({}) have no place",
    }

    def describe_losses(self) -> Mapping[str, str]:
        """Return what these folders hold and lose."""
        return {
            "pictures": "frame-exact: PNG is written; read with `--encode lossless`",
            "times": "exact in `times.csv`, else `--rate`; the clock is lost",
            "views": "any number, each of its own length; one folder each",
            "splits": "one folder each",
            "task": "lost, but for the folder's name",
            "robot": "lost",
            "the rest": "lost",
        }

    def read(self, path: Path, options: ReadOptions) -> ForeignDataset:
        """List the episodes: `EPISODE/VIEW/*.png`, below a folder of a split if there is one."""
        if options.folders not in (None, *FOLDERS):
            raise unknown_name("value of --folders", str(options.folders), FOLDERS)
        place = Place(path, options.follow_links)
        leaves = {
            place.name_of(folder): sorted_pictures
            for folder, files in place.walk()
            if (sorted_pictures := [one for one in files if _is_picture(one)])
        }
        if not leaves:
            raise UserError(f"{path} has no picture ({' '.join(PICTURE_SUFFIXES)})")
        grouped: dict[str, dict[str, str]] = {}
        for name in leaves:
            episode, view = _place_in_episode(name, len(leaves), options.folders, path)
            grouped.setdefault(episode, {})[view] = name
        episodes = []
        for episode, views in grouped.items():
            pictures = {view: leaves[name] for view, name in views.items()}
            folders = {view: path / name for view, name in views.items()}
            split = split_of(f"{episode}/x", path)
            episodes.append(_episode(episode, pictures, folders, split, options.rate_hz))
        return ForeignDataset(episodes, task_of(path))

    def write(
        self, recording: Recording, path: Path, options: WriteOptions, losses: Losses
    ) -> Iterator[int]:
        """Write each frame as `<split>/episode_<id>/<view>/<frame>.png`, times beside them."""
        if options.resample or options.encode != "as-needed" or options.rate_hz is not None:
            raise UserError(
                "frames takes each picture with its own time: leave out --resample, --encode and "
                "--rate"
            )
        for episode in recording:
            for view in chosen_views(episode, options.views):
                folder = path / episode.split / episode.path.name / view
                folder.mkdir(parents=True)
                film = episode.path / dataset_format.video_name(view)
                num_frames = 0
                for _, picture in iterate_video(film):
                    _write_picture(folder / f"{num_frames:06d}.png", picture)
                    num_frames += 1
                refuse_other_length(episode, view, num_frames)
                times = episode.timestamps(view)
                (folder / TIMES_FILE).write_text(_times_text(times), encoding="utf-8")
            clock = (episode.metadata.get("clock") or {}).get("name")
            if clock != "film":
                losses.add("times", episode.id, f"on the clock {clock!r}")
            note_usual_losses(episode, losses)
            yield episode.id


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in PICTURE_SUFFIXES


def _place_in_episode(
    name: str, num_folders: int, meaning: str | None, root: Path
) -> tuple[str, str]:
    """Return which episode and view a folder of pictures is."""
    parts = PurePosixPath(name).parts
    above = parts[-2] if len(parts) > 1 else root.resolve().name
    if parts and _OUR_EPISODE.fullmatch(above) and meaning != "episodes":
        return PurePosixPath(*parts[:-1]).as_posix(), parts[-1]
    in_split = [part for part in parts if part.lower() not in SPLIT_NAMES]
    # Further down a name is a view's, whatever it is.
    match = _VIEW_FOLDER.fullmatch(parts[-1]) if len(in_split) == 1 else None
    if match is not None and meaning is None:
        return PurePosixPath(*parts[:-1], match["name"]).as_posix(), match["view"]
    if meaning == "episodes" or not in_split or num_folders == 1:
        return name, "view0"
    if len(in_split) == 1 and meaning is None:
        raise UserError(
            f"{root} has {num_folders} folders of pictures, such as {name!r}: say with --folders "
            "whether they are views of one episode or episodes"
        )
    return PurePosixPath(*parts[:-1]).as_posix(), parts[-1]


def _episode(
    name: str,
    pictures: Mapping[str, Sequence[Path]],
    folders: Mapping[str, Path],
    split: str | None,
    rate_hz: float | None,
) -> ForeignEpisode:
    called = view_names(pictures)
    notes = [f"the view {view!r} is called {new!r}" for view, new in called.items() if view != new]
    tables = [folder / TIMES_FILE for folder in folders.values()]
    files = [file for view in pictures for file in pictures[view]]
    files += [table for table in tables if table.is_file()]

    def load() -> Contents:
        views = {
            called[view]: picture_view(folders[view], pictures[view], rate_hz) for view in pictures
        }
        lost = [said for view in pictures for said in lost_notes(called[view], pictures[view])]
        return Contents(views, notes=[*notes, *lost], rate_hz=rate_hz)

    return ForeignEpisode(name, files, load, split)


def lost_notes(view: str, pictures: Sequence[Path]) -> list[str]:
    """Return what 8 bits of red, green and blue cannot hold of a view's pictures, one line each."""
    files: dict[str, list[Path]] = {}
    for path in pictures:
        if (lost := lost_of_picture(path)) is not None:
            files.setdefault(lost, []).append(path)
    return [
        f"{view}: {len(paths)} pictures, such as {paths[0].name}, {lost}"
        for lost, paths in files.items()
    ]


def picture_view(folder: Path, pictures: Sequence[Path], rate_hz: float | None) -> ForeignView:
    """Return pictures as a view, at the times beside them or at a rate.

    Raises:
        UserError: If neither is known, or the times do not fit the pictures.
    """
    if (folder / TIMES_FILE).is_file():
        times = _read_times(folder / TIMES_FILE, pictures)
    elif rate_hz is not None:
        times = np.arange(len(pictures)) / rate_hz
    else:
        raise UserError(
            f"{folder} has pictures without times: say how many there are per second with --rate, "
            f"or write {TIMES_FILE} beside them (frame,time_seconds)"
        )

    def read_all() -> Iterator[np.ndarray]:
        size = None
        for path in pictures:
            picture = read_picture(path)
            size = size or picture.shape
            if picture.shape != size:
                raise UserError(
                    f"{path} is {picture.shape[1]}x{picture.shape[0]} px, the first picture "
                    f"{size[1]}x{size[0]}; give them one size"
                )
            yield picture

    return ForeignView(times, read_all)


def _read_times(path: Path, pictures: Sequence[Path]) -> np.ndarray:
    """Return the time of each picture, float64 (T,), in the order of the pictures."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        rows = [row for row in csv.reader(text.splitlines()) if any(cell.strip() for cell in row)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path} is no table of times ({error})") from error
    header = [cell.strip().lower() for cell in rows[0]] if rows else []
    column = next((header.index(name) for name in _TIME_COLUMNS if name in header), None)
    names = header.index("file") if column is not None and "file" in header else None
    body = rows if column is None else rows[1:]
    times = [_number(row, len(row) - 1 if column is None else column, path) for row in body]
    if len(times) != len(pictures):
        raise UserError(f"{path} has {len(times)} times for {len(pictures)} pictures")
    if names is not None:
        by_file = {
            row[names].strip(): time
            for row, time in zip(body, times, strict=True)
            if len(row) > names
        }
        missing = [picture.name for picture in pictures if picture.name not in by_file]
        if missing:
            raise UserError(f"{path} has no time for {missing[0]!r}")
        times = [by_file[picture.name] for picture in pictures]
    found = np.array(times, np.float64)
    if (np.diff(found) * TICKS_PER_SECOND < CLOSEST_TICKS).any():
        at = int(np.argmin(np.diff(found)))
        raise UserError(f"{path}: the time of picture {at + 1} is not after the one before")
    return found


def _number(row: Sequence[str], column: int, path: Path) -> float:
    try:
        value = float(row[column])
    except (ValueError, IndexError):
        value = math.nan
    if not math.isfinite(value):
        raise UserError(f"{path}: expected a time in seconds, found {','.join(row)!r}")
    return value


def _write_picture(path: Path, picture: np.ndarray) -> None:
    written, content = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    assert written
    path.write_bytes(content.tobytes())


def _times_text(times_seconds: np.ndarray) -> str:
    lines = [f"{frame},{float(time)!r}\n" for frame, time in enumerate(times_seconds)]
    return "frame,time_seconds\n" + "".join(lines)

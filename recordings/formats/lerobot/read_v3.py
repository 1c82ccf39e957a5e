"""Reads LeRobot 3.0: many episodes in one file, told apart by `meta/episodes`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa

from tcn_robot.errors import UserError
from tcn_robot.progress import progress
from tcn_robot.recordings.formats.films import read_film
from tcn_robot.recordings.formats.foreign import (
    Contents,
    ForeignDataset,
    ForeignEpisode,
    ForeignView,
    ReadOptions,
)
from tcn_robot.recordings.formats.importing import FILM_CLOCK
from tcn_robot.recordings.formats.lerobot import layout
from tcn_robot.recordings.formats.lerobot.json_files import whole_number
from tcn_robot.recordings.formats.lerobot.marks import EpisodeMark
from tcn_robot.recordings.formats.lerobot.ours import Ours, columns_of, read_ours, still_fits
from tcn_robot.recordings.formats.lerobot.reading import (
    FilmPlace,
    Info,
    film_view,
    picture_view,
    read_info,
    row_times,
    view_of,
)
from tcn_robot.recordings.formats.lerobot.rows import read_steps
from tcn_robot.recordings.formats.lerobot.table_files import (
    MOST_SECONDS,
    read_columns,
    rows_of_episode,
)
from tcn_robot.recordings.formats.places import Place, expand, natural, task_of, view_names

VERSIONS = ("v3.0",)
MANY_EPISODES = 2000
Row = TypeVar("Row")


@dataclass(frozen=True)
class Part:
    """Where the rows and the frames of one episode are.

    Attributes:
        index: Number of the episode.
        length: Rows that it should have.
        tasks: What it shows, as it is said.
        data: Its table, which may hold other episodes too.
        films: By feature: where it is in which film.
    """

    index: int
    length: int | None
    tasks: tuple[str, ...]
    data: Path
    films: Mapping[str, FilmPlace]


def read_v3(path: Path, options: ReadOptions) -> ForeignDataset:
    """List the episodes of a dataset.

    Raises:
        UserError: If it is none, or of another version, or names files outside of itself.
    """
    place = Place(path, options.follow_links)
    info = read_info(place, VERSIONS)
    tasks = _read_tasks(place)
    parts = [_part(place, info, row) for row in listed(_episode_rows(place), place)]
    return dataset_of(place, info, tasks, counted(parts))


def listed(rows: Sequence[Row], place: Place) -> Iterable[Row]:
    """Return the rows; where there are many, how far one has come with them is shown."""
    if len(rows) < MANY_EPISODES:
        return rows
    return progress(rows, len(rows), f"listing {place.root}", "episodes")


def counted(parts: Sequence[Part]) -> list[Part]:
    """Return the parts with how many frames are before each in its film, where that is known."""
    by_film: dict[tuple[str, Path], list[Part]] = {}
    for part in parts:
        for key, film in part.films.items():
            by_film.setdefault((key, film.path), []).append(part)
    films: dict[tuple[int, str], FilmPlace] = {}
    for (key, _), together in by_film.items():
        lengths = [part.length for part in together]
        if any(length is None for length in lengths):
            continue
        total = sum(length or 0 for length in lengths)
        start = 0
        for part in sorted(together, key=lambda one: one.films[key].start_seconds):
            found = replace(part.films[key], start_frame=start, num_frames=total)
            films[part.index, key] = found
            start += part.length or 0
    return [
        replace(
            part,
            films={key: films.get((part.index, key), film) for key, film in part.films.items()},
        )
        for part in parts
    ]


def dataset_of(
    place: Place, info: Info, tasks: Mapping[int, str], parts: list[Part]
) -> ForeignDataset:
    """Return a dataset whose episodes are loaded one by one.

    Raises:
        UserError: If an episode is there twice, or there is no camera.
    """
    if len({part.index for part in parts}) < len(parts):
        raise UserError(f"{place.root} has an episode twice in meta/episodes; restore that")
    if not info.cameras:
        raise UserError(f"{place.root} has no camera: nothing but rows of numbers")
    if not parts:
        raise UserError(f"{place.root} has no episode")
    ours = read_ours(place)
    notes = list(info.notes)
    if info.depth_cameras:
        said = ", ".join(info.depth_cameras)
        notes.append(f"depth has no place in 8-bit colour, left out: {said}")
    episodes = [_episode(place, info, tasks, part, ours) for part in parts]
    shown = {task for part in parts for task in part.tasks}
    return ForeignDataset(episodes, shown.pop() if len(shown) == 1 else task_of(place.root), notes)


def _read_tasks(place: Place) -> dict[int, str]:
    """Return what task numbers mean; pandas may have called the column anything."""
    path = place.file(layout.TASKS_FILE)
    table = read_columns(path)
    texts = [one for one in table.column_names if pa.types.is_string(table[one].type)]
    texts += [one for one in table.column_names if pa.types.is_large_string(table[one].type)]
    if "task_index" not in table.column_names or not texts:
        raise UserError(f"{path} should have a column task_index and one of text; restore it")
    name = "task" if "task" in texts else texts[0]
    pairs = zip(table["task_index"].to_pylist(), table[name].to_pylist(), strict=True)
    return {index: str(text) for index, text in pairs if whole_number(index) is not None}


def _episode_rows(place: Place) -> list[dict[str, Any]]:
    """Return the rows of `meta/episodes`, without the figures."""
    folder = place.file("meta/episodes")
    files = sorted(
        folder.glob("*/*.parquet"), key=lambda path: (natural(path.parent), natural(path))
    )
    if not files:
        raise UserError(f"{place.root} has no meta/episodes; restore it")
    rows: list[dict[str, Any]] = []
    for file in files:
        rows += read_columns(
            place.checked(file), lambda name: not name.startswith("stats/")
        ).to_pylist()
    if any(whole_number(row.get("episode_index")) is None for row in rows):
        raise UserError(f"{folder}: a row has no episode_index, from 0 on; restore it")
    return sorted(rows, key=lambda row: int(row["episode_index"]))


def _part(place: Place, info: Info, row: Mapping[str, Any]) -> Part:
    index = int(row["episode_index"])

    def number(name: str) -> int:
        if (found := whole_number(row.get(name))) is None:
            raise UserError(f"meta/episodes does not say {name} of episode {index}; restore it")
        return found

    def place_of(template: str, prefix: str, **values: str) -> Path:
        places = {one: number(f"{prefix}/{one}") for one in ("chunk_index", "file_index")}
        return place.file(expand(template, **places, **values))

    films = {}
    for key in info.cameras:
        if info.features[key]["dtype"] == "video":
            start = row.get(f"videos/{key}/from_timestamp")
            if not isinstance(start, (int, float)) or not abs(start) <= MOST_SECONDS:
                raise UserError(
                    f"meta/episodes does not say where {key} of episode {index} begins; restore it"
                )
            template = info.video_path or layout.VIDEO_PATH
            film = place_of(template, f"videos/{key}", video_key=key)
            films[key] = FilmPlace(film, float(start))
    return Part(
        index,
        whole_number(row.get("length")),
        task_names(row.get("tasks")),
        place_of(info.data_path or layout.DATA_PATH, "data"),
        films,
    )


def task_names(said: Any) -> tuple[str, ...]:
    """Return the tasks that a description of an episode names."""
    if isinstance(said, str):
        return (said,)
    return tuple(str(task) for task in said) if isinstance(said, (list, tuple)) else ()


def _episode(
    place: Place,
    info: Info,
    tasks: Mapping[int, str],
    part: Part,
    ours: Ours,
) -> ForeignEpisode:
    said = ours.episodes.get(part.index)
    mark = EpisodeMark(part.index, info.fps, part.tasks, part.data, part.films, said)

    def load() -> Contents:
        return load_episode(place, info, tasks, part, ours)

    return ForeignEpisode(f"episode {part.index}", [mark], load, info.split_of(part.index))


def load_episode(
    place: Place,
    info: Info,
    tasks: Mapping[int, str],
    part: Part,
    ours: Ours,
) -> Contents:
    """Return what is in one episode.

    Raises:
        UserError: If a file is missing or damaged, or rows and frames do not fit each other.
    """
    table = _rows_of(part)
    grid = row_times(table, info.fps, part.data)
    measured = _measured_times(table, info)
    called = view_names(view_of(key) for key in info.cameras)
    views: dict[str, ForeignView] = {}
    for key in info.cameras:
        times = measured.get(view_of(key), grid)
        # A row that shows the frame before again is no frame of its own.
        kept = np.flatnonzero(np.diff(times, prepend=-np.inf) > 0)
        if key in part.films:
            where = part.films[key]
            film = read_film(where.path)
            view = film_view(film, where, kept, grid[kept], info.fps, times[kept])
        else:
            view = picture_view(table, key, kept, times[kept], place)
        views[called[view_of(key)]] = view
    said = ours.episodes.get(part.index)
    if said is None or not measured or not still_fits(said, np.stack([*measured.values()], 1)):
        said, ours = None, Ours()
    found = read_steps(
        table,
        info.features.keys() & {*info.cameras, *info.depth_cameras},
        tasks,
        columns_of(said or {}),
    )
    metadata = _metadata(info, part, said, ours)
    if any(len(view.times_seconds) < len(grid) for view in views.values()):
        _no_simulator(metadata)
    if found.features:
        metadata[layout.COLUMNS_FIELD] = found.features
    steps = found.columns
    if said and said.get("last_action_made_up") is True and "action" in steps:
        steps["action"][-1] = None
    if steps:
        steps = {"time_seconds": _step_times(views, grid), **steps}
    notes = list(found.notes)
    notes += [f"the view {key!r} is called {new!r}" for key, new in called.items() if key != new]
    return Contents(views, steps or None, metadata, info.fps, notes)


def _metadata(info: Info, part: Part, said: Mapping[str, Any] | None, ours: Ours) -> dict[str, Any]:
    """Return what `episode.json` shall say besides what is measured."""
    metadata: dict[str, Any] = {"embodiment": info.robot} if info.robot else {}
    # Our export writes the dataset's task where an episode has no label.
    if len(part.tasks) == 1 and part.tasks[0] != ours.task:
        metadata["label"] = part.tasks[0]
    return metadata | (dict(said["metadata"]) if said else {})


def _no_simulator(metadata: dict[str, Any]) -> None:
    """Take back that an episode is a simulator's: each of its rows would have a frame."""
    if (metadata.get("clock") or {}).get("name") == "simulation":
        metadata["clock"] = FILM_CLOCK


def _step_times(views: Mapping[str, ForeignView], grid: np.ndarray) -> list[float]:
    """Return when rows were: the times of a view that has a frame of its own in each of them."""
    for view in views.values():
        if len(view.times_seconds) == len(grid):
            return [float(time) for time in view.times_seconds]
    first = min(float(view.times_seconds[0]) for view in views.values())
    return [float(time) for time in first + grid]


def _rows_of(part: Part) -> pa.Table:
    rows = rows_of_episode(part.data, part.index)
    if rows.num_rows == 0 or part.length not in (None, rows.num_rows):
        raise UserError(
            f"{part.data} has {rows.num_rows} rows of episode {part.index}, expected {part.length}"
        )
    return rows


def _measured_times(table: pa.Table, info: Info) -> dict[str, np.ndarray]:
    """Return when frames were really seen, float64 (T,) by view, where our export wrote it."""
    names = (info.features.get(layout.TIME_COLUMN) or {}).get("names")
    if layout.TIME_COLUMN not in table.column_names or not isinstance(names, list):
        return {}
    rows = [
        one if isinstance(one, list) else [one] for one in table[layout.TIME_COLUMN].to_pylist()
    ]
    is_table = all(len(row) == len(names) and all(map(_is_number, row)) for row in rows)
    values = np.array(rows, np.float64) if is_table else np.full((1, 1), np.nan)
    runs = bool((np.abs(values) <= MOST_SECONDS).all()) and (np.diff(values, axis=0) >= 0).all()
    is_whole = values.shape[1] == len(names) and runs
    return {str(name): values[:, at] for at, name in enumerate(names)} if is_whole else {}


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float))

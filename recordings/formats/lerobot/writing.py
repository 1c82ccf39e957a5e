"""Writes a dataset as LeRobot 3.0, so that LeRobot and its viewers open it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tcn_robot.errors import UserError
from tcn_robot.recordings.format import json_text
from tcn_robot.recordings.formats.alignment import Rows
from tcn_robot.recordings.formats.foreign import WriteOptions
from tcn_robot.recordings.formats.lerobot import layout
from tcn_robot.recordings.formats.lerobot.columns import (
    Column,
    settled_kinds,
    step_columns,
    unusual_names,
)
from tcn_robot.recordings.formats.lerobot.films import CameraFilms
from tcn_robot.recordings.formats.lerobot.ours import describe_ours
from tcn_robot.recordings.formats.lerobot.plan import plan_dataset
from tcn_robot.recordings.formats.lerobot.stats import Stats, as_columns, joined, value_stats
from tcn_robot.recordings.formats.losses import Losses
from tcn_robot.recordings.reader import Episode, Recording

_SPLIT_NAMES = {"train": "train", "valid": "val", "test": "test"}


class DatasetFiles:
    """Writes the files of one dataset, episode by episode.

    Args:
        root: New folder.
        rate_hz: Frames per second of all films.
        kinds: By column of the steps, its type in all episodes.
        options: What was asked for.
        losses: Takes what cannot be held.
    """

    def __init__(
        self,
        root: Path,
        rate_hz: int,
        kinds: Mapping[str, str],
        options: WriteOptions,
        losses: Losses,
    ) -> None:
        self._root = root
        self._kinds = kinds
        self._rate_hz = rate_hz
        self._options = options
        self._losses = losses
        self._features: dict[str, Any] = {}
        self._tasks: dict[str, int] = {}
        self._cameras: dict[str, CameraFilms] = {}
        self._data: pq.ParquetWriter | None = None
        self._data_number = layout.FileNumber()
        self._data_path = root
        self._num_frames = 0
        self._episodes: list[dict[str, Any]] = []
        self._stats: dict[str, list[Stats]] = {}
        self._ours: list[dict[str, Any]] = []

    def add(self, episode: Episode, views: Sequence[str], rows: Rows, task: str) -> None:
        """Write one episode."""
        index = len(self._episodes)
        task_index = self._tasks.setdefault(task, len(self._tasks))
        steps = step_columns(episode, rows, views[0], self._kinds, self._losses)
        columns = dict(steps.columns)
        columns[layout.TIME_COLUMN] = _times(rows, views)
        self._settle_features(episode, columns, views)
        columns |= _default_columns(rows, index, self._num_frames, task_index, self._rate_hz)
        row: dict[str, Any] = {"episode_index": index, "tasks": [task], "length": len(rows)}
        row |= self._write_data(columns)
        stats: dict[str, Stats] = {}
        for view in views:
            key = layout.CAMERA_PREFIX + view
            placed, stats[key] = self._cameras[key].add(episode, view, rows.frames[view])
            row |= placed
        stats |= {
            name: value_stats(column.values)
            for name, column in columns.items()
            if column.dtype != "string"
        }
        row |= as_columns(stats)
        for name, figures in stats.items():
            self._stats.setdefault(name, []).append(figures)
        self._episodes.append(row)
        self._ours.append(
            describe_ours(
                episode, index, rows, views, unusual_names(steps.names), steps.is_action_made_up
            )
        )
        self._num_frames += len(rows)

    def _settle_features(
        self, episode: Episode, columns: Mapping[str, Column], views: Sequence[str]
    ) -> None:
        """Take the features from the first episode; the others must have the same."""
        found: dict[str, Any] = {name: column.feature for name, column in columns.items()}
        found[layout.TIME_COLUMN]["names"] = list(views)
        for view in views:
            entry = episode.metadata["views"][view]
            shape = [_pixels(episode, entry, side) for side in ("height_px", "width_px")] + [3]
            names = ["height", "width", "channels"]
            key = layout.CAMERA_PREFIX + view
            found[key] = {"dtype": "video", "shape": shape, "names": names}
        if not self._features:
            self._features = found
            self._cameras = {
                key: CameraFilms(self._root, key, self._rate_hz, self._options, self._losses)
                for key, feature in found.items()
                if feature["dtype"] == "video"
            }
            return
        for name in [*self._features, *found]:
            here, first = found.get(name), self._features.get(name)
            if here != first:
                raise UserError(
                    f"episode {episode.id}: {name} is {_said(here)}, in the first episode "
                    f"{_said(first)}; LeRobot needs the same in all: choose --views, or split the "
                    "dataset"
                )

    def _write_data(self, columns: Mapping[str, Column]) -> dict[str, Any]:
        table = pa.table({name: column.array() for name, column in columns.items()})
        is_full = self._data is not None and self._data_path.stat().st_size > layout.DATA_FILE_BYTES
        if self._data is not None and is_full:
            self._data.close()
            self._data = None
            self._data_number.advance()
        if self._data is None:
            self._data_path = self._data_number.path(self._root, layout.DATA_PATH)
            self._data = pq.ParquetWriter(self._data_path, table.schema, compression="snappy")
        self._data.write_table(table)
        return {
            **self._data_number.as_columns("data"),
            "dataset_from_index": self._num_frames,
            "dataset_to_index": self._num_frames + table.num_rows,
        }

    def close(self) -> None:
        """Finish the films and the tables; nothing may be added."""
        if self._data is not None:
            self._data.close()
            self._data = None
        for camera in self._cameras.values():
            camera.close()

    def abort(self) -> None:
        """Let the files go as they are; the folder will be removed."""
        if self._data is not None:
            self._data.close()
        for camera in self._cameras.values():
            camera.abort()

    def describe(self, recording: Recording, splits: Mapping[str, str]) -> None:
        """Write what stands in `meta/`."""
        meta = self._root / layout.INFO_FILE
        meta.parent.mkdir(parents=True, exist_ok=True)
        for key, camera in self._cameras.items():
            self._features[key]["info"] = camera.info()
        info = layout.describe_dataset(
            {**self._features, **layout.DEFAULT_FEATURES},
            self._rate_hz,
            len(self._episodes),
            self._num_frames,
            len(self._tasks),
            splits,
            _robot(recording),
        )
        layout.write_json(meta, info)
        total = {name: joined(figures) for name, figures in self._stats.items()}
        plain = {
            name: {figure: values.tolist() for figure, values in figures.items()}
            for name, figures in total.items()
        }
        layout.write_json(self._root / layout.STATS_FILE, plain)
        layout.write_tasks(self._root / layout.TASKS_FILE, list(self._tasks))
        number = layout.FileNumber()
        for start in range(0, len(self._episodes), layout.EPISODES_PER_FILE):
            part = self._episodes[start : start + layout.EPISODES_PER_FILE]
            numbered = [{**one, **number.as_columns("meta/episodes")} for one in part]
            path = number.path(self._root, layout.EPISODES_PATH)
            pq.write_table(pa.Table.from_pylist(numbered), path)
            number.advance()
        ours = {
            "format": "tcn_robot.lerobot",
            "format_version": 1,
            "task": recording.task,
            "kind": recording.metadata.get("kind"),
            "episodes": self._ours,
        }
        layout.write_json(self._root / layout.OURS_FILE, ours)


def write_dataset(
    recording: Recording, path: Path, options: WriteOptions, losses: Losses
) -> Iterator[int]:
    """Write a dataset; yield the id of each episode when it is done.

    Raises:
        UserError: If it cannot stand in this format as asked.
    """
    for episode in recording:
        _refuse_unwritable(episode)
    # All rows first: what cannot be is said before anything is encoded.
    plan = plan_dataset(recording, options)
    episodes, views, rows, rate_hz = plan.episodes, plan.views, plan.rows, plan.rate_hz
    files = DatasetFiles(path, rate_hz, settled_kinds(episodes), options, losses)
    try:
        for index, episode in enumerate(episodes):
            task = episode.metadata.get("label") or episode.metadata.get("task") or recording.task
            files.add(episode, views[episode.id], rows[episode.id], str(task))
            _note_losses(episode, index, rows[episode.id], options, losses)
            yield episode.id
        files.close()
    except BaseException:
        files.abort()
        raise
    files.describe(recording, _splits(episodes))


def _refuse_unwritable(episode: Episode) -> None:
    """Refuse what somebody may have written into `episode.json` and no format can hold."""
    try:
        json_text(episode.metadata).encode("utf-8")
    except ValueError as error:
        raise UserError(
            f"{episode.path} has an episode.json that cannot be written again ({error}); restore it"
        ) from error


def _pixels(episode: Episode, entry: Mapping[str, Any], side: str) -> int:
    found = entry.get(side)
    if not isinstance(found, int) or found < 1:
        raise UserError(f"{episode.path} says {side} {found!r}; `tcn-robot check` tells more")
    return found


def _times(rows: Rows, views: Sequence[str]) -> Column:
    """Return when each view's frame was really seen, float64 (T, V)."""
    return Column(np.stack([rows.times_seconds[view] for view in views], axis=1), "float64")


def _default_columns(
    rows: Rows, index: int, start: int, task_index: int, rate_hz: int
) -> dict[str, Column]:
    numbers = np.arange(len(rows))
    return {
        "timestamp": Column((numbers / rate_hz).astype(np.float32), "float32"),
        "frame_index": Column(numbers, "int64"),
        "episode_index": Column(np.full(len(rows), index), "int64"),
        "index": Column(start + numbers, "int64"),
        "task_index": Column(np.full(len(rows), task_index), "int64"),
    }


def _splits(episodes: Sequence[Episode]) -> dict[str, str]:
    """Return the ranges of the splits; episodes are in their order."""
    names = [episode.split for episode in episodes]
    ranges = {}
    for split in dict.fromkeys(names):
        start = names.index(split)
        ranges[_SPLIT_NAMES[split]] = f"{start}:{start + names.count(split)}"
    return ranges


def _robot(recording: Recording) -> str | None:
    found = {str(one.metadata.get("embodiment")) for one in recording}
    name = found.pop() if len(found) == 1 else "None"
    return None if name == "None" else name


def _said(feature: Mapping[str, Any] | None) -> str:
    return "absent" if feature is None else f"{feature['dtype']} {feature['shape']}"


def _note_losses(
    episode: Episode, index: int, rows: Rows, options: WriteOptions, losses: Losses
) -> None:
    if rows.worst_error_seconds > layout.TOLERANCE_SECONDS:
        losses.add("times", episode.id, f"{rows.worst_error_seconds:.4f}")
    if options.resample:
        counts = {view: rows.repeated_and_left_out(view) for view in rows.frames}
        said = [
            f"{view} {again} repeated, {left} left out" for view, (again, left) in counts.items()
        ]
        if any(again or left for again, left in counts.values()):
            losses.add("frames", episode.id, "; ".join(said))
    if index != episode.id:
        losses.add("ids", episode.id, f"episode {episode.id} is {index}")

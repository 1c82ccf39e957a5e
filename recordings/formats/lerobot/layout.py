"""Where things lie in a LeRobot dataset 3.0, and what its small files say.

From the public source of LeRobot (`src/lerobot/datasets`): many episodes lie in one Parquet file
and in one film per camera; `meta/episodes` says where each begins.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

VERSION = "v3.0"
INFO_FILE = "meta/info.json"
STATS_FILE = "meta/stats.json"
TASKS_FILE = "meta/tasks.parquet"
OURS_FILE = "meta/tcn_robot.json"
EPISODES_PATH = "meta/episodes/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
DATA_PATH = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
VIDEO_PATH = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
FILES_PER_CHUNK = 1000
DATA_FILE_BYTES = 100 * 1024**2
VIDEO_FILE_BYTES = 200 * 1024**2
EPISODES_PER_FILE = 10_000

CAMERA_PREFIX = "observation.images."
STATE = "observation.state"
ACTION = "action"
OUR_PREFIX = "tcn_robot."
TIME_COLUMN = f"{OUR_PREFIX}time_seconds"
# Of episode.json: features that columns were, where their names are not the usual ones.
COLUMNS_FIELD = "lerobot_columns"
DEFAULT_FEATURES: dict[str, dict[str, Any]] = {
    "timestamp": {"dtype": "float32", "shape": [1], "names": None},
    "frame_index": {"dtype": "int64", "shape": [1], "names": None},
    "episode_index": {"dtype": "int64", "shape": [1], "names": None},
    "index": {"dtype": "int64", "shape": [1], "names": None},
    "task_index": {"dtype": "int64", "shape": [1], "names": None},
}
# By which a row is found to be that of an instant; LeRobot's readers allow as much.
TOLERANCE_SECONDS = 1e-4


class FileNumber:
    """Counts the files of one kind, a thousand to a chunk."""

    def __init__(self) -> None:
        self.chunk_index = 0
        self.file_index = 0

    def advance(self) -> None:
        """Go on to the next file."""
        self.file_index += 1
        if self.file_index == FILES_PER_CHUNK:
            self.chunk_index, self.file_index = self.chunk_index + 1, 0

    def as_columns(self, prefix: str) -> dict[str, int]:
        """Return what `meta/episodes` says of an episode in the present file."""
        return {
            f"{prefix}/chunk_index": self.chunk_index,
            f"{prefix}/file_index": self.file_index,
        }

    def path(self, root: Path, template: str, **values: str) -> Path:
        """Return the present file's path; its folder is made."""
        name = template.format(chunk_index=self.chunk_index, file_index=self.file_index, **values)
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


def describe_dataset(
    features: Mapping[str, Any],
    fps: int,
    num_episodes: int,
    num_frames: int,
    num_tasks: int,
    splits: Mapping[str, str],
    robot: str | None,
) -> dict[str, Any]:
    """Return the content of `meta/info.json`."""
    return {
        "codebase_version": VERSION,
        "robot_type": robot,
        "total_episodes": num_episodes,
        "total_frames": num_frames,
        "total_tasks": num_tasks,
        "chunks_size": FILES_PER_CHUNK,
        "data_files_size_in_mb": DATA_FILE_BYTES // 1024**2,
        "video_files_size_in_mb": VIDEO_FILE_BYTES // 1024**2,
        "fps": fps,
        "splits": dict(splits),
        "data_path": DATA_PATH,
        "video_path": VIDEO_PATH,
        "features": dict(features),
    }


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file as LeRobot does; NaN is refused."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content, indent=4, ensure_ascii=False, allow_nan=False)
    path.write_text(text, encoding="utf-8")


def write_tasks(path: Path, tasks: Sequence[str]) -> None:
    """Write `meta/tasks.parquet`: a table of pandas whose index are the tasks' names.

    pandas finds its index by what it keeps in the schema, so that stands there.
    """
    columns = [
        _pandas_column("task_index", "int64", "int64"),
        _pandas_column("task", "unicode", "object"),
    ]
    unnamed = {**_pandas_column("", "unicode", "object"), "name": None, "field_name": None}
    described = {
        "index_columns": ["task"],
        "column_indexes": [{**unnamed, "metadata": {"encoding": "UTF-8"}}],
        "columns": columns,
        "creator": {"library": "pyarrow", "version": pa.__version__},
        "pandas_version": "2.2.3",
    }
    table = pa.table(
        {
            "task_index": pa.array(range(len(tasks)), pa.int64()),
            "task": pa.array(list(tasks), pa.string()),
        }
    ).replace_schema_metadata({"pandas": json.dumps(described)})
    pq.write_table(table, path)


def _pandas_column(name: str, kind: str, numpy_type: str) -> dict[str, Any]:
    return {
        "name": name,
        "field_name": name,
        "pandas_type": kind,
        "numpy_type": numpy_type,
        "metadata": None,
    }

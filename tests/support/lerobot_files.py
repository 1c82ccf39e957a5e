"""LeRobot datasets laid out by hand from its public description; nothing of ours is used.

Version 3.0: https://huggingface.co/docs/lerobot/lerobot-dataset-v3. Version 2.1 has one file per
episode instead.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

FPS = 10


@dataclass
class Made:
    """One episode: frames by camera, uint8 (T, H, W, 3), and rows beside them."""

    frames: dict[str, np.ndarray]
    columns: dict[str, list[Any]]
    tasks: list[str] = field(default_factory=lambda: ["put it away"])
    task_index: list[int] | None = None

    def __len__(self) -> int:
        return len(next(iter(self.frames.values())))


def made_episode(length: int, seed: int, cameras: Sequence[str]) -> Made:
    """An episode of pictures that differ from frame to frame and from camera to camera."""
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:48, 0:64]
    frames = {}
    for number, camera in enumerate(cameras):
        shade = (np.stack([rows * 4, columns * 3, rows + columns], 2) + 17 * seed) % 200
        film = np.repeat(shade[None].astype(np.uint8), length, axis=0)
        for index, picture in enumerate(film):
            left = (4 * index + 9 * number) % 50
            picture[6 + 9 * number : 18 + 9 * number, left : left + 12] = (240, 50 * number, 30)
        frames[camera] = film
    action = generator.normal(size=(length, 3)).astype(np.float32)
    return Made(frames, {"action": action.tolist(), "observation.state": (action * 2).tolist()})


def encode(path: Path, frames: np.ndarray, codec: str = "libsvtav1") -> None:
    """Write frames as LeRobot does: AV1, a key frame every second frame."""
    path.parent.mkdir(parents=True, exist_ok=True)
    options = {"g": "2", "crf": "30"}
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=Fraction(FPS), options=options)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        for picture in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))


def features_of(episode: Made, kind: str, more: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        key: {"dtype": kind, "shape": [*film.shape[1:]], "names": ["height", "width", "channels"]}
        for key, film in episode.frames.items()
    }
    for name, values in episode.columns.items():
        width = len(values[0]) if isinstance(values[0], list) else 1
        dtype = {str: "string", bool: "bool", int: "int64"}.get(type(values[0]), "float32")
        found[name] = {"dtype": dtype, "shape": [width], "names": None}
    for name, dtype in (
        ("timestamp", "float32"),
        *((name, "int64") for name in ("frame_index", "episode_index", "index", "task_index")),
    ):
        found[name] = {"dtype": dtype, "shape": [1], "names": None}
    return {**found, **more}


def table_of(episode: Made, index: int, start: int, images: bool) -> pa.Table:
    columns: dict[str, Any] = {}
    for name, values in episode.columns.items():
        is_vector = isinstance(values[0], list) and isinstance(values[0][0], float)
        kind = pa.list_(pa.float32(), len(values[0])) if is_vector else None
        columns[name] = pa.array(values, kind)
    if images:
        for key, film in episode.frames.items():
            pngs = [cv2.imencode(".png", one[:, :, ::-1])[1].tobytes() for one in film]
            entries = [{"bytes": png, "path": f"frame-{i:06d}.png"} for i, png in enumerate(pngs)]
            columns[key] = pa.array(entries)
    numbers = np.arange(len(episode))
    columns |= {
        "timestamp": pa.array((numbers / FPS).astype(np.float32)),
        "frame_index": pa.array(numbers),
        "episode_index": pa.array(np.full(len(episode), index)),
        "index": pa.array(start + numbers),
        "task_index": pa.array(episode.task_index or [0] * len(episode)),
    }
    return pa.table(columns)


def write_v3(
    root: Path,
    episodes: Sequence[Made],
    kind: str = "video",
    codec: str = "libsvtav1",
    episodes_per_film: int = 2,
    splits: dict[str, str] | None = None,
    more: dict[str, Any] | None = None,
) -> None:
    """Write a dataset 3.0 whose films hold several episodes and whose rows lie in one file."""
    tasks = list(dict.fromkeys(task for one in episodes for task in one.tasks))
    rows: list[dict[str, Any]] = []
    start = 0
    tables = []
    for index, episode in enumerate(episodes):
        rows.append(
            {
                "episode_index": index,
                "tasks": episode.tasks,
                "length": len(episode),
                "data/chunk_index": 0,
                "data/file_index": 0,
                "dataset_from_index": start,
                "dataset_to_index": start + len(episode),
                "stats/action/mean": [0.0, 0.0, 0.0],
                "meta/episodes/chunk_index": 0,
                "meta/episodes/file_index": 0,
            }
        )
        tables.append(table_of(episode, index, start, kind == "image"))
        start += len(episode)
    if kind == "video":
        for key in episodes[0].frames:
            for first in range(0, len(episodes), episodes_per_film):
                group = episodes[first : first + episodes_per_film]
                file = first // episodes_per_film
                seconds = 0.0
                for place, episode in enumerate(group):
                    rows[first + place] |= {
                        f"videos/{key}/chunk_index": 0,
                        f"videos/{key}/file_index": file,
                        f"videos/{key}/from_timestamp": seconds,
                        f"videos/{key}/to_timestamp": seconds + len(episode) / FPS,
                    }
                    seconds += len(episode) / FPS
                film = np.concatenate([episode.frames[key] for episode in group])
                encode(root / f"videos/{key}/chunk-000/file-{file:03d}.mp4", film, codec)
    write_table(root / "data/chunk-000/file-000.parquet", pa.concat_tables(tables))
    write_table(root / "meta/episodes/chunk-000/file-000.parquet", pa.Table.from_pylist(rows))
    named = {"task_index": list(range(len(tasks))), "__index_level_0__": tasks}
    write_table(root / "meta/tasks.parquet", pa.table(named))
    info = {
        "codebase_version": "v3.0",
        "robot_type": "so101",
        "total_episodes": len(episodes),
        "total_frames": start,
        "total_tasks": len(tasks),
        "chunks_size": 1000,
        "fps": FPS,
        "splits": splits or {"train": f"0:{len(episodes)}"},
        "data_path": "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
        "video_path": "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4",
        "features": features_of(episodes[0], kind, more or {}),
    }
    (root / "meta/info.json").write_text(json.dumps(info, indent=4))


def write_v21(root: Path, episodes: Sequence[Made], chunks_size: int = 1000) -> None:
    """Write a dataset 2.1: one file per episode and camera."""
    tasks = list(dict.fromkeys(task for one in episodes for task in one.tasks))
    start = 0
    for index, episode in enumerate(episodes):
        chunk = f"chunk-{index // chunks_size:03d}"
        table = table_of(episode, index, start, False)
        write_table(root / f"data/{chunk}/episode_{index:06d}.parquet", table)
        for key, film in episode.frames.items():
            encode(root / f"videos/{chunk}/{key}/episode_{index:06d}.mp4", film)
        start += len(episode)
    (root / "meta").mkdir(exist_ok=True)
    lines = [
        {"episode_index": index, "tasks": one.tasks, "length": len(one)}
        for index, one in enumerate(episodes)
    ]
    named = [{"task_index": index, "task": task} for index, task in enumerate(tasks)]
    for name, content in (("episodes", lines), ("tasks", named)):
        text = "".join(json.dumps(line) + "\n" for line in content)
        (root / f"meta/{name}.jsonl").write_text(text)
    info = {
        "codebase_version": "v2.1",
        "robot_type": "so100",
        "total_episodes": len(episodes),
        "chunks_size": chunks_size,
        "fps": FPS,
        "splits": {"train": f"0:{len(episodes)}"},
        "data_path": "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet",
        "video_path": "videos/chunk-{episode_chunk:03d}/{video_key}/"
        "episode_{episode_index:06d}.mp4",
        "features": features_of(episodes[0], "video", {}),
    }
    (root / "meta/info.json").write_text(json.dumps(info))


def write_table(path: Path, table: pa.Table) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    path.write_bytes(buffer.getvalue())

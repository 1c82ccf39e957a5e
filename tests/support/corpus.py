"""Datasets that are broken on purpose: one function per kind of fault, planted into a clean copy.

`PLANTERS` has every kind of `tcn_robot.recordings.KINDS`. Each function changes the dataset at a
path and seals it again (`seal`), so that the fault shows by itself and not by its hash.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tcn_robot.recordings import DatasetWriter, open_recording
from tcn_robot.recordings.editing.history import delete_episodes, relabel_episodes
from tcn_robot.recordings.format import file_hash
from tcn_robot.recordings.video import VideoEncoder, iterate_video
from tests.support.films import moving_square

Columns = dict[str, list[Any]]


def write_films(path: Path) -> None:
    """Write five clean episodes from two cameras of unequal length, the last one longer."""
    with DatasetWriter(path, "pouring", "lossless", kind="film") as writer:
        for id, length in enumerate((6, 7, 8, 9, 20)):
            with writer.episode(frame_rate_hz=10.0) as episode:
                episode.metadata.update(split="train", clock={"name": "monotonic"})
                for frame, picture in enumerate(moving_square(length)):
                    episode.add_frames(5.0 + frame / 10, {"left": picture})
                    if frame < 5 or id == 4:
                        episode.add_frames(5.01 + frame / 10, {"right": picture[::-1]})


def episode_folder(path: Path, id: int = 0) -> Path:
    return path / f"episode_{id:06d}"


def edit_json(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content, indent=2))


def edit_episode(path: Path, change: Callable[[dict[str, Any]], None], id: int = 0) -> None:
    edit_json(episode_folder(path, id) / "episode.json", change)


def edit_table(path: Path, name: str, change: Callable[[Columns], None], id: int = 0) -> None:
    file = episode_folder(path, id) / name
    table = pq.read_table(file)
    columns = table.to_pydict()
    change(columns)
    fields = [table.schema.field(column) for column in columns]
    pq.write_table(pa.table(columns, schema=pa.schema(fields)), file)
    seal(path, id)


def seal(path: Path, id: int = 0) -> None:
    """Make the hashes right again, so that only the fault itself can be found."""
    folder = episode_folder(path, id)

    def rehash(content: dict[str, Any]) -> None:
        for name in content["files"]:
            file = folder / name
            if file.is_file():
                content["files"][name] = {"bytes": file.stat().st_size, "sha256": file_hash(file)}

    edit_episode(path, rehash, id)


def film_again(
    path: Path, view: str, change: Callable[[np.ndarray], np.ndarray], id: int = 0
) -> None:
    """Encode a view's frames again after a change, as many as it has times, at these times."""
    episode = open_recording(path).by_id(id)
    file = episode_folder(path, id) / f"{view}.mp4"
    frames = change(np.array([frame for _, frame in iterate_video(file)]))
    origin = float(episode.metadata["video_origin_seconds"])
    encoder = VideoEncoder(file, frames.shape[2], frames.shape[1], "lossless", 10.0)
    for frame, time in zip(frames, episode.timestamps(view), strict=False):
        encoder.write(frame, round((time - origin) * 1e6))
    encoder.close()
    seal(path, id)


def film_as_timed(path: Path) -> None:
    """Encode every film again at the times that the table has now."""
    for view in open_recording(path)[0].views:
        film_again(path, view, lambda frames: frames)


def newer_format(path: Path) -> None:
    edit_json(path / "dataset.json", lambda content: content.update(format_version=99))


def damaged_dataset_file(path: Path) -> None:
    (path / "dataset.json").write_text('{"format": ')


def broken_history(path: Path) -> None:
    with DatasetWriter(path, open_recording(path).task) as writer:
        relabel_episodes(writer, {0: {"split": "test"}})
        relabel_episodes(writer, {1: {"split": "test"}})
    edit_json(path / "dataset.000001.json", lambda content: content.update(labels={}))


def deleted_episode(path: Path) -> None:
    shutil.copytree(episode_folder(path, 1), path / "kept")
    with DatasetWriter(path, open_recording(path).task) as writer:
        delete_episodes(writer, [1])
    (path / "kept").rename(episode_folder(path, 1))


def unfinished_episode(path: Path) -> None:
    shutil.copytree(episode_folder(path), path / ".partial-x7")


def foreign_entry(path: Path) -> None:
    (path / "episode_12").mkdir()


def missing_model(path: Path) -> None:
    next((path / "assets").iterdir()).unlink()


def changed_model(path: Path) -> None:
    next((path / "assets").iterdir()).write_text("<mujoco/>")


def repeated_episode(path: Path) -> None:
    shutil.copytree(episode_folder(path), episode_folder(path, 50))
    edit_episode(path, lambda content: content.update(id=50), 50)


def damaged_metadata(path: Path) -> None:
    file = episode_folder(path) / "episode.json"
    file.write_bytes(file.read_bytes()[:200])


def wrong_id(path: Path) -> None:
    episode_folder(path).rename(episode_folder(path, 77))


def missing_file(path: Path) -> None:
    (episode_folder(path) / "left.mp4").unlink()


def changed_file(path: Path) -> None:
    """One byte of the film's brand, which no player minds."""
    file = episode_folder(path) / "left.mp4"
    content = file.read_bytes()
    at = content.index(b"isom", 8)
    file.write_bytes(content[: at + 8] + b"X" + content[at + 9 :])


def foreign_file(path: Path) -> None:
    (episode_folder(path) / "notes.txt").write_text("x")


def unsafe_name(path: Path) -> None:
    def add(content: dict[str, Any]) -> None:
        content["files"]["../../secret"] = {"bytes": 1, "sha256": "0"}

    edit_episode(path, add)


def absurd_value(path: Path) -> None:
    edit_episode(path, lambda content: content["views"]["left"].update(width_px=10**9))


def unknown_value(path: Path) -> None:
    edit_episode(path, lambda content: content.update(split="holdout"))


def damaged_times(path: Path) -> None:
    file = episode_folder(path) / "frames.parquet"
    file.write_bytes(file.read_bytes()[:-30])
    seal(path)


def times_not_finite(path: Path) -> None:
    def change(columns: Columns) -> None:
        columns["time_seconds"][2] = float("nan")

    edit_table(path, "frames.parquet", change)


def times_go_back(path: Path) -> None:
    def change(columns: Columns) -> None:
        columns["time_seconds"][3] = columns["time_seconds"][1]

    edit_table(path, "frames.parquet", change)


def time_jump(path: Path) -> None:
    def later(columns: Columns) -> None:
        columns["time_seconds"] = [t + (2.0 if t > 0.11 else 0.0) for t in columns["time_seconds"]]

    edit_table(path, "frames.parquet", later)
    edit_table(path, "steps.parquet", later)
    film_as_timed(path)


def long_gap(path: Path) -> None:
    def later(columns: Columns) -> None:
        columns["time_seconds"] = [t + (3.0 if t > 5.15 else 0.0) for t in columns["time_seconds"]]

    edit_table(path, "frames.parquet", later)
    film_as_timed(path)


def dropped_frames(path: Path) -> None:
    edit_episode(path, lambda content: content.update(fps_asked=25.0))


def frame_numbers(path: Path) -> None:
    def change(columns: Columns) -> None:
        columns["frame"] = [number + 1 for number in columns["frame"]]

    edit_table(path, "frames.parquet", change)


def counts_disagree(path: Path) -> None:
    edit_episode(path, lambda content: content["views"]["left"].update(frames=3))


def film_times_disagree(path: Path) -> None:
    edit_episode(path, lambda content: content.update(video_origin_seconds=4.9))


def unequal_views(path: Path) -> None:
    def change(columns: Columns) -> None:
        last = max(i for i, view in enumerate(columns["view"]) if view == "top")
        for values in columns.values():
            del values[last]

    def count(content: dict[str, Any]) -> None:
        content["views"]["top"]["frames"] -= 1

    edit_table(path, "frames.parquet", change)
    edit_episode(path, count)
    film_as_timed(path)


def undecodable_film(path: Path) -> None:
    file = episode_folder(path) / "left.mp4"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    seal(path)


def size_disagrees(path: Path) -> None:
    edit_episode(path, lambda content: content["views"]["left"].update(width_px=20))


def blank_view(path: Path) -> None:
    film_again(path, "left", lambda frames: np.zeros_like(frames) + np.uint8(9))


def frozen_view(path: Path) -> None:
    film_again(path, "left", lambda frames: np.repeat(frames[:1], len(frames), axis=0), 4)


def identical_views(path: Path) -> None:
    film_again(path, "right", lambda frames: moving_square(len(frames)), 4)


def damaged_steps(path: Path) -> None:
    file = episode_folder(path) / "steps.parquet"
    file.write_bytes(file.read_bytes()[:-30])
    seal(path)


def not_finite(path: Path) -> None:
    def change(columns: Columns) -> None:
        columns["state"][1][0] = float("inf")

    edit_table(path, "steps.parquet", change)


def step_times_disagree(path: Path) -> None:
    def change(columns: Columns) -> None:
        columns["time_seconds"] = [time + 0.01 for time in columns["time_seconds"]]

    edit_table(path, "steps.parquet", change)


# What else is true of a dataset with such a fault.
COMPANIONS = {"long-gap": {"dropped-frames"}}

# kind -> (which clean dataset it is planted into, how)
PLANTERS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "newer-format": ("films", newer_format),
    "damaged-dataset-file": ("films", damaged_dataset_file),
    "broken-history": ("films", broken_history),
    "deleted-episode": ("films", deleted_episode),
    "unfinished-episode": ("films", unfinished_episode),
    "foreign-entry": ("films", foreign_entry),
    "missing-model": ("simulated", missing_model),
    "changed-model": ("simulated", changed_model),
    "repeated-episode": ("films", repeated_episode),
    "damaged-metadata": ("films", damaged_metadata),
    "wrong-id": ("films", wrong_id),
    "missing-file": ("films", missing_file),
    "changed-file": ("films", changed_file),
    "foreign-file": ("films", foreign_file),
    "unsafe-name": ("films", unsafe_name),
    "absurd-value": ("films", absurd_value),
    "unknown-value": ("films", unknown_value),
    "damaged-times": ("films", damaged_times),
    "times-not-finite": ("films", times_not_finite),
    "times-go-back": ("films", times_go_back),
    "time-jump": ("simulated", time_jump),
    "long-gap": ("films", long_gap),
    "dropped-frames": ("films", dropped_frames),
    "frame-numbers": ("films", frame_numbers),
    "counts-disagree": ("films", counts_disagree),
    "film-times-disagree": ("films", film_times_disagree),
    "unequal-views": ("simulated", unequal_views),
    "undecodable-film": ("films", undecodable_film),
    "size-disagrees": ("films", size_disagrees),
    "blank-view": ("films", blank_view),
    "frozen-view": ("films", frozen_view),
    "identical-views": ("films", identical_views),
    "damaged-steps": ("simulated", damaged_steps),
    "not-finite": ("simulated", not_finite),
    "step-times-disagree": ("simulated", step_times_disagree),
}

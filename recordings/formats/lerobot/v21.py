"""LeRobot 2.1 (and 2.0), read only: one Parquet file and one film per camera for each episode."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tcn_robot.errors import UserError
from tcn_robot.recordings.formats.foreign import ForeignDataset, ReadOptions
from tcn_robot.recordings.formats.lerobot import layout
from tcn_robot.recordings.formats.lerobot.json_files import (
    parse_json,
    read_json_object,
    whole_number,
)
from tcn_robot.recordings.formats.lerobot.read_v3 import (
    Part,
    counted,
    dataset_of,
    listed,
    task_names,
)
from tcn_robot.recordings.formats.lerobot.reading import (
    FilmPlace,
    Info,
    read_info,
)
from tcn_robot.recordings.formats.places import Place, expand

VERSIONS = ("v2.1", "v2.0")
EPISODES_FILE = "meta/episodes.jsonl"
TASKS_FILE = "meta/tasks.jsonl"
DATA_PATH = "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet"
VIDEO_PATH = "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4"
_EPISODES_PER_CHUNK = 1000


class LeRobotV21:
    """Reads such datasets."""

    def describe_losses(self) -> Mapping[str, str]:
        """Return what these datasets hold; they are not written."""
        return {
            "pictures": "frame-exact: films are copied where they can be; import only",
            "times": "`timestamp` is frame / fps; nothing was measured",
            "views": "by name, one row for all",
            "splits": "as ranges of episodes",
            "task": "yes",
            "robot": "actions, observations and further columns of numbers or text",
            "the rest": "nothing",
        }

    def read(self, path: Path, options: ReadOptions) -> ForeignDataset:
        """List the episodes of a dataset."""
        place = Place(path, options.follow_links)
        info = read_info(place, VERSIONS)
        size = read_json_object(place.file(layout.INFO_FILE)).get("chunks_size")
        per_chunk = size if isinstance(size, int) and size > 0 else _EPISODES_PER_CHUNK
        tasks = {
            int(line["task_index"]): str(line["task"])
            for line in _lines(place.file(TASKS_FILE), ("task_index", "task"))
        }
        lines = _lines(place.file(EPISODES_FILE), ("episode_index",))
        parts = [_part(place, info, line, per_chunk) for line in listed(lines, place)]
        parts.sort(key=lambda part: part.index)
        return dataset_of(place, info, tasks, counted(parts))


def _part(place: Place, info: Info, line: Mapping[str, Any], per_chunk: int) -> Part:
    index = int(line["episode_index"])
    numbers = {"episode_index": index, "episode_chunk": index // per_chunk}
    films = {
        key: FilmPlace(
            place.file(expand(info.video_path or VIDEO_PATH, **numbers, video_key=key)), 0.0
        )
        for key in info.cameras
        if info.features[key]["dtype"] == "video"
    }
    return Part(
        index,
        whole_number(line.get("length")),
        task_names(line.get("tasks")),
        place.file(expand(info.data_path or DATA_PATH, **numbers)),
        films,
    )


def _lines(path: Path, needed: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return the objects of a file with one on each line.

    Raises:
        UserError: If it is missing, damaged, or a line lacks something.
    """
    try:
        texts = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read ({error}); restore it") from error
    found = []
    for number, text in enumerate(texts, 1):
        if not text.strip():
            continue
        try:
            line = parse_json(text)
        except ValueError as error:
            raise UserError(
                f"{path}, line {number}: no readable JSON ({error}); restore it"
            ) from error
        if not isinstance(line, dict) or any(name not in line for name in needed):
            raise UserError(f"{path}, line {number}: expected {', '.join(needed)}")
        if any(name.endswith("_index") and whole_number(line[name]) is None for name in needed):
            raise UserError(f"{path}, line {number}: an index is no whole number, from 0 on")
        found.append(line)
    return found

"""Reads datasets: `open_recording(path)`, then episodes by position, id or split."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from tcn_robot.errors import UserError, unknown_name
from tcn_robot.recordings import format as dataset_format
from tcn_robot.recordings.tables import read_frames_table, read_steps_table
from tcn_robot.recordings.video import decode_video, iterate_video

_VIEW_FIELDS = {"frames", "width_px", "height_px"}
# What fields must be where they are there and not null; others may be anything that JSON knows.
_FIELD_TYPES: dict[str, type | tuple[type, ...]] = {
    "split": str,
    **dict.fromkeys(("clock", "simulator", "cameras", "files"), dict),
    **dict.fromkeys(("randomisation", "demonstration", "capture"), dict),
    **dict.fromkeys(("trimmed_from", "merged_from", "resampled_from", "rerendered_from"), dict),
    **dict.fromkeys(("seed", "steps"), int),
    **dict.fromkeys(("fps_asked", "video_origin_seconds"), (int, float)),
}


class Episode:
    """One whole episode on disk; files are read when they are asked for.

    Attributes:
        path: The episode's folder.
        id: Its id, which never changes; positions in a recording may.
    """

    def __init__(
        self, path: Path, episode_id: int, labels: Mapping[str, Any] | None = None
    ) -> None:
        self.path = path
        self.id = episode_id
        self._labels = dict(labels or {})

    def __repr__(self) -> str:
        return f"Episode({self.id}, views={self.views})"

    @cached_property
    def metadata(self) -> dict[str, Any]:
        """Everything `episode.json` says, and what was relabelled since."""
        return {**self.recorded, **self._labels}

    @cached_property
    def recorded(self) -> dict[str, Any]:
        """Everything `episode.json` says; what was relabelled since is in `metadata`."""
        if not self.path.is_dir():
            raise UserError(
                f"{self.path} is gone: the episode was deleted or moved since the dataset was "
                "opened; open it again"
            )
        file = self.path / dataset_format.EPISODE_FILE
        metadata = dataset_format.read_json(file)
        if metadata.get("id") != self.id or not isinstance(metadata.get("views"), dict):
            raise UserError(
                f"{file} should name id {self.id} and its views, found id {metadata.get('id')!r}; "
                "folders must not be renamed"
            )
        _refuse_malformed(file, metadata)
        return metadata

    @property
    def labels(self) -> dict[str, Any]:
        """What was relabelled since it was recorded, by name; `metadata` has it already."""
        return dict(self._labels)

    @property
    def views(self) -> tuple[str, ...]:
        """Names of the views, in the order in which they were recorded."""
        return tuple(self.metadata["views"])

    @property
    def embodiment(self) -> str:
        """Whose body acted, such as "robot"; "" where the recording does not say."""
        return str(self.metadata.get("embodiment") or "")

    @property
    def split(self) -> str:
        """Which part of the data it belongs to: "train", "valid" or "test".

        Raises:
            UserError: If it is none of them; it may name a folder elsewhere.
        """
        split = str(self.metadata.get("split") or "train")
        if split not in dataset_format.SPLITS:
            raise UserError(
                f"{self.path / dataset_format.EPISODE_FILE} has split {split!r}, which is none of "
                f"{', '.join(dataset_format.SPLITS)}; `tcn-robot edit DIR relabel` mends it"
            )
        return split

    @property
    def success(self) -> bool | None:
        """Whether the task was done at the end; None where nobody knows."""
        success = self.metadata.get("success")
        return None if success is None else bool(success)

    @property
    def seed(self) -> int | None:
        """Seed of the episode's start and demonstrator; None for films."""
        seed = self.metadata.get("seed")
        return None if seed is None else int(seed)

    @property
    def is_simulated(self) -> bool:
        """Whether its clock is a simulator's, so that all views and rows belong together."""
        clock = self.metadata.get("clock")
        return isinstance(clock, dict) and clock.get("name") == "simulation"

    @property
    def codec(self) -> str:
        """How the films are encoded: "h264", "h264-fast", "lossless", or "original"."""
        return str(self.metadata.get("codec", "h264"))

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of `episode.json`, which holds those of all other files.

        Raises:
            UserError: If the file is missing or damaged.
        """
        assert self.metadata  # read before: says in one line what is wrong with it
        return hashlib.sha256((self.path / dataset_format.EPISODE_FILE).read_bytes()).hexdigest()

    @property
    def ancestors(self) -> tuple[str, ...]:
        """Content hashes of the episodes it was rendered from, the nearest first.

        Episodes with a common ancestor show the same moments: other cameras, looks or bodies.
        """
        return ancestors_of(self.metadata)

    @cached_property
    def _times_seconds(self) -> dict[str, np.ndarray]:
        return read_frames_table(self.path / dataset_format.FRAMES_FILE)

    def timestamps(self, view: str) -> np.ndarray:
        """Return the measured capture times of a view, float64 (T,) in seconds.

        Raises:
            UserError: If there is no such view (with the nearest name).
        """
        if view not in self.views:
            raise unknown_name("view", view, self.views)
        if view not in self._times_seconds:
            raise UserError(
                f"{self.path / dataset_format.FRAMES_FILE} has no rows of view {view!r}; "
                "restore it or remove the episode's folder"
            )
        return self._times_seconds[view].copy()

    def length(self, view: str) -> int:
        """Return the number of frames of a view."""
        return len(self.timestamps(view))

    def frames(self, view: str) -> np.ndarray:
        """Decode a view's film.

        Returns:
            uint8 (T, H, W, 3), RGB; frame i was seen at `timestamps(view)[i]`.

        Raises:
            UserError: If there is no such view, or its film is missing or damaged.
        """
        path = self.path / dataset_format.video_name(view)
        return decode_video(path, self.length(view))[0]

    def iterate_frames(self, view: str) -> Iterator[np.ndarray]:
        """Decode a view's film frame by frame, uint8 (H, W, 3), RGB; only one is in memory.

        Raises:
            UserError: If there is no such view, or its film is missing or damaged.
        """
        if view not in self.views:
            raise unknown_name("view", view, self.views)
        for _, frame in iterate_video(self.path / dataset_format.video_name(view)):
            yield frame

    @cached_property
    def steps(self) -> dict[str, np.ndarray] | None:
        """Columns of `steps.parquet`; None for plain films.

        Row t is what held when frame t was seen; `action[t]` is what was done then, NaN in the
        last row. What only a simulator knows (phase, progress, success, rewards) is for
        benchmarks: no objective may read it.
        """
        path = self.path / dataset_format.STEPS_FILE
        return read_steps_table(path) if self.metadata.get("steps") else None


def ancestors_of(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the content hashes that `episode.json` says an episode was rendered from.

    Args:
        metadata: What it says. `rerendered_from` and `paired_with` name the episode before; what
            that one was made of stands in their `ancestors`, from the second generation on.
    """
    found: dict[str, None] = {}
    for field, name in (("paired_with", "content_hash"), ("rerendered_from", "content_sha256")):
        origin = metadata.get(field)
        if isinstance(origin, dict):
            found |= {str(origin[name]): None} if origin.get(name) else {}
            found |= dict.fromkeys(map(str, origin.get("ancestors") or ()))
    return tuple(found)


def _refuse_malformed(file: Path, metadata: dict[str, Any]) -> None:
    """Raise a UserError if `episode.json` says something that nothing could be made of."""
    for view, entry in metadata["views"].items():
        if not dataset_format.VIEW_PATTERN.fullmatch(view):
            raise UserError(f"{file}: {view!r} cannot name a view; restore the file from a copy")
        if not isinstance(entry, dict) or not entry.keys() >= _VIEW_FIELDS:
            raise UserError(
                f"{file} should say {sorted(_VIEW_FIELDS)} of view {view!r}, found {entry!r}; "
                "restore the file from a copy"
            )
        for name in _VIEW_FIELDS:
            if not isinstance(entry[name], int):
                raise UserError(
                    f"{file}: {name} of view {view!r} should be a whole number, found "
                    f"{entry[name]!r}; restore the file from a copy"
                )
    for name, kind in _FIELD_TYPES.items():
        value = metadata.get(name)
        if value is not None and (not isinstance(value, kind) or isinstance(value, bool)):
            raise UserError(f"{file}: {name} cannot be {value!r}; restore the file from a copy")
    if (metadata.get("seed") or 0) < 0:
        raise UserError(f"{file}: a seed is not negative, found {metadata['seed']}")
    for name, entry in (metadata.get("files") or {}).items():
        if not isinstance(entry, dict):
            raise UserError(f"{file}: files says {entry!r} of {name!r}; restore it from a copy")


class Recording:
    """The episodes of one dataset, as they were when it was opened.

    Attributes:
        path: The dataset's folder.
        metadata: Everything the newest description says, `dataset.json` or its successor.
        ids: Ids of the whole episodes, ascending.
    """

    def __init__(self, path: Path, metadata: dict[str, Any], ids: tuple[int, ...]) -> None:
        self.path = path
        self.metadata = metadata
        self.ids = ids
        self._known_ids = frozenset(ids)
        # Weak: what an episode has read goes when nobody holds it any more.
        self._episodes: WeakValueDictionary[int, Episode] = WeakValueDictionary()

    def __repr__(self) -> str:
        return f"Recording({str(self.path)!r}, {len(self)} episodes of {self.task})"

    @property
    def task(self) -> str:
        """What is shown in it."""
        return str(self.metadata.get("task"))

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[Episode]:
        return map(self.by_id, self.ids)

    def __getitem__(self, position: int) -> Episode:
        """Return the episode at a position, which may change when episodes are removed."""
        return self.by_id(self.ids[position])

    def by_id(self, episode_id: int) -> Episode:
        """Return the episode with an id, which never changes.

        Raises:
            UserError: If there is no such episode.
        """
        if episode_id not in self._known_ids:
            raise UserError(
                f"{self.path} has no episode {episode_id} (it has {describe_ids(self.ids)})"
            )
        episode = self._episodes.get(episode_id)
        if episode is None:
            folder = self.path / dataset_format.episode_folder_name(episode_id)
            labels = self.metadata.get("labels", {}).get(str(episode_id))
            episode = self._episodes[episode_id] = Episode(folder, episode_id, labels)
        return episode

    def select(self, split: str | None = None) -> list[Episode]:
        """Return the episodes of a split, ascending by id; all of them when None.

        Raises:
            UserError: If there is no such split.
        """
        if split is not None and split not in dataset_format.SPLITS:
            raise unknown_name("split", split, dataset_format.SPLITS)
        return [episode for episode in self if split in (None, episode.split)]


def describe_ids(ids: tuple[int, ...]) -> str:
    """Return ids as text with ranges, such as "0-3, 7"."""
    ranges: list[list[int]] = []
    for id in ids:
        if ranges and id == ranges[-1][1] + 1:
            ranges[-1][1] = id
        else:
            ranges.append([id, id])
    texts = [str(low) if low == high else f"{low}-{high}" for low, high in ranges]
    return ", ".join(texts) or "none"


def open_recording(path: Path | str) -> Recording:
    """Open a dataset to read it. Episodes being written are not seen.

    Raises:
        UserError: If the folder is no dataset, is empty or is of a newer format version.
    """
    dataset_path = Path(path)
    metadata = dataset_format.read_dataset_metadata(dataset_path)
    ids = tuple(dataset_format.list_episode_ids(dataset_path))
    if not ids:
        raise UserError(
            f"the dataset {dataset_path} has no whole episode; record some with `tcn-robot record "
            f"{metadata.get('task')} --out {dataset_path} --episodes N`"
        )
    return Recording(dataset_path, metadata, ids)

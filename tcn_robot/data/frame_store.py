"""Frame store: every frame of a dataset, decoded and resized once, memory-mapped.

A store is a folder: `frames.npy` (uint8, all views of all episodes behind one another),
`timestamps.npy` (float64, seconds, one per frame) and `store.json`, which says where each view
of each episode begins. One file for all frames: a map per film would run out of file handles.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from tcn_robot.errors import UserError, unknown_name

STORE_VERSION = 1
STORE_FILE = "store.json"
FRAMES_FILE = "frames.npy"
TIMESTAMPS_FILE = "timestamps.npy"


@dataclass(frozen=True)
class StoredEpisode:
    """One episode of a store.

    Attributes:
        id: Its id in its dataset.
        views: Names of the views.
        split: "train", "valid" or "test".
        source: The dataset's folder.
        content_hash: Says whether the recording on disk is still the same.
    """

    id: int
    views: tuple[str, ...]
    split: str
    source: str
    content_hash: str
    _spans: dict[str, tuple[int, int]] = field(repr=False)
    _all_frames: np.ndarray = field(repr=False, compare=False)
    _all_timestamps: np.ndarray = field(repr=False, compare=False)

    def _span(self, view: str) -> slice:
        if view not in self._spans:
            raise unknown_name("view", view, self.views)
        return slice(*self._spans[view])

    def with_views(self, views: Iterable[str]) -> StoredEpisode:
        """Return the episode with only those of its views that are named."""
        wanted = set(views)
        return replace(self, views=tuple(view for view in self.views if view in wanted))

    def length(self, view: str) -> int:
        """Return the number of frames of a view."""
        span = self._span(view)
        return span.stop - span.start

    def frames(self, view: str) -> np.ndarray:
        """Return a view's frames, uint8 (T, S, S, 3), RGB, read from the disk when touched."""
        return self._all_frames[self._span(view)]

    def timestamps(self, view: str) -> np.ndarray:
        """Return a view's measured capture times, float64 (T,), seconds."""
        return self._all_timestamps[self._span(view)]


@dataclass(frozen=True)
class FrameStore:
    """The episodes of one or several datasets at one size.

    Attributes:
        size_px: Height and width of every frame.
        episodes: In the order of the datasets, then of their ids.
    """

    size_px: int
    episodes: tuple[StoredEpisode, ...]

    @classmethod
    def open(cls, path: Path | str) -> FrameStore:
        """Open a store that `data.build` wrote.

        Raises:
            UserError: If it is no store, of another version, or damaged.
        """
        folder = Path(path)
        try:
            index = json.loads((folder / STORE_FILE).read_text("utf-8"))
            frames = np.load(folder / FRAMES_FILE, mmap_mode="r", allow_pickle=False)
            timestamps = np.load(folder / TIMESTAMPS_FILE, allow_pickle=False)
        except (OSError, ValueError) as error:
            raise UserError(f"{folder} is no whole frame store ({error}); delete it") from error
        if index.get("store_version") != STORE_VERSION:
            raise UserError(
                f"{folder} has store version {index.get('store_version')}, expected "
                f"{STORE_VERSION}; delete it, it is made again from the recording"
            )
        episodes = tuple(
            StoredEpisode(
                id=entry["id"],
                views=tuple(entry["spans"]),
                split=entry["split"],
                source=index["source"],
                content_hash=entry["content_hash"],
                _spans={view: (start, stop) for view, (start, stop) in entry["spans"].items()},
                _all_frames=frames,
                _all_timestamps=timestamps,
            )
            for entry in index["episodes"]
        )
        return cls(index["size_px"], episodes)

    @classmethod
    def join(cls, stores: Sequence[FrameStore]) -> FrameStore:
        """Return the episodes of several stores of one size as one store."""
        (size_px,) = {store.size_px for store in stores}
        return cls(size_px, tuple(episode for store in stores for episode in store.episodes))

    @property
    def content_key(self) -> str:
        """Short hash of what is inside, the same wherever the store lies."""
        hashes = (episode.content_hash for episode in self.episodes)
        return content_key(self.size_px, hashes)

    def split(self, name: str) -> tuple[StoredEpisode, ...]:
        """Return the episodes of a split; empty if there are none."""
        return tuple(episode for episode in self.episodes if episode.split == name)


def content_key(size_px: int, content_hashes: Iterable[str]) -> str:
    """Return the name under which a store of these episodes is kept."""
    text = "\n".join([str(STORE_VERSION), str(size_px), *content_hashes])
    return hashlib.sha256(text.encode()).hexdigest()[:16]

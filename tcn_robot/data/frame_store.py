"""Frame store: every frame of a dataset, decoded and resized once, memory-mapped.

`store_files.py` says what lies on disk, `build.py` makes it. Batches of (episode, view, time or
frame) are index arithmetic on whole arrays; only the frames that are asked for are read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from tcn_robot.data.film_table import FilmTable, film_table
from tcn_robot.data.store_files import STORE_VERSION, StoreFiles, open_files
from tcn_robot.errors import unknown_name


@dataclass(frozen=True)
class StoredEpisode:
    """One episode of a store.

    Attributes:
        id: Its id in its dataset.
        views: Names of the views.
        split: "train", "valid" or "test".
        source: The dataset's folder.
        content_hash: Says whether the recording on disk is still the same.
        embodiment: The body that does the task, such as "robot"; empty where nobody says it.
    """

    id: int
    views: tuple[str, ...]
    split: str
    source: str
    content_hash: str
    _spans: dict[str, tuple[int, int]] = field(repr=False)
    _files: StoreFiles = field(repr=False, compare=False)
    embodiment: str = ""

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
        return self._files.frames[self._span(view)]

    def timestamps(self, view: str) -> np.ndarray:
        """Return a view's measured capture times, float64 (T,), seconds."""
        return self._files.timestamps[self._span(view)]


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
        """Open a store that `data.build` wrote; nobody deletes it while its episodes are held.

        Raises:
            UserError: If it is no store, of another version, or damaged.
            OSError: If this process cannot open it now, which says nothing against the store.
        """
        index, files = open_files(Path(path))
        episodes = tuple(
            StoredEpisode(
                id=entry["id"],
                views=tuple(entry["spans"]),
                split=entry["split"],
                source=index["source"],
                content_hash=entry["content_hash"],
                _spans={view: (start, stop) for view, (start, stop) in entry["spans"].items()},
                _files=files,
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

    @cached_property
    def films(self) -> FilmTable:
        """Lengths and times of all views of all episodes, in that order."""
        return film_table(self.episodes)

    @cached_property
    def _files(self) -> list[StoreFiles]:
        """Return the files behind the episodes, each once."""
        return list({id(e._files): e._files for e in self.episodes}.values())

    @cached_property
    def _ends(self) -> np.ndarray:
        """Return the row behind the last one of each file, int64 (files,)."""
        return np.cumsum([len(files.frames) for files in self._files], dtype=np.int64)

    @cached_property
    def _first_rows(self) -> np.ndarray:
        """Return the row of each view's first frame, int64 (E, V)."""
        before = dict(zip(map(id, self._files), [0, *self._ends.tolist()], strict=False))
        rows = np.zeros(self.films.lengths.shape, np.int64)
        for position, episode in enumerate(self.episodes):
            starts = [episode._span(view).start for view in episode.views]
            rows[position, : len(starts)] = np.add(starts, before[id(episode._files)])
        return rows

    def rows(self, episode: np.ndarray, view: np.ndarray, frame: np.ndarray) -> np.ndarray:
        """Return the rows of frames, to be gathered from this store.

        Args:
            episode: int (N,), position in `episodes`.
            view: int (N,), position in the `views` of that episode.
            frame: int (N,), index into the view's frames.

        Returns:
            int64 (N,).

        Raises:
            IndexError: If there is no such frame.
        """
        self.films.positions(episode, view, frame)  # refuses what is not there
        return self._first_rows[episode, view] + frame

    def index(self, episode: np.ndarray, view: np.ndarray, time_seconds: np.ndarray) -> np.ndarray:
        """Return the rows of the frames nearest to times, the earlier one of two.

        Args:
            episode: int (N,), position in `episodes`.
            view: int (N,), position in the `views` of that episode.
            time_seconds: float64 (N,); outside a film its first or last frame is nearest.

        Returns:
            int64 (N,), for `gather`.

        Raises:
            IndexError: If there is no such view, or it has no frames.
        """
        nearest = self.films.nearest(episode, view, time_seconds)
        return self._first_rows[episode, view] + nearest

    def gather(self, rows: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Copy frames out of the store; no more is read or held than these.

        Args:
            rows: int (N,), from `rows` or `index` of this store.
            out: uint8 (N, S, S, 3), contiguous, to write into; made when None.

        Returns:
            uint8 (N, S, S, 3), RGB.

        Raises:
            IndexError: If a row is outside the store.
        """
        rows = np.asarray(rows, np.int64)
        num_rows = int(self._ends[-1]) if self._files else 0
        if ((rows < 0) | (rows >= num_rows)).any():
            raise IndexError(f"a row is outside the store's {num_rows}")
        if out is None:
            out = np.empty((len(rows), self.size_px, self.size_px, 3), np.uint8)
        file = np.searchsorted(self._ends, rows, side="right")  # (N,)
        for number in np.unique(file):
            frames = np.asarray(self._files[number].frames)  # still mapped
            start = self._ends[number] - len(frames)
            if len(self._files) == 1:
                # Rows are checked; "raise" would make one more copy.
                np.take(frames, rows, axis=0, out=out, mode="clip")
            else:
                mine = file == number
                out[mine] = frames[rows[mine] - start]
        return out


def content_key(size_px: int, content_hashes: Iterable[str]) -> str:
    """Return the name under which a store of these episodes is kept."""
    text = "\n".join([str(STORE_VERSION), str(size_px), *content_hashes])
    return hashlib.sha256(text.encode()).hexdigest()[:16]

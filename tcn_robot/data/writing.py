"""Fills a frame store: films decoded side by side in threads, each frame resized as it comes.

PyAV and OpenCV let other threads run while they decode and resize. Memory holds one block of
frames per thread, however long the films are.
"""

from __future__ import annotations

import json
import os
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from tcn_robot.data.partial_store import (
    BLOCK_BYTES,
    DoneEpisode,
    DoneList,
    FramesFile,
    block_frames,
    checksum,
    read_done,
)
from tcn_robot.data.store_files import FRAMES_FILE, STORE_FILE, STORE_VERSION, TIMESTAMPS_FILE
from tcn_robot.errors import UserError
from tcn_robot.progress import Progress

# More threads than this wait for one another: part of each frame's work holds Python's lock.
MOST_WORKERS = 8


class FilmedEpisode(Protocol):
    """What of a recorded episode goes into a store."""

    @property
    def id(self) -> int:
        """Its id in its dataset."""

    @property
    def views(self) -> tuple[str, ...]:
        """Names of the views."""

    @property
    def split(self) -> str:
        """The split it belongs to."""

    @property
    def content_hash(self) -> str:
        """Changes whenever the episode does."""

    def iterate_frames(self, view: str) -> Iterator[np.ndarray]:
        """Yield uint8 (H, W, 3), RGB, frame by frame."""

    def timestamps(self, view: str) -> np.ndarray:
        """Return float64 (T,), seconds."""


# Raises a UserError when an episode is no longer what it was.
CheckUnchanged = Callable[[Any], None]


def write_store(
    folder: Path,
    episodes: Sequence[FilmedEpisode],
    size_px: int,
    source: str,
    known: Mapping[str, DoneEpisode] | None = None,
    *,
    workers: int | None = None,
    check_unchanged: CheckUnchanged = lambda episode: None,
) -> None:
    """Write a store's files into a folder, going on with what a killed process left there.

    Args:
        folder: Where to write; it is there.
        episodes: What to decode.
        size_px: Size of the frames.
        source: The dataset, as it is named to users.
        known: Episodes that are decoded elsewhere, by content hash.
        workers: Films decoded at a time; as many as there are cores when None.
        check_unchanged: Asked about each episode after it was decoded.

    Raises:
        UserError: A film is damaged, or has another number of frames than of times.
        OSError: The disk is full, or the folder cannot be written.
    """
    writer = _StoreWriter(folder, episodes, size_px, source, check_unchanged)
    try:
        writer.fill(known or {}, workers or default_workers())
    finally:
        writer.close()
    writer.finish()


def default_workers() -> int:
    """Return how many films to decode at a time on this machine."""
    if hasattr(os, "sched_getaffinity"):
        return min(len(os.sched_getaffinity(0)), MOST_WORKERS)
    return min(os.cpu_count() or 1, MOST_WORKERS)


def resize_frame(frame: np.ndarray, out: np.ndarray) -> None:
    """Write a frame (H, W, 3) uint8 into `out` (S, S, 3): areas averaged, or enlarged linearly."""
    if frame.shape == out.shape:
        out[:] = frame
        return
    size_px = len(out)
    method = cv2.INTER_AREA if min(frame.shape[:2]) >= size_px else cv2.INTER_LINEAR
    cv2.resize(frame, (size_px, size_px), dst=out, interpolation=method)


class _StoreWriter:
    """One store being written: what its threads share."""

    def __init__(
        self,
        folder: Path,
        episodes: Sequence[FilmedEpisode],
        size_px: int,
        source: str,
        check_unchanged: CheckUnchanged,
    ) -> None:
        self._folder, self._episodes, self._size_px = folder, episodes, size_px
        self._source, self._check_unchanged = source, check_unchanged
        self._times = [
            {view: np.asarray(episode.timestamps(view), np.float64) for view in episode.views}
            for episode in episodes
        ]
        self._spans, self._num_frames = _lay_out(self._times)
        self._done = read_done(folder)
        self._crc32: list[dict[str, int]] = [{} for _ in episodes]
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._frames = FramesFile(folder / FRAMES_FILE, self._num_frames, size_px)
        self._done_list = DoneList(folder)

    def close(self) -> None:
        self._frames.close()
        self._done_list.close()

    def fill(self, known: Mapping[str, DoneEpisode], workers: int) -> None:
        """Bring every frame into its place."""
        films = [(number, view) for number, spans in enumerate(self._spans) for view in spans]
        with Progress(self._num_frames, f"decoding {self._source}", "frames") as display:
            self._display = display
            executor = ThreadPoolExecutor(workers, "decoding")
            try:
                futures = [executor.submit(self._fill_film, *film, known) for film in films]
                for future in as_completed(futures):
                    future.result()
            except BaseException:
                self._stop.set()
                raise
            finally:
                executor.shutdown(wait=True, cancel_futures=True)

    def _fill_film(self, number: int, view: str, known: Mapping[str, DoneEpisode]) -> None:
        if self._stop.is_set():
            return
        episode, (start, stop) = self._episodes[number], self._spans[number][view]
        here, elsewhere = (of.get(episode.content_hash) for of in (self._done, known))
        crc32 = None
        if here is not None and here.spans.get(view) == (start, stop):
            crc32 = self._verify(here, view)
        if crc32 is None and elsewhere is not None:
            crc32 = self._copy(elsewhere, view, start, stop)
        if crc32 is None:
            crc32 = self._decode(episode, view, start, stop)
        if crc32 is not None:
            self._note(number, view, crc32)

    def _verify(self, done: DoneEpisode, view: str) -> int | None:
        """Return the checksum of frames that are in place; None if they are not."""
        frames = done.frames[slice(*done.spans[view])]
        if done.crc32 is None or checksum(frames) != done.crc32[view]:
            return None
        self._advance(len(frames))
        return done.crc32[view]

    def _copy(self, done: DoneEpisode, view: str, start: int, stop: int) -> int | None:
        """Copy a view from another store; None if it is not what it should be there."""
        frames = done.frames[slice(*done.spans.get(view, (0, 0)))]
        wanted = (stop - start, self._size_px, self._size_px, 3)
        if frames.shape != wanted:
            return None
        step, crc32 = block_frames(frames), 0
        for first in range(0, len(frames), step):
            block = np.ascontiguousarray(frames[first : first + step])
            self._frames.write(start + first, block)
            crc32 = zlib.crc32(block.data, crc32)
        if done.crc32 is not None and crc32 != done.crc32[view]:
            return None
        self._advance(len(frames))
        return crc32

    def _decode(self, episode: FilmedEpisode, view: str, start: int, stop: int) -> int | None:
        """Decode a view block by block; None if another thread has failed meanwhile."""
        try:
            crc32 = self._decode_blocks(episode, view, start, stop)
        except UserError:
            self._check_unchanged(episode)  # a film that was taken away is not damaged
            raise
        self._check_unchanged(episode)
        return crc32

    def _decode_blocks(
        self, episode: FilmedEpisode, view: str, start: int, stop: int
    ) -> int | None:
        most = max(1, min(stop - start, BLOCK_BYTES // self._frames.frame_bytes))
        block = np.empty((most, self._size_px, self._size_px, 3), np.uint8)
        count = filled = crc32 = 0
        for frame in episode.iterate_frames(view):
            if self._stop.is_set():
                return None
            if count < stop - start:  # what is too much must not get into the next film
                resize_frame(frame, block[filled])
                filled += 1
            count += 1
            if filled == len(block):
                crc32 = self._write(start + count - filled, block, crc32)
                filled = 0
        if count != stop - start:
            raise UserError(
                f"{self._source}, episode {episode.id}, view {view!r}: expected {stop - start} "
                f"frames, found {count}; find what is damaged with `tcn-robot check {self._source}`"
            )
        return self._write(stop - filled, block[:filled], crc32) if filled else crc32

    def _write(self, row: int, frames: np.ndarray, crc32: int) -> int:
        """Write a block of decoded frames; return the checksum continued over it."""
        self._frames.write(row, frames)
        self._advance(len(frames))
        return zlib.crc32(frames.data, crc32)

    def _advance(self, num_frames: int) -> None:
        with self._lock:
            self._display.advance(num_frames)

    def _note(self, number: int, view: str, crc32: int) -> None:
        """Remember a view's checksum; with the last view the episode is whole."""
        with self._lock:
            self._crc32[number][view] = crc32
            whole = self._crc32[number].keys() == self._spans[number].keys()
        if whole:
            episode, spans = self._episodes[number], self._spans[number]
            here = self._done.get(episode.content_hash)
            if here is None or (here.spans, here.crc32) != (spans, self._crc32[number]):
                self._done_list.add(episode.content_hash, spans, self._crc32[number])

    def finish(self) -> None:
        """Write what makes the frames a store; the folder then is whole but for its name.

        The list of what is done stays: until all is synced it says what need not be decoded again.
        """
        times = [view for episode in self._times for view in episode.values()]
        flat = np.concatenate(times) if times else np.empty(0)
        content = BytesIO()  # np.save on a full disk says nothing of a disk
        np.save(content, flat, allow_pickle=False)
        (self._folder / TIMESTAMPS_FILE).write_bytes(content.getvalue())
        entries = [
            {"id": episode.id, "split": episode.split, "content_hash": episode.content_hash}
            | {"spans": spans, "crc32": {view: crc32[view] for view in spans}}
            for episode, spans, crc32 in zip(self._episodes, self._spans, self._crc32, strict=True)
        ]
        index = {"store_version": STORE_VERSION, "size_px": self._size_px, "source": self._source}
        text = json.dumps(index | {"episodes": entries}, indent=1)
        (self._folder / STORE_FILE).write_text(text + "\n", "utf-8")


Spans = dict[str, tuple[int, int]]


def _lay_out(times: Sequence[Mapping[str, Any]]) -> tuple[list[Spans], int]:
    """Return by episode the rows of each view, one behind another, and how many there are."""
    spans: list[Spans] = []
    position = 0
    for views in times:
        spans.append({})
        for view, frames in views.items():
            spans[-1][view] = (position, position + len(frames))
            position += len(frames)
    return spans, position

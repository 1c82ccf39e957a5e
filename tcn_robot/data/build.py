"""Builds frame stores from recordings: decode once, resize, keep beside the dataset."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from tcn_robot.atomic import atomic_folder
from tcn_robot.data.frame_store import (
    FRAMES_FILE,
    STORE_FILE,
    STORE_VERSION,
    TIMESTAMPS_FILE,
    FrameStore,
    StoredEpisode,
    content_key,
)
from tcn_robot.errors import UserError
from tcn_robot.progress import Progress
from tcn_robot.recordings import open_recording


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

    def frames(self, view: str) -> np.ndarray:
        """Return uint8 (T, H, W, 3)."""

    def timestamps(self, view: str) -> np.ndarray:
        """Return float64 (T,), seconds."""


# Whose mending is another folder.
NOT_TO_BE_WRITTEN = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST)


def build_frame_store(
    dataset_paths: Sequence[Path | str], size_px: int, cache_dir: Path | str | None = None
) -> FrameStore:
    """Return the frames of some datasets at one size, decoding only what is not cached.

    A dataset's store lies beside it, in `.frames-NAME/`, named by size and content; when episodes
    are added or changed it is made again, copying the frames of those that stayed.

    Args:
        dataset_paths: Folders that `tcn-robot record` wrote.
        size_px: Height and width wanted; the aspect ratio is not kept.
        cache_dir: Where stores go instead of beside their dataset.

    Raises:
        UserError: A path is no dataset, a video is damaged, the cache cannot be written.
    """
    if not dataset_paths:
        raise UserError("expected at least one dataset folder, found none; name one")
    if size_px < 8:
        raise UserError(f"image size must be at least 8 px, found {size_px}; try 64")
    stores = [_cached_store(Path(path), size_px, cache_dir) for path in dataset_paths]
    return FrameStore.join(stores)


def _cached_store(dataset: Path, size_px: int, cache_dir: Path | str | None) -> FrameStore:
    episodes = list(open_recording(dataset))
    parent = Path(cache_dir) if cache_dir is not None else dataset.resolve().parent
    folder = parent / f".frames-{dataset.resolve().name}"
    key = content_key(size_px, (episode.content_hash for episode in episodes))
    target = folder / f"{size_px}px-{key}"
    if target.is_dir():
        return FrameStore.open(target)
    outdated = sorted(folder.glob(f"{size_px}px-*"))
    try:
        with atomic_folder(target) as partial:
            write_store(partial, episodes, size_px, str(dataset), _reusable(outdated))
    except OSError as error:
        if error.errno not in NOT_TO_BE_WRITTEN:
            raise
        raise UserError(
            f"cannot write the frame store {target} ({error.strerror}); "
            "give a folder that can be written with --cache-dir"
        ) from error
    for old in outdated:
        shutil.rmtree(old, ignore_errors=True)
    return FrameStore.open(target)


def _reusable(folders: Iterable[Path]) -> dict[str, StoredEpisode]:
    """Return the episodes of older stores by content hash."""
    found: dict[str, StoredEpisode] = {}
    for folder in folders:
        try:
            store = FrameStore.open(folder)
        except UserError:  # damaged or of another version: it is about to be deleted anyway
            continue
        found |= {episode.content_hash: episode for episode in store.episodes}
    return found


def write_store(
    folder: Path,
    episodes: Sequence[FilmedEpisode],
    size_px: int,
    source: str,
    known: dict[str, StoredEpisode],
) -> None:
    """Write a store's files into an empty folder.

    Frames are appended with ordinary writes, not through a memory map: on a full disk those fail
    with an error instead of killing the process.

    Args:
        folder: Where to write.
        episodes: What to decode.
        size_px: Size of the frames.
        source: The dataset, as it is named to users.
        known: Episodes that are decoded already, by content hash.
    """
    lengths = [[len(episode.timestamps(view)) for view in episode.views] for episode in episodes]
    total = sum(map(sum, lengths))
    entries, timestamps, position = [], [], 0
    with (
        open(folder / FRAMES_FILE, "wb") as file,
        Progress(total, f"decoding {source}", "frames") as display,
    ):
        header = {"descr": "|u1", "fortran_order": False, "shape": (total, size_px, size_px, 3)}
        np.lib.format.write_array_header_1_0(file, header)
        for episode in episodes:
            origin = known.get(episode.content_hash, episode)
            spans = {}
            for view in episode.views:
                frames = resize_frames(origin.frames(view), size_px)
                times = np.asarray(origin.timestamps(view), np.float64)
                _check_length(source, episode.id, view, len(frames), len(times))
                file.write(np.ascontiguousarray(frames).data)
                timestamps.append(times)
                spans[view] = (position, position + len(frames))
                position += len(frames)
                display.advance(len(frames))
            entry = {"id": episode.id, "split": episode.split, "spans": spans}
            entries.append(entry | {"content_hash": episode.content_hash})
    np.save(folder / TIMESTAMPS_FILE, np.concatenate(timestamps), allow_pickle=False)
    index = {"store_version": STORE_VERSION, "size_px": size_px, "source": source}
    text = json.dumps(index | {"episodes": entries}, indent=1)
    (folder / STORE_FILE).write_text(text + "\n", "utf-8")


def _check_length(source: str, id: int, view: str, num_frames: int, num_times: int) -> None:
    if num_frames != num_times:
        raise UserError(
            f"{source}, episode {id}, view {view!r}: expected {num_times} frames, found "
            f"{num_frames}; find what is damaged with `tcn-robot check {source}`"
        )


def resize_frames(frames: np.ndarray, size_px: int) -> np.ndarray:
    """Return frames (T, H, W, 3) uint8 as (T, S, S, 3): areas averaged, or enlarged bilinearly."""
    height, width = frames.shape[1:3]
    if (height, width) == (size_px, size_px):
        return frames
    method = cv2.INTER_AREA if min(height, width) >= size_px else cv2.INTER_LINEAR
    resized = np.empty((len(frames), size_px, size_px, 3), np.uint8)
    for index, frame in enumerate(frames):
        cv2.resize(frame, (size_px, size_px), dst=resized[index], interpolation=method)
    return resized

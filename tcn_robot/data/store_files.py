"""The files of a frame store: what lies on disk, and a hold on it while somebody reads.

    .frames-NAME/                  beside the dataset NAME, or below a cache folder (places.py)
    ├── 64px-1f0c…/                a whole store, named by size and content
    │   ├── frames.npy             uint8 (F, S, S, 3), RGB: all views of all episodes in a row
    │   ├── timestamps.npy         float64 (F,), seconds, measured
    │   └── store.json             which rows belong to which view of which episode
    ├── .partial-64px-1f0c…/       one that is being made, or was when its maker was killed
    │   ├── frames.npy             of full length from the start; filled in any order
    │   └── done.jsonl             one line for each episode whose frames are all there
    ├── .removed-64px-1f0c…-…/     one that is being deleted, or was damaged and is held still
    └── .building-64px.lock        held (flock) by the process that makes stores of this size

`store.json` has `store_version`, `size_px`, `source` (the dataset) and by episode `id`, `split`,
`content_hash`, `spans` ({view: [first row, row behind the last]}) and `crc32` ({view: checksum of
its rows}, absent in stores made before there was one). One file for all frames: a map per film
would run out of file handles. Whoever reads a store holds `store.json` with a shared flock; a
store is deleted only by a process that gets the exclusive one. The kernel releases both kinds
with the process, kill -9 included.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tcn_robot.atomic import PARTIAL_PREFIX
from tcn_robot.errors import UserError

STORE_VERSION = 1
STORE_FILE = "store.json"
FRAMES_FILE = "frames.npy"
TIMESTAMPS_FILE = "timestamps.npy"
REMOVED_PREFIX = ".removed-"

# File systems without flock: nobody can tell there whether a store is in use.
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP)
# What opening a file raises if a store is not whole; any other OSError is no fault of the store.
_NOT_THERE = (FileNotFoundError, NotADirectoryError, IsADirectoryError)


class Hold:
    """Keeps a store from being deleted for as long as this object lives."""

    def __init__(self, store: Path) -> None:
        """Take hold of a store.

        Raises:
            FileNotFoundError: If it is not there, or was deleted in this moment.
        """
        path = store / STORE_FILE
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(self._file, fcntl.LOCK_SH)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
        if not os.path.samestat(os.fstat(self._file), os.stat(path)):
            raise FileNotFoundError(errno.ENOENT, "deleted in this moment", str(path))

    def __del__(self) -> None:
        """Let go."""
        if hasattr(self, "_file"):
            os.close(self._file)


@dataclass(frozen=True)
class StoreFiles:
    """The arrays of one store.

    Attributes:
        path: Its folder.
        frames: uint8 (F, S, S, 3), memory-mapped, read-only.
        timestamps: float64 (F,), seconds.
    """

    path: Path
    frames: np.ndarray = field(repr=False, compare=False)
    timestamps: np.ndarray = field(repr=False, compare=False)
    _hold: Hold = field(repr=False, compare=False)


def open_files(folder: Path) -> tuple[dict[str, Any], StoreFiles]:
    """Open a store's files and take hold of them.

    Returns:
        What `store.json` says, and the arrays, which agree with it.

    Raises:
        UserError: If it is no store, of another version, or damaged.
        OSError: If this process cannot open it now, which says nothing against the store: memory
            or file handles have run out, it belongs to somebody else, the disk does not answer.
    """
    try:
        hold = Hold(folder)
        index = json.loads((folder / STORE_FILE).read_text("utf-8"))
        _check_version(folder, index)
        frames = np.load(folder / FRAMES_FILE, mmap_mode="r", allow_pickle=False)
        timestamps = np.load(folder / TIMESTAMPS_FILE, allow_pickle=False)
        _check_agreement(index, frames, timestamps)
    except (*_NOT_THERE, ValueError, EOFError) as error:
        raise UserError(f"{folder} is no whole frame store ({error}); delete it") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{folder} is no whole frame store ({STORE_FILE}: {error!r}); delete it"
        ) from error
    return index, StoreFiles(folder, frames, timestamps, hold)


def _check_version(folder: Path, index: dict[str, Any]) -> None:
    found = index["store_version"]
    if found != STORE_VERSION:
        raise UserError(
            f"{folder} has store version {found}, expected {STORE_VERSION}; delete it, it is made "
            "again from the recording"
        )


def _check_agreement(index: dict[str, Any], frames: np.ndarray, timestamps: np.ndarray) -> None:
    """Raise ValueError unless the index and both arrays speak of the same frames."""
    size_px = index["size_px"]
    if frames.dtype != np.uint8 or frames.shape[1:] != (size_px, size_px, 3):
        raise ValueError(f"{FRAMES_FILE} holds {frames.dtype} {frames.shape} at {size_px} px")
    if timestamps.dtype != np.float64 or timestamps.shape != frames.shape[:1]:
        raise ValueError(f"{TIMESTAMPS_FILE} holds {timestamps.dtype} {timestamps.shape}")
    for entry in index["episodes"]:
        for view, (start, stop) in entry["spans"].items():
            if not 0 <= start <= stop <= len(frames):
                raise ValueError(f"rows {start} to {stop} of view {view!r} of {len(frames)} frames")


def remove_if_unused(store: Path) -> bool:
    """Delete a store that no process holds; False, and nothing done, if one does.

    Raises:
        OSError: If it may not be deleted.
    """
    return _unless_held(store, lambda: remove(store))


def set_aside(store: Path) -> None:
    """Take a damaged store's name from it; delete it now, or when those who hold it are gone."""
    _delete_doomed(_rename_doomed(store))


def remove(folder: Path) -> None:
    """Delete a folder, renamed first: killed in the middle, nothing half keeps its name."""
    shutil.rmtree(_rename_doomed(folder), ignore_errors=True)


def remove_left_behind(folder: Path, size_px: int) -> None:
    """Delete what was renamed to be deleted, in a folder of stores, and is held no more.

    Only of one size: what another size's maker has renamed, it may be deleting now.
    """
    for doomed in folder.glob(f"{REMOVED_PREFIX}{size_px}px-*"):
        _delete_doomed(doomed)


def _rename_doomed(folder: Path) -> Path:
    """Move a folder into a new hidden one beside it; return that one."""
    prefix = f"{REMOVED_PREFIX}{folder.name.removeprefix(PARTIAL_PREFIX)}-"
    doomed = Path(tempfile.mkdtemp(prefix=prefix, dir=folder.parent))
    os.rename(folder, doomed / folder.name)
    return doomed


def _delete_doomed(doomed: Path) -> None:
    def delete() -> None:
        shutil.rmtree(doomed, ignore_errors=True)

    with contextlib.suppress(OSError):  # it costs room, nothing else
        inside = next(doomed.iterdir(), doomed)
        _unless_held(inside, delete)


def _unless_held(store: Path, delete: Callable[[], None]) -> bool:
    """Delete with the exclusive lock of a store; False, and nothing done, if it is held."""
    try:
        file = os.open(store / STORE_FILE, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:  # without it nobody can have opened the store
        delete()
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        delete()
    except BlockingIOError:
        return False
    finally:
        os.close(file)
    return True

"""A frame store that is being made: it can be killed at any moment and gone on with.

`frames.npy` has its full length from the start, so that films are written in any order by several
threads, and a disk without room says so before anything is decoded. Frames are written, not
mapped: on a full disk a map kills the process. `done.jsonl` gets a line with the checksums of an
episode when all its frames are written; a line counts only while its checksums hold, so that
nothing need be synced before the end, not even against a power cut.
"""

from __future__ import annotations

import errno
import json
import os
import threading
import zlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from tcn_robot.data.store_files import FRAMES_FILE

DONE_FILE = "done.jsonl"
BLOCK_BYTES = 4 << 20

# Where a file system cannot reserve room, writing finds out.
_CANNOT_RESERVE = (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.ENODEV)


@dataclass(frozen=True)
class DoneEpisode:
    """Frames of one episode that are decoded already.

    Attributes:
        spans: By view, its rows in `frames`.
        crc32: By view, checksum of its rows; None where nobody computed it.
        frames: uint8 (F, S, S, 3), memory-mapped.
    """

    spans: dict[str, tuple[int, int]]
    crc32: dict[str, int] | None
    frames: np.ndarray


class FramesFile:
    """`frames.npy` while it is written, at any place and from any thread."""

    def __init__(self, path: Path, num_frames: int, size_px: int) -> None:
        """Open or make the file and reserve its room.

        Raises:
            OSError: The disk has not that much room, or the file cannot be written.
        """
        header = BytesIO()
        shape = (num_frames, size_px, size_px, 3)
        described = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(header, described)
        self.frame_bytes = size_px * size_px * 3
        self._data_bytes = len(header.getvalue())
        self._path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            _reserve(self._file, self._data_bytes + num_frames * self.frame_bytes)
            self._write_at(header.getvalue(), 0)
        except OSError as error:
            os.close(self._file)
            raise _named(error, path) from error

    def write(self, row: int, frames: np.ndarray) -> None:
        """Write frames, uint8 (N, S, S, 3) and contiguous, from a row on."""
        try:
            self._write_at(frames.reshape(-1).data, self._data_bytes + row * self.frame_bytes)
        except OSError as error:
            raise _named(error, self._path) from error

    def _write_at(self, content: bytes | memoryview, place: int) -> None:
        view = memoryview(content)
        while len(view):
            written = os.pwrite(self._file, view, place)
            view, place = view[written:], place + written

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def _reserve(file: int, num_bytes: int) -> None:
    """Take room on the disk, where that can be done; give the file its length."""
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(file, 0, num_bytes)
        except OSError as error:
            if error.errno not in _CANNOT_RESERVE:
                raise
    os.ftruncate(file, num_bytes)


def _named(error: OSError, path: Path) -> OSError:
    return OSError(error.errno, error.strerror, str(path))


class DoneList:
    """`done.jsonl`: which episodes of a partial store are whole."""

    def __init__(self, folder: Path) -> None:
        """Open the list of a partial store to add to it."""
        self._path = folder / DONE_FILE
        self._file = open(self._path, "ab")  # noqa: SIM115 - closed by `close`
        self._file.write(b"\n")  # ends a line that a kill has left half
        self._lock = threading.Lock()

    def add(self, content_hash: str, spans: dict[str, Any], crc32: dict[str, int]) -> None:
        """Note that all frames of an episode are written; a kill from now on keeps them."""
        entry = {"content_hash": content_hash, "spans": spans, "crc32": crc32}
        try:
            with self._lock:
                self._file.write(json.dumps(entry).encode() + b"\n")
                self._file.flush()
        except OSError as error:
            raise _named(error, self._path) from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_done(folder: Path) -> dict[str, DoneEpisode]:
    """Return the episodes of a partial store that are said to be whole, by content hash.

    What a kill has left half, a line or the header of the frames, counts for nothing.
    """
    try:
        lines = (folder / DONE_FILE).read_bytes().splitlines()
        frames = np.load(folder / FRAMES_FILE, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return {}
    found = {}
    for line in lines:
        try:
            entry = json.loads(line)
            spans = {
                view: (int(start), int(stop)) for view, (start, stop) in entry["spans"].items()
            }
            inside = all(0 <= start <= stop <= len(frames) for start, stop in spans.values())
            if inside and entry["crc32"].keys() == spans.keys():
                found[entry["content_hash"]] = DoneEpisode(spans, entry["crc32"], frames)
        except (ValueError, TypeError, KeyError, AttributeError):
            continue
    return found


def checksum(frames: np.ndarray) -> int:
    """Return the CRC-32 of frames, (N, S, S, 3), read in blocks."""
    crc32 = 0
    step = block_frames(frames)
    for start in range(0, len(frames), step):
        crc32 = zlib.crc32(np.ascontiguousarray(frames[start : start + step]).data, crc32)
    return crc32


def block_frames(frames: np.ndarray) -> int:
    """Return how many of these frames, (N, S, S, 3), are read or written at a time."""
    return max(1, BLOCK_BYTES // max(1, int(np.prod(frames.shape[1:]))))

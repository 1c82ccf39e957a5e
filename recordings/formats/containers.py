"""Whether a film's file ends where it says: MP4, MOV and AVI tell how long they are.

FFmpeg reads what is there of a file that was cut and may not complain.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

_BOX_HEADER_BYTES = 8
_LARGE_BOX_BYTES = 16
_MOST_BOXES = 100_000


def is_cut_short(path: Path) -> bool:
    """Whether the file is shorter than it says itself; False for formats that do not tell."""
    size_bytes = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
            return _end_of_boxes(file, size_bytes) > size_bytes
        if head[:4] == b"RIFF" and head[8:] == b"AVI ":
            declared_bytes = int.from_bytes(head[4:8], "little")
            # A recorder that was stopped leaves 0; what follows 2 GB are further RIFFs.
            return _BOX_HEADER_BYTES + declared_bytes > size_bytes
    return False


def _end_of_boxes(file: BinaryIO, size_bytes: int) -> int:
    """Return where the last box at the top of an MP4 says that it ends."""
    position = 0
    for _ in range(_MOST_BOXES):
        if position + _BOX_HEADER_BYTES > size_bytes:
            break
        file.seek(position)
        header = file.read(_LARGE_BOX_BYTES)
        if not header[4:8].isalnum():
            break  # no box: something stands behind the film
        length = int.from_bytes(header[:4], "big")
        if length == 1:
            length = int.from_bytes(header[8:16], "big")
        if length == 0:  # to the end of the file
            return size_bytes
        position += max(length, _BOX_HEADER_BYTES)
    return position

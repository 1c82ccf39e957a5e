"""Whether a film's file ends where it says: MP4, MOV, AVI, Matroska and WebM tell their length.

FFmpeg reads what is there of a file that was cut and may not complain.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

_BOX_HEADER_BYTES = 8
_LARGE_BOX_BYTES = 16
_MOST_BOXES = 100_000
_EBML = b"\x1a\x45\xdf\xa3"
_SEGMENT = b"\x18\x53\x80\x67"
_LONGEST_LENGTH_BYTES = 8


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
        if head[:4] == _EBML:
            return _end_of_segment(file) > size_bytes
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


def _end_of_segment(file: BinaryIO) -> int:
    """Return where the segment of a Matroska film says that it ends; 0 if it does not say."""
    file.seek(len(_EBML))
    header_bytes = _ebml_length(file)
    if header_bytes is None:
        return 0
    file.seek(header_bytes, 1)
    if file.read(len(_SEGMENT)) != _SEGMENT:
        return 0
    segment_bytes = _ebml_length(file)
    return 0 if segment_bytes is None else file.tell() + segment_bytes


def _ebml_length(file: BinaryIO) -> int | None:
    """Return a length of one to eight bytes, as the first one's leading zeros tell; None: none.

    All ones mean that it was not known, as where a film was written into a pipe.
    """
    first = file.read(1)
    if not first or not first[0]:
        return None
    length_bytes = _LONGEST_LENGTH_BYTES + 1 - first[0].bit_length()
    value = int.from_bytes(first + file.read(length_bytes - 1), "big")
    mask = (1 << 7 * length_bytes) - 1
    return None if value & mask == mask else value & mask

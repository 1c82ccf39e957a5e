"""Sources that lie on the disk and have times of their own: films and folders of pictures."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from tcn_robot.errors import UserError
from tcn_robot.recordings.formats.places import natural
from tcn_robot.recordings.video import TICKS_PER_SECOND, describe_film, iterate_video

_HEAD_BYTES = 4096
_JPEG, _PNG = b"\xff\xd8", b"\x89PNG\r\n\x1a\n"
_PNG_COLOUR_AT = 25  # behind the signature, the chunk's head, the size and the depth
_PNG_WITH_ALPHA = (4, 6)
PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")


class FilmFileSource:
    """A film in any format that FFmpeg reads, upright, at the times that it carries."""

    is_live = False

    def __init__(self, address: str, frame_rate_hz: float | None = None) -> None:
        self.address = address
        path = Path(address)
        self.frame_rate_hz = frame_rate_hz or describe_film(path).rate_hz
        self._frames = iterate_video(path, upright=True)
        first = next(self._frames, None)
        if first is None:
            raise UserError(f"the film {path} has no frame; give another")
        self._first: tuple[int, np.ndarray] | None = first

    def read(self) -> tuple[float, np.ndarray] | None:
        """Return (time in the film in seconds, uint8 (H, W, 3) RGB), or None at the end."""
        if self._first is not None:
            (ticks, frame), self._first = self._first, None
            return ticks / TICKS_PER_SECOND, frame
        found = next(self._frames, None)
        return None if found is None else (found[0] / TICKS_PER_SECOND, found[1])

    def close(self) -> None:
        """Let the film go."""
        self._frames.close()


class PictureFolderSource:
    """Pictures in a folder, in the order of the numbers in their names, at an even rate.

    Their capture times are not known: they are index / rate, and `--rate` says the rate.
    """

    is_live = False

    def __init__(self, address: str, frame_rate_hz: float | None = None) -> None:
        self.address = address
        self._paths = iter(list_pictures(Path(address)))
        if frame_rate_hz is None:
            raise UserError(
                f"{address} is a folder of pictures, which have no times; say how many there are "
                "per second with --rate"
            )
        self.frame_rate_hz: float | None = frame_rate_hz
        self._rate_hz = frame_rate_hz
        self._index = 0

    def read(self) -> tuple[float, np.ndarray] | None:
        """Return (index / rate in seconds, uint8 (H, W, 3) RGB), or None at the end."""
        path = next(self._paths, None)
        if path is None:
            return None
        time_seconds = self._index / self._rate_hz
        self._index += 1
        return time_seconds, read_picture(path)

    def close(self) -> None:
        """Nothing is held open between two pictures."""


def list_pictures(folder: Path) -> list[Path]:
    """Return the pictures of a folder in natural order: 2 before 10.

    Raises:
        UserError: If there is none.
    """
    paths = [path for path in folder.iterdir() if path.suffix.lower() in PICTURE_SUFFIXES]
    if not paths:
        raise UserError(f"the folder {folder} has no picture ({' '.join(PICTURE_SUFFIXES)})")
    return sorted(paths, key=natural)


def read_picture(path: Path) -> np.ndarray:
    """Return a picture as uint8 (H, W, 3), RGB.

    Raises:
        UserError: If it cannot be decoded.
    """
    # Not cv2.imread, which cannot open every path that the system can.
    picture = _decoded(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR_RGB)
    if picture is None:
        raise UserError(f"the picture {path} cannot be decoded; remove or replace it")
    return picture


def _decoded(content: np.ndarray, how: int) -> np.ndarray | None:
    try:
        return cv2.imdecode(content, how)
    except cv2.error:  # empty, or larger than OpenCV takes
        return None


def lost_of_picture(path: Path) -> str | None:
    """Return what of a picture `read_picture` leaves out; None if that is nothing."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if head.startswith(_JPEG):
        return None
    if head.startswith(_PNG) and len(head) > _PNG_COLOUR_AT:
        bits, colour = head[_PNG_COLOUR_AT - 1], head[_PNG_COLOUR_AT]
        has_alpha = colour in _PNG_WITH_ALPHA or b"tRNS" in head.partition(b"IDAT")[0]
    else:
        picture = _decoded(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
        if picture is None:
            return None
        bits = 8 * picture.dtype.itemsize
        has_alpha = picture.ndim == 3 and picture.shape[2] == 4
    if bits > 8:
        return f"have {bits} bits per channel, 8 are kept"
    return "have an alpha channel, which is left out" if has_alpha else None

"""Some frames of a clip, square and small: only those that are asked for are kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from tcn_robot.errors import UserError
from tcn_robot.recordings.capture.files import list_pictures, read_picture
from tcn_robot.recordings.formats.containers import is_cut_short
from tcn_robot.recordings.formats.films import is_film, open_film

# Films count packets in their head; some encoders end with packets that show nothing.
_UNSHOWN_FRAMES = 3


def count_frames(path: Path) -> int:
    """Return how many frames a film, a folder of pictures, or a picture has.

    A film's own word is taken where its head says it; where it does not, packets are counted.

    Raises:
        UserError: If it is missing, damaged, cut short or empty.
    """
    if path.is_dir():
        return len(list_pictures(path))
    if not is_film(path):
        return 1
    if not path.is_file():
        raise UserError(f"the film {path} is missing; restore it or take it off the lists")
    if is_cut_short(path):
        raise UserError(f"{path} is cut short: it is not as long as it says; restore it")
    try:
        with open_film(path) as container:
            stream = container.streams.video[0]
            count = stream.frames or sum(packet.size > 0 for packet in container.demux(stream))
    except (av.FFmpegError, IndexError) as error:
        raise UserError(f"{path} cannot be decoded ({error}); restore it") from error
    if not count:
        raise UserError(f"the film {path} has no frame; remove it from the lists")
    return int(count)


def read_frames(path: Path, indices: NDArray[np.integer], size_px: int) -> NDArray[np.uint8]:
    """Return some frames as squares.

    Args:
        path: A film, a folder of pictures in natural order, or a picture.
        indices: int (N,), from 0, in any order; repeated ones are decoded once.
        size_px: Height and width wanted.

    Returns:
        uint8 (N, size_px, size_px, 3), RGB, as `centre_square` makes them.

    Raises:
        UserError: If an index is below 0 or past the end, or the clip cannot be decoded.
    """
    wanted, inverse = np.unique(np.asarray(indices, np.int64), return_inverse=True)
    if len(wanted) and wanted[0] < 0:
        raise UserError(f"frames of {path} are counted from 0, found {wanted[0]}")
    frames = np.empty((len(wanted), size_px, size_px, 3), np.uint8)
    pictures = _pictures(path, wanted) if path.is_dir() or not is_film(path) else _film(path)
    position, square, index = 0, None, -1
    for index, picture in pictures:
        if position == len(wanted):
            break
        if index == wanted[position]:
            frames[position] = square = centre_square(_array(picture), size_px)
            position += 1
        elif index > wanted[-1] - _UNSHOWN_FRAMES:  # may turn out to be the last there is
            square = centre_square(_array(picture), size_px)
    if position < len(wanted):
        if square is None or wanted[-1] - index > _UNSHOWN_FRAMES:
            raise UserError(f"{path} ends before its frame {wanted[position]}; restore it")
        frames[position:] = square
    return frames[inverse.reshape(-1)]


def centre_square(picture: NDArray[np.uint8], size_px: int) -> NDArray[np.uint8]:
    """Return the largest square in a picture's middle, resized; nothing is stretched.

    Shrinking averages areas, enlarging is bilinear. (Training's frame store squeezes a picture
    into a square instead; for square films, as ours are, both are the same.)

    Args:
        picture: uint8 (H, W, 3).
        size_px: Height and width wanted.

    Returns:
        uint8 (size_px, size_px, 3).
    """
    height, width = picture.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = picture[top : top + side, left : left + side]
    if side == size_px:
        return square
    method = cv2.INTER_AREA if side > size_px else cv2.INTER_LINEAR
    return cv2.resize(square, (size_px, size_px), interpolation=method)  # type: ignore[return-value]


class _Undecoded:
    """A frame of a film that is not yet RGB: most are never looked at."""

    def __init__(self, frame: av.VideoFrame, reformatter: VideoReformatter) -> None:
        self._frame = frame
        self._reformatter = reformatter

    def array(self) -> NDArray[np.uint8]:
        """Return it upright as uint8 (H, W, 3), RGB."""
        rgb = self._reformatter.reformat(self._frame, format="rgb24").to_ndarray()
        quarters = round(self._frame.rotation / 90) % 4
        turned = np.rot90(rgb, quarters) if quarters else rgb
        return np.ascontiguousarray(turned, np.uint8)


def _array(picture: NDArray[np.uint8] | _Undecoded) -> NDArray[np.uint8]:
    return picture.array() if isinstance(picture, _Undecoded) else picture


def _film(path: Path) -> Iterator[tuple[int, _Undecoded]]:
    if not path.is_file():
        raise UserError(f"the film {path} is missing; restore it or take it off the lists")
    try:
        with open_film(path) as container:
            stream = container.streams.video[0]
            stream.thread_count = 1
            reformatter = VideoReformatter()
            for index, frame in enumerate(container.decode(stream)):
                yield index, _Undecoded(frame, reformatter)
    except (av.FFmpegError, IndexError) as error:
        raise UserError(f"{path} cannot be decoded ({error}); restore it") from error


def _pictures(path: Path, wanted: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    files = list_pictures(path) if path.is_dir() else [path]
    for index in wanted.tolist():
        if index >= len(files):
            return
        yield index, read_picture(files[index])

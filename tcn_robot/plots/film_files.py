"""Films as files: H.264 that every browser plays, or GIF, frame by frame in bounded memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray

from tcn_robot.errors import UserError

if TYPE_CHECKING:
    from PIL.Image import Image

# A GIF is held in memory while it is written, a byte per pixel, and nobody downloads a longer one.
MOST_GIF_FRAMES = 500
PALETTE_FRAMES = 12
# One of the 256 is for "as before".
GIF_COLOURS = 255
NOISE_LEVELS = 10
H264_CRF = "20"


def write_film(path: Path, frames: Iterable[NDArray[np.uint8]], frames_per_second: float) -> int:
    """Write a film in the format of the path's suffix, .mp4 or .gif.

    Args:
        path: File to write.
        frames: uint8 (H, W, 3), RGB, all of one size. An odd last row or column is repeated in
            .mp4, as 4:2:0 wants.
        frames_per_second: How fast it plays, > 0.

    Returns:
        How many frames were written.

    Raises:
        UserError: No frame, another suffix, or a GIF of more than 500 frames.
    """
    writers = {".mp4": write_mp4, ".gif": _write_gif}
    writer = writers.get(path.suffix.lower())
    if writer is None:
        raise UserError(f"expected a film ending with .mp4 or .gif, found {path}")
    stream = iter(frames)
    first = next(stream, None)
    if first is None:
        raise UserError("expected a film of one frame or more, found none; give a longer film")
    return writer(path, chain([first], stream), frames_per_second)


def write_mp4(target: Path | BinaryIO, frames: Iterable[NDArray[np.uint8]], rate_hz: float) -> int:
    """Write H.264 in yuv420p, the one profile that every browser plays.

    Args:
        target: A path, whose film starts to play before all of it is there, or a file in memory.
        frames: uint8 (H, W, 3), RGB, all of one size; see `even_sided`.
        rate_hz: Frames per second, > 0.

    Returns:
        How many frames were written.
    """
    import av

    count, to_disk = 0, isinstance(target, Path)
    place = str(target) if to_disk else target
    layout = {"movflags": "+faststart"} if to_disk else {}  # which reads the written file again
    with av.open(place, "w", format="mp4", options=layout) as container:
        rate = Fraction(rate_hz).limit_denominator(1000)
        options = {"crf": H264_CRF, "preset": "medium", "threads": "1", "mbtree": "0"}
        stream = container.add_stream("libx264", rate=rate, options=options)
        stream.pix_fmt = "yuv420p"
        stream.thread_count = 1  # the same frames give the same bytes
        for frame in frames:
            even = even_sided(frame)
            if count == 0:
                stream.height, stream.width = even.shape[:2]
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(even), format="rgb24")
            container.mux(stream.encode(picture))
            count += 1
        container.mux(stream.encode(None))
    return count


def even_sided(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a frame (H, W, 3) whose odd last row or column is repeated, as 4:2:0 wants."""
    height, width = frame.shape[:2]
    return np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


def _write_gif(path: Path, frames: Iterable[NDArray[np.uint8]], rate_hz: float) -> int:
    """Write a GIF with one palette for all frames, so that what stands still is stored once.

    The palette needs frames of the whole film: they wait on the disk until it is known.
    """
    with tempfile.TemporaryFile() as waiting:
        shape, count = (0, 0, 0), 0
        for frame in frames:
            if count == MOST_GIF_FRAMES:
                raise UserError(
                    f"a GIF holds at most {MOST_GIF_FRAMES} frames here; write --out film.mp4, or "
                    "leave frames out with --every 2"
                )
            shape, count = frame.shape, count + 1
            waiting.write(np.ascontiguousarray(frame).tobytes())
        waiting.flush()
        stored = np.memmap(waiting, np.uint8, "r", shape=(count, *shape))  # (T, H, W, 3)
        pictures = _reduced(stored, _palette(stored))
        first = next(pictures)
        # Players count in hundredths of a second, and none keeps up with less than two of them.
        hundredths = max(round(100 / rate_hz), 2)
        first.save(
            path,
            format="GIF",
            save_all=True,
            append_images=pictures,
            duration=10 * hundredths,
            loop=0,
            optimize=True,
        )
        del stored
    return count


def _palette(frames: NDArray[np.uint8]) -> Image:
    """Return 255 colours for frames (T, H, W, 3), as a picture of Pillow's that has them."""
    from PIL import Image

    picked = np.unique(np.linspace(0, len(frames) - 1, PALETTE_FRAMES).round().astype(int))
    sheet = np.concatenate([frames[index] for index in picked])  # (k * H, W, 3)
    return Image.fromarray(sheet).quantize(GIF_COLOURS, Image.Quantize.MEDIANCUT)


def _reduced(frames: NDArray[np.uint8], palette: Image) -> Iterator[Image]:
    """Yield frames (T, H, W, 3) in the colours of a palette.

    What differs less from what is shown than the noise of a film's encoding stays as it is, or
    every frame would store every pixel anew.
    """
    from PIL import Image

    shown = np.zeros(frames.shape[1:], np.int16)
    indices = np.zeros(frames.shape[1:3], np.uint8)
    for count, frame in enumerate(frames):
        picture = Image.fromarray(np.asarray(frame))
        reduced = picture.quantize(palette=palette, dither=Image.Dither.NONE)
        changed = np.abs(frame - shown).max(axis=2) > NOISE_LEVELS
        if count == 0:
            changed[:] = True
        indices = np.where(changed, np.asarray(reduced), indices)
        shown = np.where(changed[..., None], frame, shown)
        kept = Image.fromarray(indices)
        kept.putpalette(palette.getpalette() or [])
        yield kept

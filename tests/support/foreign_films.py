"""Small films as other programs write them: any encoding, container, rate, rotation."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np


def write_film(
    path: Path,
    frames: np.ndarray,
    codec: str = "libx264",
    rate: Fraction | int = 30,
    ticks_ms: Sequence[int] | None = None,
    pixels: str = "yuv420p",
    options: dict[str, str] | None = None,
) -> Path:
    """Write frames, uint8 (T, H, W, 3), at a rate or at given milliseconds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=Fraction(rate), options=options or {})
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = pixels
        if ticks_ms is not None:
            stream.codec_context.time_base = stream.time_base = Fraction(1, 1000)
        container.start_encoding()  # a film of no frame is a film, too
        for index, picture in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            if ticks_ms is not None:
                frame.pts, frame.time_base = ticks_ms[index], Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def lay_on_its_side(path: Path) -> None:
    """Set a rotation by a quarter turn in the track header of an MP4, as phones do."""
    content = bytearray(path.read_bytes())
    at = content.index(b"tkhd") + 4  # version and flags, then 36 bytes in version 0 to the matrix
    assert content[at] == 0
    one = 1 << 16
    content[at + 40 : at + 76] = struct.pack(">9i", 0, one, 0, -one, 0, 0, 0, 0, 1 << 30)
    path.write_bytes(bytes(content))


def decoded(path: Path) -> np.ndarray:
    """Return what a film shows by itself, uint8 (T, H, W, 3), without any code of ours."""
    with av.open(str(path)) as container:
        return np.array([one.to_ndarray(format="rgb24") for one in container.decode(video=0)])

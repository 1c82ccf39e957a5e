"""Pictures and films as bytes and as data URIs, so that a page needs no other file."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np

from tcn_robot.plots.film_files import even_sided, write_mp4


@dataclass(frozen=True)
class Film:
    """An H.264 film that every browser plays.

    Attributes:
        mp4: The file's bytes.
        poster_jpeg: The still that stands for it until it plays.
        width_px: Width of a frame.
        height_px: Height of a frame.
    """

    mp4: bytes
    poster_jpeg: bytes
    width_px: int
    height_px: int


def data_uri(mime_type: str, content: bytes) -> str:
    """Return the content as a URI that can stand in any `src`."""
    return f"data:{mime_type};base64,{base64.b64encode(content).decode('ascii')}"


def encode_jpeg(image: np.ndarray, quality: int = 88) -> bytes:
    """Encode one picture.

    Args:
        image: uint8 (H, W, 3), RGB.
        quality: JPEG quality, 1 to 100.
    """
    import cv2

    ok, encoded = cv2.imencode(
        ".jpg", np.ascontiguousarray(image[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    if not ok:
        raise ValueError(f"cannot encode a picture of shape {image.shape} and dtype {image.dtype}")
    return encoded.tobytes()


def enlarge(frames: np.ndarray, height_px: int) -> np.ndarray:
    """Scale frames up to at least a height, by a whole or broken factor, never down.

    Args:
        frames: uint8 (T, H, W, 3).
        height_px: Height wanted; frames that are higher already are returned as they are.

    Returns:
        uint8 (T, H', W', 3) with H' and W' even, as H.264 wants them.
    """
    import cv2

    scale = max(1.0, height_px / frames.shape[1])
    height, width = (2 * round(side * scale / 2) for side in frames.shape[1:3])
    if (height, width) == frames.shape[1:3]:
        return frames
    resized = [
        cv2.resize(frame, (width, height), interpolation=cv2.INTER_CUBIC) for frame in frames
    ]
    return np.stack(resized)  # (T, H', W', 3)


def encode_film(frames: np.ndarray, frames_per_second: float, poster_at: float = 0.5) -> Film:
    """Encode frames as H.264 in yuv420p, the one profile every browser plays.

    Args:
        frames: uint8 (T, H, W, 3), RGB; an odd last row or column is repeated.
        frames_per_second: How fast the film plays.
        poster_at: Share of the film, in [0, 1], whose frame becomes the poster.
    """
    if len(frames) == 0:
        raise ValueError("a film needs at least one frame")
    buffer = io.BytesIO()
    write_mp4(buffer, frames, frames_per_second)
    poster = even_sided(frames[min(len(frames) - 1, int(poster_at * len(frames)))])
    return Film(buffer.getvalue(), encode_jpeg(poster), poster.shape[1], poster.shape[0])


def film_from_file(mp4: bytes) -> Film:
    """Take over a film that exists, encoded again only if browsers would not play it.

    Args:
        mp4: The bytes of any film that PyAV reads.
    """
    import av

    with av.open(io.BytesIO(mp4), "r") as container:
        stream = container.streams.video[0]
        playable = stream.codec_context.name == "h264" and stream.pix_fmt == "yuv420p"
        rate = float(stream.average_rate or 10)
        frames = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(stream)])
    if not playable:
        return encode_film(frames, rate)
    poster = frames[len(frames) // 2]
    return Film(mp4, encode_jpeg(poster), frames.shape[2], frames.shape[1])

"""Several frames as one input: which frames of a film an embedding looks back at."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from tcn_robot.errors import UserError


def look_back(num_frames: int, stride_frames: int) -> int:
    """Return how many frames before its own an embedding may look at."""
    return (num_frames - 1) * stride_frames


def windows(
    frames: Iterable[np.ndarray], num_frames: int, stride_frames: int
) -> Iterator[np.ndarray]:
    """Yield what each frame of a stream is embedded from, in constant memory.

    Args:
        frames: (H, W, 3) each, as they come.
        num_frames: T.
        stride_frames: s.

    Yields:
        (T, H, W, 3), the newest last; equal to what `clips.expand_clip` picks of the whole film.
    """
    kept: deque[np.ndarray] = deque(maxlen=look_back(num_frames, stride_frames) + 1)
    for given in frames:
        frame = np.array(given)  # whoever films may write the next frame into the same memory
        if not kept:
            kept.extend([frame] * (kept.maxlen or 1))
        else:
            kept.append(frame)
        yield np.stack(list(kept)[::stride_frames])


def embed_film(encoder: Any, frames: np.ndarray, embodiment: str) -> np.ndarray:
    """Embed the frames of one film by the statistics of its body, where an encoder has such.

    Args:
        encoder: An `Encoder`, or anything with its `embed`.
        frames: uint8 (N, H, W, 3).
        embodiment: The film's body.

    Returns:
        float32 (N, D).
    """
    if not getattr(encoder, "bodies", ()):
        return encoder.embed(frames)  # type: ignore[no-any-return]
    return encoder.embed(frames, body=embodiment)  # type: ignore[no-any-return]


def body_indices(bodies: Sequence[str], embodiments: Sequence[str]) -> np.ndarray:
    """Return the place of each episode's body among an encoder's, int64 (E,).

    Raises:
        UserError: If the encoder does not know one.
    """
    unknown = sorted({body or "no named body" for body in embodiments if body not in bodies})
    if unknown:
        raise UserError(
            f"the encoder has statistics of --bodies {' '.join(bodies)}, found episodes of "
            f"{', '.join(unknown)}; name every body of the recordings"
        )
    return np.array([bodies.index(body) for body in embodiments], np.int64)

"""Several frames as one input: which frames of a film an embedding looks back at."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np


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

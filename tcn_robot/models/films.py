"""Several frames as one input: which frames of a film an embedding looks back at."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np


def look_back(num_frames: int, stride_frames: int) -> int:
    """Return how many frames before its own an embedding may look at."""
    return (num_frames - 1) * stride_frames


def window_indices(start: int, stop: int, num_frames: int, stride_frames: int) -> np.ndarray:
    """Return the frames that belong to the embeddings of frames start to stop - 1.

    Frame t looks at t - (T - 1) s, ..., t - s, t (mfTCN, Dwibedi et al. 2018, section III.A);
    before the film's start its first frame is repeated.

    Args:
        start: First frame that is embedded.
        stop: The one behind the last.
        num_frames: T, frames of one embedding.
        stride_frames: s, distance between two of them.

    Returns:
        int64 (stop - start, T), each row in the order of time, none below 0.
    """
    back = np.arange(num_frames - 1, -1, -1) * stride_frames  # (T,)
    return np.maximum(np.arange(start, stop)[:, None] - back, 0)


def windows(
    frames: Iterable[np.ndarray], num_frames: int, stride_frames: int
) -> Iterator[np.ndarray]:
    """Yield what each frame of a stream is embedded from, in constant memory.

    Args:
        frames: (H, W, 3) each, as they come.
        num_frames: T.
        stride_frames: s.

    Yields:
        (T, H, W, 3), the newest last; equal to what `window_indices` picks of the whole film.
    """
    kept: deque[np.ndarray] = deque(maxlen=look_back(num_frames, stride_frames) + 1)
    for frame in frames:
        if not kept:
            kept.extend([frame] * (kept.maxlen or 1))
        else:
            kept.append(frame)
        yield np.stack(list(kept)[::stride_frames])

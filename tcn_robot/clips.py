"""Clips for encoders that see several frames at once: which frames, in training and in use.

A leaf that every part may import.
"""

from __future__ import annotations

import numpy as np


def expand_clip(frame: np.ndarray, num_frames: int, stride_frames: int) -> np.ndarray:
    """Return the frames that a clip ending at each frame consists of.

    Frame t looks at t - (T - 1) s, ..., t - s, t (mfTCN, Dwibedi et al. 2018, section III.A).
    A clip looks back, so that a robot can make it while it acts. Before the film's first frame
    that frame is repeated: a clip has the same length everywhere, and no film is too short.

    Args:
        frame: int (N,), indices into films, from 0.
        num_frames: T, frames of a clip.
        stride_frames: Distance s between them.

    Returns:
        int64 (N, T): t - (T - 1) s, …, t - s, t, none below 0.
    """
    back = stride_frames * np.arange(num_frames - 1, -1, -1)  # (T,)
    return np.maximum(np.asarray(frame, np.int64)[:, None] - back, 0)

"""Small films that are made up."""

from __future__ import annotations

import numpy as np


def moving_square(num_frames: int, height_px: int = 32, width_px: int = 40) -> np.ndarray:
    """uint8 (T, H, W, 3): a red square that wanders over a gradient."""
    rows, columns = np.mgrid[0:height_px, 0:width_px]
    ground = np.stack([rows * 4, columns * 3, np.full_like(rows, 90)], axis=-1).astype(np.uint8)
    frames = np.repeat(ground[None], num_frames, axis=0)
    for index, frame in enumerate(frames):
        left = (3 * index) % (width_px - 8)
        frame[4:12, left : left + 8] = (230, 40, 30)
    return frames

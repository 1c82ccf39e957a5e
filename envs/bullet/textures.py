"""Grey patterns for the table, as pictures; those that MuJoCo makes from assets/scene.xml."""

from __future__ import annotations

import numpy as np

CELL_PX = 32
LIGHT, DARK = 255, 168
NOISE_SHARE, NOISE_SEED = 0.4, 0


def pattern(name: str) -> np.ndarray:
    """Return one cell of a pattern, uint8 (CELL_PX, CELL_PX).

    Args:
        name: One of `randomisation.table.TEXTURES`.
    """
    rows, columns = np.indices((CELL_PX, CELL_PX))
    edge, middle = CELL_PX - 1, CELL_PX // 2
    dark = {
        "checker": (rows < middle) ^ (columns < middle),
        "crosses": (rows == middle) | (columns == middle),
        "noise": np.random.default_rng(NOISE_SEED).random((CELL_PX, CELL_PX)) < NOISE_SHARE,
        "tiles": (rows % edge == 0) | (columns % edge == 0),
    }
    if name == "gradient":
        away = np.hypot(rows - edge / 2, columns - edge / 2) / np.hypot(edge / 2, edge / 2)
        return np.round(LIGHT + away * (DARK - LIGHT)).astype(np.uint8)
    return np.where(dark[name], DARK, LIGHT).astype(np.uint8)


def texture_picture(name: str, repeat: int) -> np.ndarray:
    """Return a pattern laid side by side, uint8 (repeat * CELL_PX, repeat * CELL_PX)."""
    return np.tile(pattern(name), (repeat, repeat))

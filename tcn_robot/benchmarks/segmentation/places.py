"""Maps at the pixels of a frame: between two places of a map lies what is between their values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def between(source: int, target: int) -> Floats:
    """Return with which weights each of `target` pixels takes from `source` places in a row.

    Linear interpolation between the middles of places, the first and the last repeated beyond:
    torch's `interpolate` with mode bilinear and align_corners off, along one side.

    Args:
        source: Places of the map.
        target: Pixels of the frame.

    Returns:
        float64 (target, source), rows summing to 1.
    """
    middle = (np.arange(target) + 0.5) * source / target - 0.5
    middle = np.clip(middle, 0, source - 1)
    low = np.floor(middle).astype(np.int64)
    high = np.minimum(low + 1, source - 1)
    weights = np.zeros((target, source))
    rows = np.arange(target)
    np.add.at(weights, (rows, low), 1 - (middle - low))
    np.add.at(weights, (rows, high), middle - low)
    return weights


def spread_out(maps: NDArray[np.floating], height: int, width: int) -> Floats:
    """Return maps (N, C, h, w) at each pixel, float64 (N, C, height, width)."""
    rows, columns = between(maps.shape[2], height), between(maps.shape[3], width)
    return np.einsum("yh,nchw,xw->ncyx", rows, maps, columns, optimize=True)


def at_pixels(
    maps: NDArray[np.floating],
    shape: tuple[int, int],
    frame: NDArray[np.int64],
    row: NDArray[np.int64],
    column: NDArray[np.int64],
) -> Floats:
    """Return maps at some pixels: the same as `spread_out` there.

    Args:
        maps: (N, C, h, w).
        shape: (height, width) of the frame.
        frame: int64 (P,), which of the N.
        row: int64 (P,), from 0 at the top.
        column: int64 (P,).

    Returns:
        float64 (P, C).
    """
    rows, columns = between(maps.shape[2], shape[0])[row], between(maps.shape[3], shape[1])[column]
    values = np.zeros((len(frame), maps.shape[1]))
    # At most two places along each side have a weight.
    top, left = rows.argmax(axis=1), columns.argmax(axis=1)
    for y in (-1, 0, 1):
        for x in (-1, 0, 1):
            i, j = top + y, left + x
            inside = (i >= 0) & (i < rows.shape[1]) & (j >= 0) & (j < columns.shape[1])
            which = np.flatnonzero(inside)
            weight = rows[which, i[which]] * columns[which, j[which]]
            values[which] += weight[:, None] * maps[frame[which], :, i[which], j[which]]
    return values

"""Several films aligned with one of them, played in step in a grid."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tcn_robot.plots.painting import (
    INK,
    MUTED,
    RIGHT_COLOUR,
    Picture,
    below,
    beside,
    blank,
    bordered,
    caption,
    clock,
    fitted,
    on_page,
)
from tcn_robot.plots.played import Shelf

BORDER_PX = 4


@dataclass(frozen=True)
class Cell:
    """One film of a grid.

    Attributes:
        title: What it is called.
        times_seconds: float64 (S,).
        shown: int64 (T,), its frame for each frame of the reference.
        shelf: Its frames.
        has_times: Whether its times were measured, and may be told.
    """

    title: str
    times_seconds: NDArray[np.float64]
    shown: NDArray[np.int64]
    shelf: Shelf
    has_times: bool = True


def grid_film(
    cells: Sequence[Cell], reference: int, heading: str, size_px: int, every: int = 1
) -> Iterator[Picture]:
    """Yield the frames of a grid of films.

    Args:
        cells: One or more; each is told which of its frames stands beside each of the reference.
        reference: Which of them the others follow; it has a border.
        heading: Line above the grid.
        size_px: Side of a cell.
        every: Only every so-many-th frame of the reference.

    Returns:
        uint8 (H, W, 3) each, of even height and width.
    """
    columns = math.ceil(math.sqrt(len(cells)))
    for tick in range(0, len(cells[reference].shown), every):
        panels = [
            _panel(cell, tick, index == reference, size_px) for index, cell in enumerate(cells)
        ]
        while len(panels) % columns:
            panels.append(blank(panels[0].shape[0], size_px))
        rows = [beside(panels[i : i + columns]) for i in range(0, len(panels), columns)]
        grid = below(rows)
        yield on_page(below([caption(heading, grid.shape[1], INK), grid], 4))


def _panel(cell: Cell, tick: int, is_reference: bool, size_px: int) -> Picture:
    frame = int(cell.shown[tick])
    seconds = float(cell.times_seconds[frame])
    picture = fitted(cell.shelf[frame], size_px, size_px)
    if is_reference:
        picture = bordered(picture, RIGHT_COLOUR, BORDER_PX)
    share = seconds / max(float(cell.times_seconds[-1]), 1e-12)
    place = f"{seconds:.1f} s" if cell.has_times else f"frame {frame}"
    title = f"{cell.title} · {place}"
    colour = RIGHT_COLOUR if is_reference else MUTED
    return below([picture, clock(size_px, share), caption(title, size_px, colour)], 0)

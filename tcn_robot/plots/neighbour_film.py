"""Nearest-neighbour films: a query, and beside it the frame that each encoder finds nearest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tcn_robot.plots.neighbours import Neighbours
from tcn_robot.plots.painting import (
    INK,
    MUTED,
    Picture,
    below,
    beside,
    blank,
    caption,
    clock,
    fitted,
    on_page,
)
from tcn_robot.plots.played import PlayedFilm, Shelf, moment

# As the report has it: within this share of the film the moment counts as found.
RIGHT_WITHIN = 0.05


@dataclass(frozen=True)
class Target:
    """A film in which neighbours are looked for.

    Attributes:
        title: What it is called below its frames.
        times_seconds: float64 (S,).
        synchronised: Whether it shows the same moments as the query, which are then checked.
        has_times: Whether its times were measured, and may be told.
    """

    title: str
    times_seconds: NDArray[np.float64]
    synchronised: bool = False
    has_times: bool = True


@dataclass(frozen=True)
class Found:
    """What one encoder finds for every frame of the query.

    Attributes:
        title: Name of the encoder.
        target: int64 (T,), which target film.
        frame: int64 (T,), which of its frames.
        neighbours: Distances and ties.
    """

    title: str
    target: NDArray[np.int64]
    frame: NDArray[np.int64]
    neighbours: Neighbours


def located(title: str, neighbours: Neighbours, lengths: Sequence[int]) -> Found:
    """Return neighbours among the frames of several films, all below each other, by film."""
    ends = np.cumsum(lengths)
    target = np.searchsorted(ends, neighbours.index, side="right")
    frame = neighbours.index - (ends - np.asarray(lengths))[target]
    return Found(title, target.astype(np.int64), frame.astype(np.int64), neighbours)


def neighbour_film(
    query: PlayedFilm,
    found: Sequence[Found],
    targets: Sequence[Target],
    shelves: Mapping[int, Shelf],
    size_px: int,
    every: int = 1,
    query_heading: str = "query",
) -> Iterator[Picture]:
    """Yield the frames of the film: the query left, a column per encoder right of it.

    Args:
        query: The film that is imitated.
        found: One per encoder.
        targets: The films that it is imitated with.
        shelves: Frames of the targets that were found, by their position.
        size_px: Side of a panel.
        every: Only every so-many-th frame.
        query_heading: Line above the query.

    Returns:
        uint8 (H, W, 3) each, of even height and width; below each frame a bar for its place in
        its film, which says where the true moment is known whether it was met.
    """
    duration = max(float(query.times_seconds[-1]), 1e-12)
    for index, frame in enumerate(query.frames):
        if index % every:
            continue
        now = float(query.times_seconds[index])
        place = moment(now, index, query.has_times)
        words = (query_heading, query.title, place, "")
        panels = [_panel(frame, words, now / duration, None, size_px)]
        for one in found:
            target = targets[one.target[index]]
            then = float(target.times_seconds[one.frame[index]])
            is_right = None
            if target.synchronised:
                is_right = abs(then - now) <= RIGHT_WITHIN * duration
            place = moment(then, int(one.frame[index]), target.has_times)
            words = (one.title, target.title, place, _distance_words(one, index))
            share = then / max(float(target.times_seconds[-1]), 1e-12)
            picture = shelves[int(one.target[index])][int(one.frame[index])]
            panels.append(_panel(picture, words, share, is_right, size_px))
        yield on_page(beside(panels))


def _distance_words(one: Found, index: int) -> str:
    ties = int(one.neighbours.ties[index])
    tied = f", {ties} equally near" if ties > 1 else ""
    return f"distance {one.neighbours.distance[index]:.2f}{tied}"


def _panel(
    frame: Picture,
    words: tuple[str, str, str, str],
    share: float,
    is_right: bool | None,
    size_px: int,
) -> Picture:
    heading, *lines = words
    return below(
        [
            caption(heading, size_px, INK),
            fitted(frame, size_px, size_px),
            clock(size_px, share, is_right),
            blank(3, size_px),
            *[caption(line, size_px, MUTED) for line in lines],
        ],
        0,
    )

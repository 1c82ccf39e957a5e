"""A film beside its point that moves through the plane, for one encoder or several."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tcn_robot.look import DARK, drawing
from tcn_robot.plots.colours import Colouring, scale_colours
from tcn_robot.plots.painting import (
    INK,
    LINE_PX,
    MUTED,
    Picture,
    below,
    beside,
    blank,
    caption,
    clock,
    fitted,
    on_page,
    paint_dot,
    paint_trail,
)
from tcn_robot.plots.plane import Plane, draw_plane, place_in_pixels, square_limits
from tcn_robot.plots.played import PlayedFilm, in_step, moment
from tcn_robot.plots.tracks import Track, split_back

WHITE = (255, 255, 255)
# Rims of the points, and titles of their films: none is a colour of time.
RIMS = (WHITE, (64, 224, 208), (124, 220, 84), (96, 165, 255))
DOT_PX = 6.0
TRAIL_FRAMES = 25
MOST_PLAYED = 4
_DPI = 100
_TILE_GAP_PX = 4


@dataclass(frozen=True)
class Ground:
    """The picture of a plane, and where the played films go in it.

    Attributes:
        title: Name of the encoder.
        picture: uint8 (H, H, 3).
        places: Per played film the pixel of each of its frames, float64 (T, 2): column, row.
    """

    title: str
    picture: Picture
    places: list[NDArray[np.float64]]


def draw_ground(
    plane: Plane,
    tracks: Sequence[Track],
    colouring: Colouring,
    played: Sequence[tuple[int, NDArray[np.float64]]],
    size_px: int,
) -> Ground:
    """Draw all points of a plane faintly, and find the pixels of the films that are played.

    Args:
        plane: The points of all tracks.
        tracks: Thinned or not.
        colouring: Colours of the points.
        played: Position of the track, and times in seconds (T,) of all frames of its film; between
            the frames that the track has the point moves straight.
        size_px: Height and width of the picture.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    views = list(dict.fromkeys(track.view for track in tracks))
    with drawing(DARK):
        figure = Figure(figsize=(size_px / _DPI, size_px / _DPI), dpi=_DPI, facecolor=DARK.paper)
        canvas = FigureCanvasAgg(figure)
        axis = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        draw_plane(axis, plane, tracks, colouring, views, DARK, alpha=0.4)
        axis.set_title("")
        axis.grid(False)
        axis.set_xticks([])
        axis.set_yticks([])
        for side in axis.spines.values():
            side.set_visible(False)
        square_limits(axis, plane.projection.points, margin=0.08)
        canvas.draw()
        picture = np.asarray(canvas.buffer_rgba())[..., :3].copy()
        rows = split_back(plane.projection.points, tracks)
        places = []
        for index, times_seconds in played:
            known = tracks[index].times_seconds
            columns = [np.interp(times_seconds, known, row) for row in rows[index].T]
            places.append(place_in_pixels(axis, np.stack(columns, axis=1)))
    return Ground(plane.title, picture, places)


def point_film(
    films: Sequence[PlayedFilm], grounds: Sequence[Ground], every: int = 1
) -> Iterator[Picture]:
    """Yield the frames of the film: the films in step left, each encoder's plane right of them.

    Args:
        films: At most 4, such as the views of an episode; each has its own point, whose rim has
            the colour of the film's title.
        grounds: One per encoder.
        every: Only every so-many-th frame.

    Returns:
        uint8 (H, W, 3) each, of even height and width.
    """
    size = grounds[0].picture.shape[0]
    longest = max(films, key=lambda film: film.times_seconds[-1])
    ticks = longest.times_seconds[::every]
    indices = [_index_at(film.times_seconds, ticks) for film in films]
    shares = [film.times_seconds / max(film.times_seconds[-1], 1e-12) for film in films]
    colours = [np.round(255 * scale_colours(s, (0, 1))[:, :3]).astype(np.uint8) for s in shares]
    for tick, frames in enumerate(in_step(films, ticks)):
        share = float(ticks[tick] / max(ticks[-1], 1e-12))
        now = [int(row[tick]) for row in indices]
        pictures = _tiled(frames, [film.title for film in films], size)
        width = pictures.shape[1]
        words = moment(float(ticks[tick]), now[0], films[0].has_times)
        foot = below([clock(width, share), caption(words, width, MUTED)], 0)
        left = below([pictures, foot], 4)
        panels = [left]
        for ground in grounds:
            picture = ground.picture.copy()
            for places, colour, index in zip(ground.places, colours, now, strict=True):
                start = max(index - TRAIL_FRAMES, 0)
                paint_trail(picture, places[start : index + 1], colour[start : index + 1])
            for number, (places, colour) in enumerate(zip(ground.places, colours, strict=True)):
                index = now[number]
                fill = tuple(colour[index].tolist())
                paint_dot(picture, places[index], DOT_PX, fill, RIMS[number])
            panels.append(below([picture, caption(ground.title, size)], 4))
        yield on_page(beside(panels))


def _index_at(times_seconds: NDArray[np.float64], ticks: NDArray[np.float64]) -> NDArray[np.int64]:
    from tcn_robot.matching import nearest_frames

    return nearest_frames(ticks, times_seconds)


def _tiled(frames: Sequence[Picture], titles: Sequence[str], size_px: int) -> Picture:
    """Put one to four frames with their titles into a square, two of them below each other."""
    if len(frames) == 1:
        return _titled(frames[0], titles[0], size_px)
    half = (size_px - LINE_PX - _TILE_GAP_PX) // 2
    tiles = [
        _titled(frame, title, half, RIMS[number])
        for number, (frame, title) in enumerate(zip(frames, titles, strict=True))
    ]
    if len(tiles) == 2:
        return below(tiles, _TILE_GAP_PX)
    if len(tiles) == 3:
        tiles.append(blank(half + LINE_PX, half))
    return below([beside(tiles[:2], _TILE_GAP_PX), beside(tiles[2:], _TILE_GAP_PX)], _TILE_GAP_PX)


def _titled(
    frame: Picture, title: str, side_px: int, colour: tuple[int, int, int] = INK
) -> Picture:
    return below([fitted(frame, side_px, side_px), caption(title, side_px, colour)], 0)

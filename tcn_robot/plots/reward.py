"""A learned reward along films: curves above their thumbnails, or as a film with a moving mark."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tcn_robot.errors import UserError
from tcn_robot.look import DARK, Look, blank_figure, drawing, image_axes
from tcn_robot.plots.painting import (
    LINE_PX,
    Picture,
    Rgb,
    below,
    beside,
    bordered,
    caption,
    fitted,
    on_page,
    paint_dot,
    paint_trail,
)
from tcn_robot.plots.plane import place_in_pixels
from tcn_robot.plots.played import PlayedFilm, in_step, moment

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

THUMBNAILS = 8
CURVES_INCHES = 3.2
# Of the figure's width; the rest is for the words beside it.
STRIP_SHARE = 0.77
MOST_TRACES = 8
# By what happened in an episode, a shade for each of a kind: on white paper, and on dark.
KIND_COLOURS = {
    "success": (("#0f766e", "#2dd4bf"), ("#65a30d", "#a3d154")),
    "failure": (
        *(("#c2570c", "#fb9a52"), ("#be185d", "#f472b6"), ("#a16207", "#facc15")),
        *(("#7f1d1d", "#f87171"), ("#86198f", "#e879f9")),
    ),
    "play": (("#1d4ed8", "#7aa2ff"), ("#0e7490", "#67e8f9")),
    "other": (("#57534e", "#d6d3d1"), ("#a8a29e", "#a8a29e")),
}
_DPI = 100


@dataclass(frozen=True)
class Trace:
    """The reward along one film.

    Attributes:
        title: What happens in it.
        kind: "success", "failure", "play" or "other"; decides the colour.
        times_seconds: float64 (T,), from the first frame.
        reward: (T,), one number per frame.
        thumbnails: uint8 (K, H, W, 3), moments spread evenly over the film, K >= 1.
        has_times: Whether the times were measured, and may be told.
    """

    title: str
    kind: str
    times_seconds: NDArray[np.float64]
    reward: NDArray[np.floating]
    thumbnails: NDArray[np.uint8]
    has_times: bool = True


def trace_colours(traces: Sequence[Trace], dark: bool) -> list[str]:
    """Return a colour for each trace: one hue per kind, another shade for each of a kind."""
    seen: dict[str, int] = {}
    colours = []
    for trace in traces:
        shades = KIND_COLOURS[trace.kind]
        place = seen.get(trace.kind, 0)
        seen[trace.kind] = place + 1
        colours.append(shades[place % len(shades)][dark])
    return colours


def check_count(count: int) -> None:
    """Raise UserError for more films than can be told apart."""
    if count > MOST_TRACES:
        raise UserError(
            f"at most {MOST_TRACES} episodes can be told apart, found {count}; choose some with "
            "--episodes"
        )


def check_traces(traces: Sequence[Trace]) -> None:
    """Raise UserError for more films than can be told apart, or rewards that are not finite."""
    check_count(len(traces))
    for trace in traces:
        if not np.isfinite(trace.reward).all():
            raise UserError(f"the reward along {trace.title} is not finite; fit another one")


def reward_figure(traces: Sequence[Trace], name: str, look: Look) -> Figure:
    """Draw the reward along each film, and below the curves its moments.

    Args:
        traces: At most 8; every one with as many thumbnails.
        name: What the reward is called.
        look: How it is drawn.
    """
    count = len(traces)
    width = look.width_inches + 1.4
    shape = traces[0].thumbnails.shape
    strip = STRIP_SHARE * width / shape[0] * shape[1] / shape[2]
    figure = blank_figure(look, CURVES_INCHES + count * (strip + 0.12))
    figure.set_figwidth(width)
    grid = figure.add_gridspec(1 + count, 1, height_ratios=[CURVES_INCHES, *[strip] * count])
    axis = figure.add_subplot(grid[0])
    draw_curves(axis, traces, name, look)
    for row, (trace, colour) in enumerate(
        zip(traces, trace_colours(traces, look.dark), strict=True)
    ):
        _draw_strip(figure.add_subplot(grid[1 + row]), trace, colour, look)
    return figure


def draw_curves(axis: Axes, traces: Sequence[Trace], name: str, look: Look) -> None:
    """Draw a curve per film; colours and strokes tell what happens in it."""
    for trace, colour in zip(traces, trace_colours(traces, look.dark), strict=True):
        style = "-" if trace.kind == "success" else "--" if trace.kind == "failure" else ":"
        axis.plot(trace.times_seconds, trace.reward, style, color=colour)
    lowest = min(float(trace.reward.min()) for trace in traces)
    highest = max(float(trace.reward.max()) for trace in traces)
    if lowest >= 0 and highest <= 1:
        axis.set_ylim(-0.02, 1.02)
    axis.set_xlim(0, max(float(trace.times_seconds[-1]) for trace in traces))
    axis.set_ylabel(f"{name} reward")
    timed = all(trace.has_times for trace in traces)
    axis.set_xlabel("time (s)" if timed else "time (s), as it plays")


def _draw_strip(axis: Axes, trace: Trace, colour: str, look: Look) -> None:
    gap = 2
    parts = [
        np.pad(frame, ((0, 0), (0, gap), (0, 0)), constant_values=27 if look.dark else 255)
        for frame in trace.thumbnails
    ]
    axis.imshow(np.concatenate(parts, axis=1)[:, :-gap], interpolation="bilinear")
    image_axes(axis)
    axis.set_anchor("W")
    words = f"{trace.title}\nends at {trace.reward[-1]:.2f}"
    axis.text(
        1.01, 0.5, words, transform=axis.transAxes, color=colour, va="center", linespacing=1.5
    )


@dataclass(frozen=True)
class CurveGround:
    """The picture of the curves, and where each frame of each film lies in it.

    Attributes:
        picture: uint8 (H, W, 3).
        places: Per film float64 (T, 2): column, row.
    """

    picture: Picture
    places: list[NDArray[np.float64]]


def draw_curve_ground(
    traces: Sequence[Trace], name: str, width_px: int, height_px: int
) -> CurveGround:
    """Draw the curves faintly on dark paper and find the pixels of all frames."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with drawing(DARK):
        size = (width_px / _DPI, height_px / _DPI)
        figure = Figure(figsize=size, dpi=_DPI, facecolor=DARK.paper)
        canvas = FigureCanvasAgg(figure)
        left, foot = 52 / width_px, 40 / height_px
        axis = figure.add_axes((left, foot, 1 - left - 14 / width_px, 1 - foot - 10 / height_px))
        draw_curves(axis, traces, name, DARK)
        for line in axis.lines:
            line.set_alpha(0.4)
            line.set_linestyle("-")
        canvas.draw()
        picture = np.asarray(canvas.buffer_rgba())[..., :3].copy()
        places = [
            place_in_pixels(axis, np.stack([trace.times_seconds, trace.reward], axis=1))
            for trace in traces
        ]
    return CurveGround(picture, places)


def reward_film(
    films: Sequence[PlayedFilm],
    traces: Sequence[Trace],
    ground: CurveGround,
    size_px: int,
    every: int = 1,
) -> Iterator[Picture]:
    """Yield the frames of the film: the films in step, and below a mark on the curve of each.

    Args:
        films: The films, of which one that has ended stands still.
        traces: Their rewards.
        ground: The curves.
        size_px: Side of a panel.
        every: Only every so-many-th frame.

    Returns:
        uint8 (H, W, 3) each, of even height and width.
    """
    from matplotlib.colors import to_rgb

    from tcn_robot.matching import nearest_frames

    colours = [_rgb(*to_rgb(colour)) for colour in trace_colours(traces, dark=True)]
    clock_seconds = max((film.times_seconds for film in films), key=lambda times: times[-1])
    clock_seconds = clock_seconds[::every]
    rows = [nearest_frames(clock_seconds, film.times_seconds) for film in films]
    for tick, frames in enumerate(in_step(films, clock_seconds)):
        now = [int(row[tick]) for row in rows]
        panels = [
            _reward_panel(frame, trace, index, colour, size_px)
            for frame, trace, index, colour in zip(frames, traces, now, colours, strict=True)
        ]
        picture = ground.picture.copy()
        for places, index, colour in zip(ground.places, now, colours, strict=True):
            paint_trail(picture, places[: index + 1], np.array([colour] * (index + 1), np.uint8))
        for places, index, colour in zip(ground.places, now, colours, strict=True):
            paint_dot(picture, places[index], 5.0, colour, (255, 255, 255))
        yield on_page(below([beside(panels), picture]))


def _rgb(red: float, green: float, blue: float) -> Rgb:
    return round(255 * red), round(255 * green), round(255 * blue)


def _reward_panel(frame: Picture, trace: Trace, index: int, colour: Rgb, size_px: int) -> Picture:
    framed = bordered(fitted(frame, size_px, size_px), colour, 3)
    place = moment(float(trace.times_seconds[index]), index, trace.has_times)
    words = f"{place} · reward {trace.reward[index]:.2f}"
    return below([caption(trace.title, size_px), framed, caption(words, size_px)], 0)


def ground_width_px(count: int, size_px: int, gap_px: int = 8) -> int:
    """Return how wide the curves are below so many panels; at least wide enough to be read."""
    return max(count * (size_px + gap_px) - gap_px, 420)


def ground_height_px(size_px: int) -> int:
    """Return how high the curves are below panels of a side."""
    return max(round(0.75 * size_px), 200) + LINE_PX

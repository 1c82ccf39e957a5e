"""Figures of embeddings in a plane: one panel per encoder, the same colours in all."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tcn_robot.look import VIEW_MARKERS, Look, blank_figure, percent_axis
from tcn_robot.plots.colours import TIME_COLOURS, Colouring, class_colours
from tcn_robot.plots.projection import Projection
from tcn_robot.plots.tracks import Track, split_back

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_COLUMNS = 3
WIDTHS_INCHES = {1: 6.2, 2: 9.4, 3: 11.5}
LETTERS_PER_INCH = 14
CAPTION_COLUMNS = 58
MARGIN = 0.04


@dataclass(frozen=True)
class Plane:
    """What one encoder makes of the films.

    Attributes:
        title: Name of the encoder; empty where there is one only and no name.
        projection: All points, track after track.
    """

    title: str
    projection: Projection


def plane_figure(
    planes: Sequence[Plane], tracks: Sequence[Track], colouring: Colouring, look: Look
) -> Figure:
    """Draw films in the plane of each encoder: colour as asked, a marker per view.

    Args:
        planes: One or more; each has the points of all tracks.
        tracks: The films; a thin line joins the frames of each.
        colouring: Colours of the points.
        look: How it is drawn.
    """
    columns = min(len(planes), MOST_COLUMNS)
    rows = -(-len(planes) // columns)
    width = WIDTHS_INCHES[columns]
    figure = blank_figure(look, width / columns * rows + 0.55)
    figure.set_figwidth(width + 0.6)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    views = list(dict.fromkeys(track.view for track in tracks))
    for axis, plane in zip(axes, planes, strict=False):
        draw_plane(axis, plane, tracks, colouring, views, look)
    for axis in axes[len(planes) :]:
        axis.set_axis_off()
    _draw_legends(figure, list(axes), colouring, views, look)
    return figure


def draw_plane(
    axis: Axes,
    plane: Plane,
    tracks: Sequence[Track],
    colouring: Colouring,
    views: Sequence[str],
    look: Look,
    alpha: float = 0.85,
) -> None:
    """Draw the points of all tracks into one panel."""
    points = split_back(plane.projection.points, tracks)
    size = float(np.clip(9000 / max(sum(map(len, tracks)), 1), 7, 26))
    for index, (track, place) in enumerate(zip(tracks, points, strict=True)):
        axis.plot(*place.T, color=look.muted, linewidth=0.5, alpha=0.3 * alpha, zorder=1)
        axis.scatter(
            place[:, 0],
            place[:, 1],
            c=colouring.colours(index, look.dark),
            s=size,
            marker=VIEW_MARKERS[views.index(track.view) % len(VIEW_MARKERS)],
            linewidths=0,
            alpha=alpha,
            zorder=2,
        )
    axis.set_title(plane.title)
    _set_axes(axis, plane.projection)


def _set_axes(axis: Axes, projection: Projection) -> None:
    square_limits(axis, projection.points)
    if projection.collapsed or not any(projection.axis_labels):
        # Places mean nothing, only who is beside whom.
        axis.set_xlabel("\n".join(textwrap.wrap(projection.caption, CAPTION_COLUMNS)))
        axis.set_xticks([])
        axis.set_yticks([])
        axis.grid(False)
        for spine in axis.spines.values():
            spine.set_visible(True)
            spine.set_alpha(0.4)
        return
    axis.set_xlabel(projection.axis_labels[0])
    axis.set_ylabel(projection.axis_labels[1])
    axis.locator_params(nbins=5)


def square_limits(axis: Axes, points: NDArray[np.float64], margin: float = MARGIN) -> None:
    """Make a panel a square around all points (N, 2), both axes on one scale."""
    low, high = points.min(axis=0), points.max(axis=0)
    reach = max(float((high - low).max()), 1e-9) * (0.5 + margin)
    middle = (low + high) / 2
    axis.set_xlim(middle[0] - reach, middle[0] + reach)
    axis.set_ylim(middle[1] - reach, middle[1] + reach)
    axis.set_aspect("equal", adjustable="box")


def _draw_legends(
    figure: Figure, axes: list[Axes], colouring: Colouring, views: Sequence[str], look: Look
) -> None:
    entries: list[tuple[Any, str]] = []
    if colouring.classes:
        colours = class_colours(len(colouring.classes), look.dark)
        entries += [
            (_dot("o", colour), name)
            for colour, name in zip(colours, colouring.classes, strict=True)
        ]
    if len(views) > 1 and colouring.title != "view":
        markers = [VIEW_MARKERS[i % len(VIEW_MARKERS)] for i in range(len(views))]
        entries += [
            (_dot(marker, look.muted), view or "one view")
            for marker, view in zip(markers, views, strict=True)
        ]
    if entries:
        figure.legend(
            [dot for dot, _ in entries],
            [name for _, name in entries],
            loc="outside upper center",
            ncols=_legend_columns([name for _, name in entries], figure),
            handletextpad=0.1,
            columnspacing=1.2,
        )
    if not colouring.classes:
        _draw_bar(figure, axes, colouring)


def _legend_columns(names: Sequence[str], figure: Figure) -> int:
    room = LETTERS_PER_INCH * figure.get_figwidth() / (max(map(len, names)) + 5)
    return max(1, min(len(names), int(room)))


def _dot(marker: str, colour: Any) -> Any:
    from matplotlib.lines import Line2D

    return Line2D(
        [], [], linestyle="", marker=marker, color=colour, markersize=5.5, markeredgewidth=0
    )


def _draw_bar(figure: Figure, axes: list[Axes], colouring: Colouring) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    scale = ScalarMappable(Normalize(*colouring.limits), TIME_COLOURS)
    bar = figure.colorbar(scale, ax=axes, shrink=0.9, aspect=30, pad=0.02)
    bar.set_label(colouring.title)
    bar.outline.set_visible(False)  # type: ignore[operator]
    if colouring.title.startswith("share"):
        percent_axis(bar.ax.yaxis)


def place_in_pixels(axis: Axes, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return where points (N, 2) of a drawn panel lie in its picture: column, row, float64 (N, 2).

    Pixel centres are at whole numbers, row 0 at the top.
    """
    places = axis.transData.transform(points)  # from the lower left corner of the picture
    height = axis.figure.bbox.height  # type: ignore[union-attr]
    return np.stack([places[:, 0] - 0.5, height - places[:, 1] - 0.5], axis=1)

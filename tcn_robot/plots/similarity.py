"""Distances between all frames of two films, with the ways through them that two rules find."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist

from tcn_robot.look import Look, blank_figure
from tcn_robot.metrics import alignment_error, chance_alignment_error, kendall_tau
from tcn_robot.metrics.checks import checked_pair
from tcn_robot.plots.alignment import dtw_path
from tcn_robot.plots.neighbours import find_neighbours

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

MOST_COLUMNS = 3
WIDTHS_INCHES = {1: 5.2, 2: 9.4, 3: 12.6}
# Both axes are seconds, on one scale but where that would make a ribbon of the picture.
LONGEST_RATIO = 1.6
_RATIOS = (1 / LONGEST_RATIO, LONGEST_RATIO)
NEAREST_COLOUR, DTW_COLOUR = "#5eead4", "#ffffff"


@dataclass(frozen=True)
class Similarity:
    """Two films as one encoder sees them.

    Attributes:
        title: Name of the encoder.
        distances: float32 (T, S), in units of their median; 0 everywhere if collapsed.
        nearest: int64 (T,), for each frame of the first film the nearest of the second.
        path: int64 (K, 2), dynamic time warping.
        words: What the metrics say of the two.
    """

    title: str
    distances: NDArray[np.float32]
    nearest: NDArray[np.int64]
    path: NDArray[np.int64]
    words: str


def compare(
    title: str,
    u: ArrayLike,
    v: ArrayLike,
    times: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None,
) -> Similarity:
    """Compare two films.

    Args:
        title: Name of the encoder.
        u: (T, D).
        v: (S, D).
        times: Seconds on one clock, (T,) and (S,), if both show the same moments: the alignment
            error is then known, else only the order of the neighbours.

    Raises:
        MetricInputError: Dimensions that differ, or numbers that are not finite.
    """
    first, second = checked_pair(u, v)
    path = dtw_path(first, second)  # refuses films that are too long for a table of distances
    distances = cdist(first.astype(np.float64), second.astype(np.float64))
    median = float(np.median(distances))
    scaled = distances / median if median > 0 else np.zeros_like(distances)
    if times is not None:
        error = alignment_error(first, second, times_u=times[0], times_v=times[1])
        chance = chance_alignment_error(len(first))
        words = f"alignment error {100 * error:.1f} % (chance {100 * chance:.0f} %)"
    else:
        words = f"order τ_b {kendall_tau(first, second).tau_b:.2f} (chance 0)"
    nearest = find_neighbours(first, second).index
    return Similarity(title, scaled.astype(np.float32), nearest, path, words)


def similarity_figure(
    similarities: Sequence[Similarity],
    names: tuple[str, str],
    times: tuple[NDArray[np.float64], NDArray[np.float64]],
    look: Look,
    units: tuple[str, str] = ("s", "s"),
) -> Figure:
    """Draw a heat map per encoder: dark where frames are near, with both ways through it.

    Args:
        similarities: One or more, of the same two films.
        names: Of the first film, whose frames are rows, and of the second.
        times: Seconds of their frames, (T,) and (S,).
        look: How it is drawn.
        units: Of these times, such as "s", or "frame" where frames are counted.
    """
    columns = min(len(similarities), MOST_COLUMNS)
    rows = -(-len(similarities) // columns)
    width = WIDTHS_INCHES[columns]
    shape = float(np.clip(_duration(times[0]) / _duration(times[1]), *_RATIOS))
    figure = blank_figure(look, (width / columns * shape + 0.6) * rows + 0.4)
    figure.set_figwidth(width + 0.6)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis, one in zip(axes, similarities, strict=False):
        image = _draw(axis, one, times)
        axis.set_xlabel(f"{names[1]} ({units[1]})")
    for axis in axes[len(similarities) :]:
        axis.set_axis_off()
    for axis in axes[: len(similarities) : columns]:
        axis.set_ylabel(f"{names[0]} ({units[0]})")
    bar = figure.colorbar(image, ax=list(axes), shrink=0.9, aspect=30, pad=0.02, extend="max")
    bar.set_label("distance / median")
    bar.outline.set_visible(False)  # type: ignore[operator]
    _draw_legend(figure, look)
    return figure


def _draw(
    axis: Axes, one: Similarity, times: tuple[NDArray[np.float64], NDArray[np.float64]]
) -> AxesImage:
    first, second = times
    extent = (*_edges(second), *_edges(first))
    to_scale = _RATIOS[0] <= _duration(first) / _duration(second) <= _RATIOS[1]
    image = axis.imshow(
        one.distances,
        origin="lower",
        extent=extent,
        cmap="magma",
        vmin=0,
        vmax=2,
        aspect="equal" if to_scale else "auto",
        interpolation="nearest",
    )
    axis.grid(False)
    axis.plot(second[one.path[:, 1]], first[one.path[:, 0]], color=DTW_COLOUR, linewidth=1.3)
    axis.plot(
        second[one.nearest], first, linestyle="", marker="o", markersize=2.6, color=NEAREST_COLOUR
    )
    axis.set_title(f"{one.title}\n{one.words}" if one.title else one.words)
    return image


def _duration(times_seconds: NDArray[np.float64]) -> float:
    low, high = _edges(times_seconds)
    return high - low


def _edges(times_seconds: NDArray[np.float64]) -> tuple[float, float]:
    """Return where the first cell begins and the last one ends."""
    half = float(np.median(np.diff(times_seconds))) / 2 if len(times_seconds) > 1 else 0.5
    return float(times_seconds[0]) - half, float(times_seconds[-1]) + half


def _draw_legend(figure: Figure, look: Look) -> None:
    from matplotlib.lines import Line2D

    path = Line2D([], [], color=DTW_COLOUR if look.dark else "#9b968d", linewidth=1.6)
    dots = Line2D([], [], linestyle="", marker="o", markersize=4, color="#14b8a6")
    figure.legend(
        [dots, path],
        ["nearest frame", "dynamic time warping (white)"],
        loc="outside upper center",
        ncols=2,
    )

"""Figures about the embedding: similarity matrix, plane coloured by time, training curve."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tcn_robot.look import (
    TIME_COLOURS,
    VIEW_MARKERS,
    Look,
    blank_figure,
    percent_axis,
)
from tcn_robot.report.evidence import EmbeddingPlane, Similarity, TrainingCurve

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure


def similarity_figure(similarity: Similarity, look: Look) -> Figure:
    """Draw the cross-view similarity, a bright diagonal if the same moment looks the same."""
    names = list(similarity.matrices)
    # Side by side also on a phone: the comparison is the point.
    figure = blank_figure(look, 2.35 if look.narrow else 4.0)
    axes = figure.subplots(1, len(names), sharex=True, sharey=True, squeeze=False)[0]
    extent = (
        float(similarity.column_seconds[0]),
        float(similarity.column_seconds[-1]),
        float(similarity.row_seconds[0]),
        float(similarity.row_seconds[-1]),
    )
    for axis, name in zip(axes, names, strict=True):
        image = axis.imshow(
            similarity.matrices[name], origin="lower", extent=extent, cmap="magma", vmin=0, vmax=1
        )
        axis.grid(False)
        axis.set_title(name)
        axis.set_xlabel(f"{similarity.column_view} (s)")
    axes[0].set_ylabel(f"{similarity.row_view} (s)")
    bar = figure.colorbar(image, ax=list(axes), shrink=0.9, aspect=28, pad=0.02)
    bar.set_label("closeness")
    bar.outline.set_visible(False)
    return figure


def plane_figure(planes: list[EmbeddingPlane], look: Look) -> Figure:
    """Draw episodes in a plane, colour for time, marker for view."""
    columns = 1 if look.narrow else len(planes)
    rows = len(planes) // columns
    figure = blank_figure(look, 3.5 * rows if look.narrow else 4.1)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    views = list(dict.fromkeys(track.view for plane in planes for track in plane.tracks))
    for axis, plane in zip(axes, planes, strict=True):
        points = _draw_plane(axis, plane, views, look)
    handles = [
        axes[0].scatter([], [], marker=VIEW_MARKERS[i % len(VIEW_MARKERS)], c=look.muted, s=16)
        for i in range(len(views))
    ]
    axes[0].legend(handles, views, loc="best", handletextpad=0.2, borderpad=0.1)
    bar = figure.colorbar(points, ax=list(axes), shrink=0.9, aspect=28, pad=0.02)
    bar.set_label("share of the episode passed")
    bar.outline.set_visible(False)
    percent_axis(bar.ax.yaxis)
    return figure


def _draw_plane(axis: Axes, plane: EmbeddingPlane, views: list[str], look: Look) -> ScalarMappable:
    for track in plane.tracks:
        axis.plot(*track.points.T, color=look.muted, linewidth=0.5, alpha=0.35, zorder=1)
        points = axis.scatter(
            track.points[:, 0],
            track.points[:, 1],
            c=track.share,
            cmap=TIME_COLOURS,
            vmin=0,
            vmax=1,
            s=9 if look.narrow else 13,
            marker=VIEW_MARKERS[views.index(track.view) % len(VIEW_MARKERS)],
            linewidths=0,
            alpha=0.9,
            zorder=2,
        )
    axis.set_title(plane.title)
    axis.locator_params(nbins=5)
    axis.set_xlabel(plane.axis_labels[0])
    axis.set_ylabel(plane.axis_labels[1])
    return points


def training_figure(curve: TrainingCurve, look: Look) -> Figure:
    """Draw the loss and the alignment error on validation episodes."""
    figure = blank_figure(look, 3.9 if look.narrow else 2.7)
    shape = (2, 1) if look.narrow else (1, 2)
    loss_axis, error_axis = figure.subplots(*shape, squeeze=False).ravel()
    colour = look.colour("progress")
    loss_axis.plot(curve.steps, curve.loss, color=colour, alpha=0.3, linewidth=0.8)
    loss_axis.plot(curve.steps, _smoothed(curve.loss), color=colour)
    loss_axis.set_title("Loss (thin: each entry, thick: running mean)")
    loss_axis.set_ylabel("loss (nats)")
    error_axis.plot(curve.validation_steps, curve.validation_error, color=colour, marker="o", ms=3)
    error_axis.set_title("Alignment error, validation episodes")
    error_axis.set_ylabel("error (share of the episode)")
    error_axis.set_ylim(bottom=0)
    percent_axis(error_axis.yaxis)
    for axis in (loss_axis, error_axis):
        axis.set_xlabel("training steps")
        axis.set_xlim(left=0)
    return figure


def _smoothed(values: np.ndarray) -> np.ndarray:
    """Return the running mean over a tenth of the values, with shorter windows at the ends."""
    width = max(1, len(values) // 10)
    kernel = np.ones(width)
    weight = np.convolve(np.ones(len(values)), kernel, mode="same")
    return np.convolve(values, kernel, mode="same") / weight

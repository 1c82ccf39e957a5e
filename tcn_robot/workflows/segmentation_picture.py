"""A picture of a segmentation: frame, true mask, and what was found, beside each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tcn_robot.benchmarks.segmentation.films import MapsOf, SegmentedFilm, SegmentedSet
    from tcn_robot.benchmarks.segmentation.probe import FittedProbe

ROWS = 4
# Background and body, then the things; told apart by those who see no red or no green, too.
COLOURS = (
    *("#ece9e2", "#3b3f46", "#e69f00", "#0072b2", "#cc3311", "#009988", "#aa66cc", "#f0c808"),
    *("#66aadd", "#88aa22", "#dd6699", "#775533"),
)
_COLUMNS = {
    "trained": "trained",
    "untrained": "untrained",
    "pixels": "colours",
    "coarse pixels": "coarse colours",
}


def write_picture(
    films: SegmentedSet, probes: Mapping[str, tuple[FittedProbe, MapsOf]], path: Path
) -> None:
    """Draw some test frames: frame | true mask | what each row has found.

    Args:
        films: Of which a few test frames are drawn, from all over the episodes and views.
        probes: By row, the probe and what gives its maps.
        path: The PNG, whole or absent.
    """
    from tcn_robot.look import LIGHT
    from tcn_robot.workflows.plot_out import save_figure

    shown = _shown(films.films["test"])
    save_figure(lambda _: _drawn(shown, probes, films.classes), path, LIGHT)


def _shown(films: Sequence[SegmentedFilm]) -> list[tuple[SegmentedFilm, int]]:
    """Return films and a frame of each: other episodes, other views, other times."""
    views = list(dict.fromkeys(film.view for film in films))
    chosen = []
    for place in range(min(ROWS, len(films))):
        view = views[place % len(views)]
        of_view = [film for film in films if film.view == view]
        film = of_view[place * len(of_view) // ROWS]
        chosen.append((film, (2 * place + 1) * len(film.masks) // (2 * ROWS)))
    return chosen


def _drawn(
    shown: Sequence[tuple[SegmentedFilm, int]],
    probes: Mapping[str, tuple[FittedProbe, MapsOf]],
    classes: Sequence[str],
) -> Any:
    from matplotlib.colors import to_rgb
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    colours = np.array([to_rgb(COLOURS[place % len(COLOURS)]) for place in range(len(classes))])
    titles = ["frame", "true mask", *(_COLUMNS[name] for name in probes)]
    side = 1.55
    width, height = side * len(titles), side * len(shown) + 0.8
    figure = Figure(figsize=(width, height))
    axes = figure.subplots(len(shown), len(titles), squeeze=False)
    figure.subplots_adjust(
        left=0.005,
        right=0.995,
        top=1 - 0.3 / height,
        bottom=0.45 / height,
        wspace=0.03,
        hspace=0.03,
    )
    for line, (film, frame) in zip(axes, shown, strict=True):
        masks = [film.masks[frame], *(_found(film, frame, *probe) for probe in probes.values())]
        for axis, picture in zip(
            line, [film.frames[frame], *(colours[m] for m in masks)], strict=True
        ):
            axis.imshow(picture, interpolation="nearest")
            axis.set_axis_off()
    for axis, title in zip(axes[0], titles, strict=True):
        axis.set_title(title, loc="center", pad=4)
    patches = [Patch(facecolor=c, edgecolor="#8a8478", lw=0.5) for c in colours]
    figure.legend(
        patches,
        classes,
        loc="lower center",
        ncols=min(len(classes), 6),
        frameon=False,
        handlelength=1.0,
        handleheight=1.0,
        columnspacing=1.4,
    )
    return figure


def _found(
    film: SegmentedFilm, frame: int, fitted: FittedProbe, maps_of: MapsOf
) -> NDArray[np.uint8]:
    height, width = film.masks.shape[1:]
    maps = [each[frame : frame + 1] for each in maps_of(film)]
    return fitted.probe.masks(maps, height, width)[0]

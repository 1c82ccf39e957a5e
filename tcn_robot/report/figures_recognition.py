"""Figures of recognition: accuracy by labels, by class and by layer; what is taken for what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tcn_robot.look import Look, blank_figure, percent_axis

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RUN_COLOURS = (
    *(("#0f766e", "#2dd4bf"), ("#c2570c", "#fb9a52"), ("#1d4ed8", "#7aa2ff")),
    *(("#be185d", "#f472b6"), ("#4d7c0f", "#a3d154"), ("#7c3aed", "#b79bff")),
)
CONTROL_STYLES = {"untrained": "--", "pixel_pca": "-.", "pixels": ":"}
UNTRAINED_AS = "untrained, as "
MEASURED = ("run", "seeds", "embeddings")
_MOST_NAMED_CLASSES = 60
_CLASS_HEIGHT_INCHES = 0.2

Rows = Mapping[str, Mapping[str, Any]]


def short_name(name: str) -> str:
    """Return a run's name without the folders above it; "untrained, as" stays before it."""
    control, as_run, run = name.rpartition(UNTRAINED_AS)
    parts = [part for part in run.rstrip("/").split("/") if part]
    return f"{control}{as_run}{parts[-1]}" if parts else name


def without_members(rows: Rows) -> dict[str, Mapping[str, Any]]:
    """Return rows without the single seeds of those that join several."""
    joint = {member for row in rows.values() for member in row["members"]}
    return {name: row for name, row in rows.items() if name not in joint}


def styles(rows: Rows, look: Look) -> dict[str, dict[str, Any]]:
    """Return how each row is drawn: colours for what is measured, grey for controls."""
    measured = [name for name, row in rows.items() if row["kind"] in MEASURED]
    found: dict[str, dict[str, Any]] = {}
    for name, row in rows.items():
        if name in measured:
            pair = RUN_COLOURS[measured.index(name) % len(RUN_COLOURS)]
            found[name] = {"color": pair[look.dark], "linestyle": "-", "linewidth": 1.9}
        else:
            line = CONTROL_STYLES[row["kind"]]
            found[name] = {"color": look.muted, "linestyle": line, "linewidth": 1.3}
    return found


def labels_figure(rows: Rows, pooling: str, chance: float, look: Look) -> Figure:
    """Draw accuracy over the number of labelled clips, with intervals of what is measured."""
    from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

    figure = blank_figure(look, 3.2 if look.narrow else 3.9)
    axis = figure.subplots()
    for name, style in styles(rows, look).items():
        figures = rows[name]["figures"].get(pooling, {})
        # Large budgets may come to the same clips; each number of clips is shown once.
        points = {
            round(one["labels"]): (one["top1"], *one["top1_interval"])
            for probe, one in figures.items()
            if probe.startswith("few ")
        }
        if not points:
            continue
        labels = sorted(points)
        top1, low, high = np.array([points[count] for count in labels]).T
        axis.plot(labels, top1, marker="o", markersize=3.5, label=short_name(name), **style)
        if rows[name]["kind"] in MEASURED:
            axis.fill_between(labels, low, high, color=style["color"], alpha=0.14, linewidth=0)
    _say_chance(axis, chance, look)
    axis.set_xscale("log")
    axis.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.xaxis.set_major_formatter(ScalarFormatter())
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.set_xlabel("labelled clips")
    axis.set_ylabel("top 1")
    axis.set_ylim(bottom=0)
    percent_axis(axis.yaxis)
    _legend(figure, axis, look)
    return figure


def classes_figure(rows: Rows, pooling: str, look: Look) -> Figure:
    """Draw the accuracy of each class, the best known first; a dot for each run."""
    measured = {
        name: row["figures"][pooling]["linear"]["per_class"]
        for name, row in rows.items()
        if row["kind"] in MEASURED
    }
    first = next(iter(measured.values()))
    known = [name for name, value in first.items() if value is not None]
    mean = {c: np.mean([of_run[c] for of_run in measured.values()]) for c in known}
    order = sorted(known, key=lambda name: (float(mean[name]), name))
    figure = blank_figure(look, max(2.2, 0.9 + _CLASS_HEIGHT_INCHES * len(order)))
    axis = figure.subplots()
    style = styles(rows, look)
    height = 0.8 / len(measured)
    for place, (name, of_class) in enumerate(measured.items()):
        offsets = np.arange(len(order)) + 0.4 - height * (place + 0.5)
        values = [of_class[label] for label in order]
        colour = style[name]["color"]
        axis.barh(offsets, values, height * 0.85, color=colour, label=short_name(name))
    axis.set_yticks(np.arange(len(order)), order)
    axis.set_ylim(-0.6, len(order) - 0.4)
    axis.set_xlim(0, 1)
    axis.grid(False, axis="y")
    axis.set_xlabel("accuracy")
    percent_axis(axis.xaxis)
    if len(measured) > 1:
        _legend(figure, axis, look)
    return figure


def confusion_figure(confusion: Any, classes: list[str], look: Look) -> Figure:
    """Draw the share of each class (row) that is taken for which (column)."""
    from matplotlib.colors import LinearSegmentedColormap

    counts = np.array(confusion, float)
    totals = counts.sum(axis=1, keepdims=True)
    shares = counts / np.where(totals > 0, totals, 1.0)
    figure = blank_figure(look, look.width_inches * (0.86 if look.narrow else 0.74))
    axis = figure.subplots()
    accent = RUN_COLOURS[0][look.dark]
    shades = LinearSegmentedColormap.from_list("shares", [look.paper, accent])
    image = axis.imshow(shares, cmap=shades, vmin=0, vmax=1)
    axis.grid(False)
    if len(classes) <= _MOST_NAMED_CLASSES:
        size = min(8.0, 260 / len(classes)) * (0.62 if look.narrow else 1.0)
        axis.set_xticks(range(len(classes)), classes, rotation=90, fontsize=size)
        axis.set_yticks(range(len(classes)), classes, fontsize=size)
        axis.tick_params(length=0)
        _write_shares(axis, shares, size, look, shades)
    axis.set_xlabel("taken for")
    axis.set_ylabel("class")
    bar = figure.colorbar(image, ax=axis, shrink=0.7, aspect=28, pad=0.02)
    bar.outline.set_visible(False)
    percent_axis(bar.ax.yaxis)
    return figure


def _write_shares(axis: Any, shares: Any, size: float, look: Look, shades: Any) -> None:
    if len(shares) > 30 or look.narrow:
        return
    for row, column in zip(*np.nonzero(shares >= 0.05), strict=True):
        share = shares[row, column]
        axis.text(
            column,
            row,
            f"{100 * share:.0f}",
            ha="center",
            va="center",
            fontsize=0.85 * size,
            color=_readable_on(shades(share), look),
        )


def _readable_on(ground: Any, look: Look) -> str:
    """Return which of ink and paper has more contrast (WCAG 2) with a ground of RGB in 0-1."""
    from matplotlib.colors import to_rgb

    def light(rgb: Any) -> float:
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb[:3]]
        return float(np.dot(linear, (0.2126, 0.7152, 0.0722))) + 0.05

    def contrast(colour: str) -> float:
        pair = light(to_rgb(colour)), light(ground)
        return max(pair) / min(pair)

    return max(look.ink, look.paper, key=contrast)


def layers_figure(rows: Rows, pooling: str, chance: float, look: Look) -> Figure:
    """Draw the linear probe's accuracy from the first stage to the embedding."""
    figure = blank_figure(look, 3.2 if look.narrow else 3.6)
    axis = figure.subplots()
    for name, style in styles(rows, look).items():
        layers = {
            layer: figures[pooling]
            for layer, figures in rows[name]["layers"].items()
            if pooling in figures
        }
        if not layers:
            continue
        places = np.arange(len(layers))
        axis.plot(
            places,
            [one["top1"] for one in layers.values()],
            marker="o",
            markersize=3.5,
            label=short_name(name),
            **style,
        )
        if rows[name]["kind"] in MEASURED:
            low, high = np.array([one["top1_interval"] for one in layers.values()]).T
            axis.fill_between(places, low, high, color=style["color"], alpha=0.14, linewidth=0)
        axis.set_xticks(places, list(layers), rotation=35 if look.narrow else 0)
    _say_chance(axis, chance, look)
    axis.set_ylabel("top 1")
    axis.set_ylim(bottom=0)
    percent_axis(axis.yaxis)
    _legend(figure, axis, look)
    return figure


def _say_chance(axis: Any, chance: float, look: Look) -> None:
    """Draw chance as a line with its name below it, where no curve runs."""
    axis.axhline(chance, color=look.muted, linewidth=0.8)
    axis.annotate(
        "chance",
        (1.0, chance),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        xytext=(-2, -3),
        ha="right",
        va="top",
        color=look.muted,
        fontsize="small",
    )


def _legend(figure: Figure, axis: Any, look: Look) -> None:
    """Put the legend above the axes, where it covers nothing."""
    handles, names = axis.get_legend_handles_labels()
    columns = min(len(names), 2 if look.narrow else 4)
    figure.legend(handles, names, loc="outside upper left", ncols=columns, handlelength=2.4)

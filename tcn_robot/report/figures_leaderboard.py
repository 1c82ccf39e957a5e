"""Figures of a leaderboard: standings on each task, over all tasks, who beats whom, curves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tcn_robot.benchmarks.leaderboard.standings import Board, Measure, TaskBoard
from tcn_robot.look import Look, blank_figure, percent_axis
from tcn_robot.report.leaderboard_evidence import SeedCurve

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# An error below this is drawn at it: the axis is logarithmic.
LEAST_ERROR = 0.005
ERROR_TICKS = (0.01, 0.03, 0.1, 0.3)
ROW_INCHES = 0.27
TASK_COLOURS = ("progress", "trajectory", "sparse", "goal", "dense")
NAMES = {"error": "alignment error across views", "tau_b": "order across episodes, τ-b"}
LINES = {"error": ("chance", "ceiling"), "tau_b": ("frame_counter", "simulator_state")}


def standings_figure(board: Board, order: Sequence[str], look: Look) -> Figure:
    """Draw mean, interval and each seed of every run on every task.

    Args:
        board: The figure.
        order: The runs from top to bottom.
        look: How it is drawn.
    """
    count = len(board.tasks)
    row_inches = ROW_INCHES * (0.85 if look.narrow else 1.0)
    height = 0.95 + row_inches * len(order)
    figure = blank_figure(look, height * (count if look.narrow else 1))
    shape = (count, 1) if look.narrow else (1, count)
    grid = figure.subplots(*shape, squeeze=False, sharey=not look.narrow).ravel()
    for task, axes in zip(board.tasks, grid, strict=True):
        _draw_task(axes, task, board.measure, order, look)
    return figure


def _draw_task(
    axes: Axes, task: TaskBoard, measure: Measure, order: Sequence[str], look: Look
) -> None:
    shown = _clipped if measure.name == "error" else np.asarray
    for place, run in enumerate(reversed(order)):
        standing = task.of(run)
        if standing is None:
            continue
        colour = look.muted if standing.is_control else look.colour("progress")
        ends = shown(standing.interval)
        axes.plot(ends, [place, place], color=colour, linewidth=3, alpha=0.45)
        axes.plot(shown([standing.mean]), [place], "o", color=colour, markersize=5)
        seeds = shown(standing.seeds)
        axes.plot(seeds, [place - 0.27] * len(seeds), ".", color=colour, markersize=3.5)
    axes.set_yticks(range(len(order)), list(reversed(order)))
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(-0.7, len(order) - 0.3)
    axes.set_title(f"{task.name}: {NAMES[measure.name]}" if look.narrow else task.name, pad=18)
    if measure.name == "error":
        _log_percent(axes)
    _draw_references(axes, task, measure, look)
    if not look.narrow:
        axes.set_xlabel(NAMES[measure.name])


def _clipped(values: Any) -> np.ndarray:
    return np.maximum(np.asarray(values, dtype=np.float64), LEAST_ERROR)


def _log_percent(axes: Axes) -> None:
    from matplotlib.ticker import NullFormatter

    axes.set_xscale("log")
    axes.set_xlim(LEAST_ERROR, 0.7)
    axes.set_xticks(ERROR_TICKS, [f"{100 * tick:g} %" for tick in ERROR_TICKS])
    axes.xaxis.set_minor_formatter(NullFormatter())


def _draw_references(axes: Axes, task: TaskBoard, measure: Measure, look: Look) -> None:
    """Draw what needs no encoder as dotted lines with their names on top."""
    for name in LINES[measure.name]:
        if name in task.references:
            value = task.references[name]
            value = max(value, LEAST_ERROR) if measure.name == "error" else value
            axes.axvline(value, color=look.muted, linestyle=":", linewidth=1)
            words = name.replace("_", " ").replace("simulator ", "")
            side = "right" if words == "state" else "left" if words == "frame counter" else "center"
            axes.annotate(
                words, (value, 1.0), (0, 3), xycoords=("data", "axes fraction"),
                textcoords="offset points", ha=side, va="bottom", color=look.muted, fontsize=7.5,
            )  # fmt: skip


def overall_figure(boards: Sequence[Board], look: Look) -> Figure:
    """Draw the interquartile mean over all tasks, one panel per figure."""
    rows = max(len(board.overall) for board in boards)
    height = 0.9 + ROW_INCHES * rows
    figure = blank_figure(look, height * (len(boards) if look.narrow else 1))
    shape = (len(boards), 1) if look.narrow else (1, len(boards))
    for board, axes in zip(boards, figure.subplots(*shape, squeeze=False).ravel(), strict=True):
        standings = list(reversed(board.overall))
        for place, one in enumerate(standings):
            colour = look.muted if one.is_control else look.colour("progress")
            axes.plot(one.interval, [place, place], color=colour, linewidth=3, alpha=0.45)
            axes.plot([one.score], [place], "o", color=colour, markersize=5)
        axes.set_yticks(range(len(standings)), [one.run for one in standings])
        axes.tick_params(axis="y", length=0)
        axes.axvline(0, color=look.muted, linestyle=":", linewidth=1)
        axes.axvline(1, color=look.muted, linestyle=":", linewidth=1)
        axes.set_title(f"Score by {NAMES[board.measure.name]}")
        axes.set_xlabel(f"0 {board.tasks[0].zero_from}, 1 the ceiling")
    return figure


def better_figure(board: Board, look: Look) -> Figure:
    """Draw how probable it is that the run of a row beats that of a column."""
    runs = [one.run for one in board.overall]
    figure = blank_figure(look, (0.28 if look.narrow else 0.42) * len(runs) + 1.3)
    axes = figure.subplots()
    shares = np.where(np.eye(len(runs), dtype=bool), np.nan, board.better)
    image = axes.imshow(shares, cmap="BrBG", vmin=0, vmax=1, aspect="auto")
    for i in range(len(runs)):
        for j in range(len(runs)):
            if i != j:
                _write_share(axes, board, i, j, look)
    axes.set_xticks(range(len(runs)), runs, rotation=45, ha="left", rotation_mode="anchor")
    axes.xaxis.tick_top()
    axes.set_yticks(range(len(runs)), runs)
    axes.grid(False)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    bar = figure.colorbar(image, ax=axes, shrink=0.8, aspect=30, pad=0.02)
    bar.outline.set_visible(False)
    bar.set_label("row beats column")
    percent_axis(bar.ax.yaxis)
    return figure


def _write_share(axes: Axes, board: Board, i: int, j: int, look: Look) -> None:
    share, low, high = (m[i, j] for m in (board.better, board.better_low, board.better_high))
    ink = "#ffffff" if abs(share - 0.5) > 0.35 else "#1f1d1a"
    axes.text(
        j, i, f"{100 * share:.0f}", ha="center", va="center" if look.narrow else "bottom",
        color=ink, fontsize=6.5 if look.narrow else 9.5,
    )  # fmt: skip
    if not look.narrow:
        text = f"{100 * low:.0f} to {100 * high:.0f}"
        axes.text(j, i + 0.06, text, ha="center", va="top", color=ink, fontsize=7)


Curves = Mapping[str, Mapping[str, Sequence[SeedCurve]]]


def validation_figure(curves: Curves, order: Sequence[str], look: Look) -> Figure:
    """Draw the alignment error on validation episodes over the steps, a panel per run."""

    def draw(axes: Axes, curve: SeedCurve, colour: str) -> None:
        axes.plot(curve.validation_steps, curve.validation_error, color=colour, marker="o", ms=2.5)

    figure, grid = _panels(curves, order, look, draw, share=True)
    for axes in grid:
        axes.set_ylim(0, 0.5)
        percent_axis(axes.yaxis)
    return figure


def loss_figure(curves: Curves, order: Sequence[str], look: Look) -> Figure:
    """Draw the loss over the steps, a panel per run: each loss has its own unit."""

    def draw(axes: Axes, curve: SeedCurve, colour: str) -> None:
        axes.plot(curve.steps, curve.loss, color=colour, linewidth=1.1)

    return _panels(curves, order, look, draw, share=False)[0]


def _panels(
    curves: Curves,
    order: Sequence[str],
    look: Look,
    draw: Callable[[Axes, SeedCurve, str], None],
    share: bool,
) -> tuple[Figure, list[Axes]]:
    """Draw one panel per run with a line per task and seed, and a legend of the tasks."""
    shown = [run for run in order if run in curves]
    tasks = list(dict.fromkeys(task for run in shown for task in curves[run]))
    columns = min(len(shown), 2 if look.narrow else 3)
    rows = -(-len(shown) // columns)
    figure = blank_figure(look, 0.5 + (1.35 if look.narrow else 1.65) * rows)
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=share).ravel()
    handles: dict[str, Any] = {}
    for run, axes in zip(shown, grid, strict=False):
        for task, seeds in curves[run].items():
            colour = look.colour(TASK_COLOURS[tasks.index(task) % len(TASK_COLOURS)])
            for curve in seeds:
                draw(axes, curve, colour)
            handles.setdefault(task, axes.lines[-1])
        axes.set_title(run)
        axes.set_xlim(left=0)
    for axes in grid[len(shown) :]:
        axes.set_visible(False)
    if len(tasks) > 1:
        figure.legend(
            handles.values(), handles, loc="outside upper right", ncols=min(len(tasks), 4)
        )
    figure.supxlabel("training steps", fontsize=8.5, color=look.muted)
    return figure, list(grid[: len(shown)])

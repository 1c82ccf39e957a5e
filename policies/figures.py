"""Plots of success over training steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tcn_robot.policies.config import ImitateConfig
from tcn_robot.policies.run import seed_folder

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {
    "dense": "#444444",
    "sparse": "#b8b8b8",
    "progress": "#0b7a75",
    "trajectory": "#d1495b",
    "goal": "#edae49",
    "none": "#7b5ea7",
}
OTHER_COLOURS = ("#3d5a80", "#c77d2b", "#5e8c31", "#a23b72", "#4aa3c7", "#8c6d46")
PANELS_IN_A_ROW = 3


@dataclass(frozen=True)
class Curve:
    """Success over steps, one row per seed.

    Attributes:
        label: What stands in the legend.
        reward: Decides the colour.
        seeds: Per seed its (steps, success) pairs, each float (K, 2).
        level: Whether its steps are no control steps, as for behaviour cloning: the last success
            is drawn, as a level line.
    """

    label: str
    reward: str
    seeds: Sequence[np.ndarray]
    level: bool = False


def success_points(evaluations: list[dict[str, Any]]) -> np.ndarray:
    """Return (steps, success) of each evaluation, float (K, 2)."""
    return np.array([[line["steps"], line["success"]] for line in evaluations]).reshape(-1, 2)


def mean_curve(seeds: Sequence[np.ndarray]) -> np.ndarray:
    """Return steps and mean success where every seed was evaluated, float (K, 2)."""
    common = sorted(set.intersection(*({float(step) for step in seed[:, 0]} for seed in seeds)))
    rows = [np.mean([seed[seed[:, 0] == step, 1][0] for seed in seeds]) for step in common]
    return np.column_stack([common, rows]).reshape(-1, 2)


def _unused_colour(reward: str, used: list[str]) -> str:
    """Return a reward's own colour, or another one where a curve has it already; note it."""
    free = [one for one in (COLOURS.get(reward), *OTHER_COLOURS) if one and one not in used]
    used.append(free[0] if free else OTHER_COLOURS[0])
    return used[-1]


def draw_curves(axes: Axes, curves: Sequence[Curve], title: str) -> None:
    """Draw each seed thin and the mean of each curve thick."""
    used: list[str] = []
    for curve in curves:
        seeds = [seed for seed in curve.seeds if len(seed)]
        if not seeds:
            continue
        colour = _unused_colour(curve.reward, used)
        many = f"{curve.label} ({len(seeds)} seed{'s' if len(seeds) > 1 else ''})"
        if curve.level:
            last = 100 * float(np.mean([seed[-1, 1] for seed in seeds]))
            axes.axhline(last, color=colour, linewidth=2.0, linestyle="--", label=many)
            continue
        for seed in seeds if len(seeds) > 1 else []:
            axes.plot(seed[:, 0], 100 * seed[:, 1], color=colour, linewidth=0.9, alpha=0.45)
        mean = mean_curve(seeds)
        axes.plot(mean[:, 0], 100 * mean[:, 1], color=colour, linewidth=2.4, label=many)
    axes.set_title(title, loc="left", fontsize=11)
    axes.set_xlabel("control steps")
    axes.set_ylabel("success on held-out starts (%)")
    axes.set_ylim(-2, 102)
    axes.set_xlim(left=0)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.grid(axis="y", color="#e6e6e6")
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, fontsize=9, loc="best")


def save_figure(
    path: Path, panels: Sequence[tuple[str, Sequence[Curve]]], width_inches: float = 5.6
) -> None:
    """Draw panels into one PNG, at most PANELS_IN_A_ROW side by side.

    Args:
        path: The file, replaced as a whole.
        panels: (title, curves) each.
        width_inches: Width of one panel.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = min(PANELS_IN_A_ROW, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(width_inches * columns, 3.6 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    for index, (title, curves) in enumerate(panels):
        draw_curves(figure.add_subplot(rows, columns, index + 1), curves, title)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".partial-{path.name}")
    figure.savefig(partial, format="png", dpi=96, metadata={"Software": None})
    partial.replace(path)


def draw_run_curves(run: Path, config: ImitateConfig, path: Path) -> None:
    """Draw the success of a run's seeds while they were trained, unfinished ones included."""
    from tcn_robot.policies.learner import read_evaluations

    seeds = [success_points(read_evaluations(seed_folder(run, seed))) for seed in config.seeds]
    if any(len(seed) for seed in seeds):
        title = f"{config.task.rpartition('/')[2]}, reward {config.reward}"
        save_figure(path, [(title, [Curve(config.reward, config.reward, seeds)])])

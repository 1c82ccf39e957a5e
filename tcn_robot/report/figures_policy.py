"""Figures about reward and policy: reward along episodes, success while learning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np

from tcn_robot.look import (
    OTHER_COLOURS,
    REWARD_COLOURS,
    Look,
    blank_figure,
    image_axes,
    percent_axis,
)
from tcn_robot.report.evidence import RewardTrace
from tcn_robot.report.policy_evidence import PolicyRun, SuccessCurve, by_task

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


# What behaviour cloning has for a reward.
CLONED = "none"
DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1.5, 1.5)))


def reward_figure(traces: list[RewardTrace], look: Look) -> Figure:
    """Draw the reward along each episode, with what the camera saw below the curve."""
    count = len(traces)
    if look.narrow:
        figure = blank_figure(look, 2.75 * count)
        ratios = [1.75, 1.0] * count
        axes = figure.subplots(2 * count, 1, gridspec_kw={"height_ratios": ratios})
        pairs = [(axes[2 * i], axes[2 * i + 1]) for i in range(count)]
    else:
        figure = blank_figure(look, 3.3)
        axes = figure.subplots(2, count, squeeze=False, gridspec_kw={"height_ratios": [3.6, 1]})
        pairs = [(axes[0, i], axes[1, i]) for i in range(count)]
    low = min(0.0, *(float(trace.reward.min()) for trace in traces))
    high = max(1.0, *(float(trace.reward.max()) for trace in traces))
    for position, (trace, (curve_axis, picture_axis)) in enumerate(zip(traces, pairs, strict=True)):
        _draw_trace(curve_axis, trace, look)
        curve_axis.set_ylim(low - 0.02, high + 0.04 * (high - low))
        if look.narrow or position == 0:
            curve_axis.set_ylabel("learned reward")
        picture_axis.imshow(_row_of_pictures(trace.thumbnails))
        image_axes(picture_axis)
    return figure


def _row_of_pictures(pictures: np.ndarray) -> np.ndarray:
    """Put pictures (K, H, W, 3) beside each other with clear gaps: uint8 (H, K * W + gaps, 4)."""
    gap_px = max(1, pictures.shape[2] // 32)
    opaque = np.full((*pictures.shape[:3], 1), 255, np.uint8)
    padded = np.pad(
        np.concatenate([pictures, opaque], axis=3), ((0, 0), (0, 0), (0, gap_px), (0, 0))
    )
    return np.concatenate(list(padded), axis=1)[:, :-gap_px]  # (H, K * (W + gap) - gap, 4)


def _draw_trace(axis: Axes, trace: RewardTrace, look: Look) -> None:
    colour = look.colour("progress")
    axis.fill_between(trace.times_seconds, 0, trace.reward, color=colour, alpha=0.13, linewidth=0)
    axis.plot(trace.times_seconds, trace.reward, color=colour)
    axis.set_title(trace.title)
    axis.set_xlabel("time (s)")
    axis.set_xlim(float(trace.times_seconds[0]), float(trace.times_seconds[-1]))


@dataclass(frozen=True)
class Stroke:
    """How the curve of a run is drawn: its colour on light and on dark pages, and its dashes."""

    light: str
    dark: str
    dashes: Any = "-"

    def colour(self, look: Look) -> str:
        """Return the colour of a look."""
        return self.dark if look.dark else self.light


def strokes_of(runs: Sequence[PolicyRun]) -> list[Stroke]:
    """Return a stroke for each run of a task, no two alike while they last.

    The first run of a reward has the reward's own colour.
    """
    rewards = {run.reward for run in runs}
    spare = [
        *OTHER_COLOURS,
        *(pair for name, pair in REWARD_COLOURS.items() if name not in rewards),
    ]
    used: list[Stroke] = []
    for run in runs:
        own = REWARD_COLOURS.get(run.reward)
        colours = [own, *spare] if own else spare
        candidates = [Stroke(*pair, dashes) for dashes in DASHES for pair in colours]
        used.append(next((one for one in candidates if one not in used), candidates[0]))
    return used


def success_figure(runs: Sequence[PolicyRun], look: Look) -> Figure:
    """Draw success over environment steps: seeds thin, their mean thick, its interval shaded.

    Args:
        runs: Runs of one task; those without a curve keep their colour free.
        look: How it is drawn.
    """
    rows = -(-len(runs) // _columns(runs, look))
    figure = blank_figure(look, (2.9 if look.narrow else 3.5) + 0.19 * rows)
    axis = figure.subplots()
    for run, stroke in zip(runs, strokes_of(runs), strict=True):
        if run.curve is not None:
            _draw_curve(axis, run, run.curve, stroke, look)
    axis.set_xlabel("environment steps")
    axis.set_ylabel("success on held-out starts")
    axis.set_ylim(0, 1)
    axis.set_xlim(left=0)
    axis.xaxis.set_major_formatter(_thousands)
    if look.narrow:
        axis.locator_params(axis="x", nbins=5)
    percent_axis(axis.yaxis)
    figure.legend(loc="outside upper left", ncols=_columns(runs, look), borderaxespad=0.3)
    return figure


def _columns(runs: Sequence[PolicyRun], look: Look) -> int:
    """Return into how many columns the names of runs fit."""
    characters = 44 if look.narrow else 122
    longest = max(len(run_label(run)) for run in runs) + 8
    return max(1, min(len(runs), characters // longest))


def _draw_curve(
    axis: Axes, run: PolicyRun, curve: SuccessCurve, stroke: Stroke, look: Look
) -> None:
    colour, label = stroke.colour(look), run_label(run)
    above = 1 if is_learned(run) else 0  # where curves meet, those learned from films are seen
    label = "\n".join(wrap(label, 48)) if look.narrow else label
    if curve.is_level:
        last = float(np.mean([row[np.isfinite(row)][-1] for row in curve.success]))
        axis.axhline(last, color=colour, linewidth=2.0, linestyle="--", label=label)
        return
    for seed_success in curve.success if len(curve.success) > 1 else []:
        known = np.isfinite(seed_success)
        axis.plot(
            curve.steps[known],
            seed_success[known],
            color=colour,
            linewidth=0.8,
            alpha=0.45,
            zorder=2 + above,
        )
    known = np.isfinite(curve.middle)
    # Where all draws are alike there is no interval: the band closes on the curve.
    low, high = np.where(np.isfinite(curve.interval), curve.interval, curve.middle[:, None]).T
    axis.fill_between(
        curve.steps[known], low[known], high[known], color=colour, alpha=0.14, linewidth=0
    )
    axis.plot(
        curve.steps[known], curve.middle[known], color=colour, linewidth=2.4, marker="o",
        linestyle=stroke.dashes, markersize=3, label=label, clip_on=False, zorder=4 + above,
    )  # fmt: skip


def standings_figure(runs: Sequence[PolicyRun], look: Look) -> Figure:
    """Draw the final success of finished runs, task by task: mean, interval, each seed.

    Args:
        runs: One finished run or more; those without figures keep their colour free.
        look: How it is drawn.
    """
    rows = _rows_of_standings(runs)
    width = 22 if look.narrow else 46
    names = ["\n".join(wrap(name, width)) for name, _, _ in rows]
    figure = blank_figure(look, 0.6 + 0.26 * sum(name.count("\n") + 1 for name in names))
    axis = figure.subplots()
    places = range(len(rows) - 1, -1, -1)
    for place, (_, run, stroke) in zip(places, rows, strict=True):
        if run is not None and stroke is not None:
            _draw_standing(axis, place, run, stroke.colour(look))
    axis.set_yticks(list(places), names)
    for label, (_, run, _) in zip(axis.get_yticklabels(), rows, strict=True):
        label.set_color(look.ink if run is None else look.muted)
        label.set_fontweight("bold" if run is None else "normal")
    axis.tick_params(axis="y", length=0)
    axis.grid(False, axis="y")
    axis.set_ylim(-0.7, len(rows) - 0.5)
    axis.set_xlim(-0.02, 1.02)
    axis.set_xlabel("success on held-out starts, after training")
    percent_axis(axis.xaxis)
    return figure


def _rows_of_standings(
    runs: Sequence[PolicyRun],
) -> list[tuple[str, PolicyRun | None, Stroke | None]]:
    """Return name, run and stroke of each row; a task of several runs has a row for its name."""
    rows: list[tuple[str, PolicyRun | None, Stroke | None]] = []
    tasks = by_task(runs)
    for task, of_task in tasks.items():
        strokes = zip(of_task, strokes_of(of_task), strict=True)
        shown = [(run, stroke) for run, stroke in strokes if run.figures]
        if len(tasks) == 1:
            rows += [(run.name, run, stroke) for run, stroke in shown]
        elif len(shown) == 1:
            rows.append((f"{task}, {shown[0][0].name}", *shown[0]))
        elif shown:
            rows.append((task, None, None))
            rows += [(run.name, run, stroke) for run, stroke in shown]
    return rows


def _draw_standing(axis: Axes, place: int, run: PolicyRun, colour: str) -> None:
    figures = run.figures or {}
    known = figures.get("iqm")
    value, interval = known if known else (figures["success"], None)
    if interval is not None:
        axis.plot(interval, [place, place], color=colour, linewidth=4, alpha=0.35)
    axis.plot([value], [place], "o", color=colour, markersize=6, clip_on=False)
    seeds = figures["success_per_seed"]
    if len(seeds) > 1:
        axis.plot(seeds, [place - 0.3] * len(seeds), ".", color=colour, markersize=4, clip_on=False)


def _thousands(value: float, _position: float) -> str:
    """Write 20000 as 20,000: steps are counted, not measured."""
    return f"{value:,.0f}"


def run_label(run: PolicyRun) -> str:
    """Return how a run is called in text and legends, such as "learned reward (progress)"."""
    base = "behaviour cloning" if run.reward == CLONED else run.reward
    known = {"sparse": "sparse task reward", "dense": "hand-written dense reward", CLONED: base}
    more = run.name.removeprefix(base)
    words = f"learned reward, {base}" if more else f"learned reward ({base})"
    return f"{known.get(run.reward, words)}{more}"


def is_learned(run: PolicyRun) -> bool:
    """Return whether a run's reward is made from films rather than the task's own."""
    return run.reward not in ("sparse", "dense", CLONED)

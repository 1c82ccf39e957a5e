"""Figures about reward and policy: reward along episodes, success while learning."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tcn_robot.look import Look, blank_figure, image_axes, percent_axis
from tcn_robot.report.evidence import RewardTrace, SuccessCurve

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


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


def success_figure(curves: list[SuccessCurve], look: Look) -> Figure:
    """Draw success over environment steps: each seed thin, their mean thick."""
    figure = blank_figure(look, 3.0 if look.narrow else 3.6)
    axis = figure.subplots()
    for curve in curves:
        colour = look.colour(curve.reward)
        for seed_success in curve.success if len(curve.success) > 1 else []:
            known = np.isfinite(seed_success)
            axis.plot(
                curve.steps[known], seed_success[known], color=colour, linewidth=0.8, alpha=0.45
            )
        known = np.isfinite(curve.success).any(axis=0)
        mean = np.nanmean(curve.success[:, known], axis=0)
        axis.plot(
            curve.steps[known],
            mean,
            color=colour,
            linewidth=2.4,
            marker="o",
            markersize=3,
            label=reward_label(curve.reward),
            clip_on=False,
        )
    axis.set_xlabel("environment steps")
    axis.set_ylabel("success on held-out starts")
    axis.set_ylim(0, 1)
    axis.set_xlim(left=0)
    axis.xaxis.set_major_formatter(_thousands)
    percent_axis(axis.yaxis)
    columns = 1 if look.narrow else len(curves)
    figure.legend(loc="outside upper left", ncols=columns, borderaxespad=0.3)
    return figure


def _thousands(value: float, _position: float) -> str:
    """Write 20000 as 20,000: steps are counted, not measured."""
    return f"{value:,.0f}"


def reward_label(name: str) -> str:
    """Return how a reward is called in text and legends.

    Args:
        name: A reward's name, perhaps with the run in brackets: "progress (second-try)".
    """
    base, space, run = name.partition(" ")
    known = {"sparse": "sparse task reward", "dense": "hand-written dense reward"}
    label = known.get(base, f"learned reward, {base}" if space else f"learned reward ({base})")
    return f"{label} {run}" if space else label


def is_learned(name: str) -> bool:
    """Return whether a reward is made from films rather than the task's own."""
    return name.partition(" ")[0] not in ("sparse", "dense")

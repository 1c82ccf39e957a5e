"""A picture of few-trials runs: success over the rollouts of each start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tcn_robot.look import Look

PICTURE_FILE = "success.png"
CURVES = (("success_best", "best rollout so far", "-"), ("success_mean", "optimiser's mean", "--"))


def write_picture(summaries: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw a panel per run.

    Args:
        summaries: What `few_trials.run.write_summary` returned; those without a finished search
            are left out.
        path: The PNG, whole or absent; nothing is drawn where no search is finished.
    """
    from tcn_robot.look import LIGHT
    from tcn_robot.workflows.plot_out import save_figure

    finished = [summary for summary in summaries if summary.get("after_iterations")]
    if finished:
        save_figure(lambda look: _drawn(finished, look), path, LIGHT)


def _drawn(summaries: Sequence[Mapping[str, Any]], look: Look) -> Figure:
    from tcn_robot.look import blank_figure, percent_axis

    figure = blank_figure(look, 3.4)
    panels = figure.subplots(1, len(summaries), squeeze=False, sharey=True)[0]
    for panel, summary in zip(panels, summaries, strict=True):
        _draw_run(panel, summary, look)
        panel.set_ylim(0, 1.02)
        percent_axis(panel.yaxis)
    panels[0].set_ylabel("success")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
    return figure


def _draw_run(panel: Any, summary: Mapping[str, Any], look: Look) -> None:
    points = summary["after_iterations"]
    rollouts = [point["rollouts"] for point in points]
    colour = look.colour(summary["reward"])
    low, high = zip(*(point["success_best_interval"] for point in points), strict=True)
    panel.fill_between(
        rollouts, low, high, color=colour, alpha=0.15, linewidth=0, label="95 % interval"
    )
    for name, label, style in CURVES:
        panel.plot(
            rollouts, [point[name] for point in points], style, color=colour, label=label,
            clip_on=False,
        )  # fmt: skip
    task = summary["task"].rpartition("/")[2].rpartition(":")[2].removesuffix("-v0")
    panel.set_title(
        f"{task}, reward {summary['reward']}, {summary['optimiser']}\n"
        f"{summary['searches']} searches: {summary['starts']} starts"
    )
    panel.set_xlabel("rollouts per start")
    panel.set_xlim(0, rollouts[-1])

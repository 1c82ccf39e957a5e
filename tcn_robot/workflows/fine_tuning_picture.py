"""A picture of fine-tunings: accuracy over the steps, and what the tests say, by labels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tcn_robot.fine_tuning.table import STARTS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tcn_robot.look import Look

COLOURS = {"pretrained": "#0f766e", "scratch": "#c2570c"}
MOST_PANELS_IN_A_ROW = 4


def write_picture(summary: Mapping[str, Any], path: Path) -> None:
    """Draw a panel of curves per amount of labels, and one of test accuracies.

    Args:
        summary: What `fine_tuning.summary.summarised` returned.
        path: The PNG, whole or absent.
    """
    from tcn_robot.look import LIGHT
    from tcn_robot.workflows.plot_out import save_figure

    save_figure(lambda look: _drawn(summary, look), path, LIGHT)


def _drawn(summary: Mapping[str, Any], look: Look) -> Figure:
    from tcn_robot.look import blank_figure, percent_axis

    amounts = list(summary["amounts"])
    count = len(amounts) + 1
    columns = min(count, MOST_PANELS_IN_A_ROW)
    rows = -(-count // columns)
    figure = blank_figure(look, 0.35 + 2.7 * rows)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel, amount in zip(panels, amounts, strict=False):
        _draw_curves(panel, amount, summary)
    _draw_tests(panels[len(amounts)], summary)
    for panel in panels[:count]:
        percent_axis(panel.yaxis)
        panel.set_ylim(bottom=0)
    for panel in panels[count:]:
        panel.set_axis_off()
    handles, labels = panels[len(amounts)].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
    return figure


def _draw_curves(panel: Any, amount: str, summary: Mapping[str, Any]) -> None:
    for start, curve in summary["amounts"][amount]["curves"].items():
        steps = [one["step"] for one in curve]
        accuracies = [one["accuracy"] for one in curve]
        panel.plot(steps, accuracies, color=COLOURS[start], marker="o", markersize=3)
    panel.axhline(summary["chance"]["top_1"], color="#9b968d", linestyle=":", linewidth=1)
    labels = "all labels" if amount == "all" else f"{amount} labels per class"
    panel.set_title(f"{labels}: validation films")
    panel.set_xlabel("steps")
    panel.set_xlim(left=0)


def _draw_tests(panel: Any, summary: Mapping[str, Any]) -> None:
    amounts = list(summary["amounts"])
    starts = [start for start in COLOURS if start in summary["amounts"][amounts[0]]]
    for place, start in enumerate(starts):
        offset = 0.16 * (place - (len(starts) - 1) / 2)
        rows = [summary["amounts"][amount][start] for amount in amounts]
        means = [row["top_1"] for row in rows]
        below = [row["top_1"] - row["top_1_interval"][0] for row in rows]
        above = [row["top_1_interval"][1] - row["top_1"] for row in rows]
        panel.errorbar(
            [index + offset for index in range(len(amounts))],
            means,
            yerr=[below, above],
            fmt="o",
            markersize=5,
            capsize=3,
            color=COLOURS[start],
            label=STARTS[start],
        )
    panel.axhline(
        summary["chance"]["top_1"], color="#9b968d", linestyle=":", linewidth=1, label="chance"
    )
    panel.set_title("test films, top-1, 95 %")
    panel.set_xticks(range(len(amounts)), amounts)
    panel.set_xlim(-0.6, len(amounts) - 0.4)
    panel.set_xlabel("labels per class")

"""The figure of an audit: what each cheat earns, beside what its progress is worth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tcn_robot.look import Look, blank_figure, percent_axis

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROW_INCHES = 0.34
# Shares beyond are cut: they say "much more", and would press the rest together.
LOWEST_SHARE, HIGHEST_SHARE = -0.3, 1.5


def cheats_of(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the findings that have a share of a success's return, in the order of the record."""
    return [
        probe
        for probe in record["probes"].values()
        if probe["excess"] is not None and "share" in probe["figures"]
    ]


def cheats_figure(record: Mapping[str, Any], look: Look) -> Figure:
    """Draw the share of a success's return that each cheat earns.

    Args:
        record: The audit as it stands in its JSON, with one cheat or more.
        look: How it is drawn.
    """
    cheats = cheats_of(record)[::-1]
    figure = blank_figure(look, 0.9 + ROW_INCHES * len(cheats))
    axes = figure.subplots()
    for place, probe in enumerate(cheats):
        figures = probe["figures"]
        failed = probe["verdict"] == "fail"
        colour = look.colour("sparse") if failed else look.colour("progress")
        share = float(np.clip(figures["share"], LOWEST_SHARE, HIGHEST_SHARE))
        axes.barh(place, share, height=0.55, color=colour, alpha=0.85)
        # The share may be of another rollout than the excess that the score counts.
        due = figures["share"] - figures.get("excess", probe["excess"])
        limits = probe["thresholds"]
        limit = max(due, min(due + limits["most_excess"], limits["most_share"]))
        axes.plot([due, due], [place - 0.38, place + 0.38], color=look.ink, linewidth=1.6)
        axes.plot([limit, limit], [place - 0.38, place + 0.38], ":", color=look.ink, linewidth=1.6)
    axes.axvline(1.0, color=look.muted, linewidth=0.8)
    axes.set_yticks(range(len(cheats)), [probe["probe"] for probe in cheats])
    axes.set_xlim(LOWEST_SHARE, HIGHEST_SHARE)
    axes.set_xlabel("share of a success's return")
    percent_axis(axes.xaxis)
    axes.grid(False, axis="y")
    return figure

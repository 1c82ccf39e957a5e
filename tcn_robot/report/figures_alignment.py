"""Pictures of the alignment suite: errors beside their controls, and one tau against the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tcn_robot.look import Look, blank_figure, percent_axis
from tcn_robot.report.words import ENCODERS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BAR_INCHES = 0.27


@dataclass(frozen=True)
class Errors:
    """The errors of one comparison.

    Attributes:
        title: What is compared.
        rows: {row: figures}.
    """

    title: str
    rows: Mapping[str, Mapping[str, Any]]


def error_figure(parts: Sequence[Errors], look: Look) -> Figure:
    """Draw the alignment error of each row as a bar with its interval, one panel per comparison."""
    names = [
        row
        for row in ENCODERS
        if any(part.rows.get(row, {}).get("error") is not None for part in parts)
    ]
    columns = 1 if look.narrow else len(parts)
    lines = len(parts) // columns
    height = lines * (0.75 + BAR_INCHES * len(names))
    figure = blank_figure(look, height)
    axes = figure.subplots(lines, columns, squeeze=False, sharex=True, sharey=True).ravel()
    for axis, part in zip(axes, parts, strict=True):
        _draw_errors(axis, part, names, look)
    axes[0].invert_yaxis()
    for axis in axes[-columns:]:
        axis.set_xlabel("alignment error, share of the episode")
    return figure


def _draw_errors(axis: Axes, part: Errors, names: Sequence[str], look: Look) -> None:
    accent = look.colour("progress")
    for place, name in enumerate(names):
        row = part.rows.get(name, {})
        if row.get("error") is None:
            continue
        colour = accent if name == "trained" else look.muted
        axis.barh(place, row["error"], height=0.66, color=colour, alpha=0.9, zorder=2)
        end = row["error"]
        if row.get("error_interval"):
            low, high = row["error_interval"]
            axis.plot([low, high], [place, place], color=look.ink, linewidth=1.2, zorder=3)
            end = max(end, high)
        axis.annotate(
            f"{100 * row['error']:.1f}", (end, place), xytext=(4, 0), textcoords="offset points",
            va="center", color=look.ink if name == "trained" else look.muted, fontsize="small",
        )  # fmt: skip
    axis.set_yticks(range(len(names)), [short_name(name) for name in names])
    axis.grid(visible=False, axis="y")
    axis.set_xlim(0, 0.42)
    axis.set_xticks([0.0, 0.1, 0.2, 0.3])
    axis.set_title(part.title)
    percent_axis(axis.xaxis)


def tau_figure(rows: Mapping[str, Mapping[str, Any]], look: Look) -> Figure:
    """Draw tau_a and tau_b of each row: where tau_b is longer, it comes from ties left out."""
    names = [name for name in ENCODERS if _has_taus(rows.get(name, {}))]
    figure = blank_figure(look, 0.95 + 1.3 * BAR_INCHES * len(names))
    axis = figure.subplots()
    for place, name in enumerate(names):
        row, is_trained = rows[name], name == "trained"
        colour = look.colour("progress") if is_trained else look.muted
        for offset, tau, alpha in ((-0.2, "tau_a", 0.95), (0.2, "tau_b", 0.45)):
            axis.barh(place + offset, row[tau], height=0.36, color=colour, alpha=alpha, zorder=2)
            end = row[tau]
            if row.get(f"{tau}_interval"):
                low, high = row[f"{tau}_interval"]
                axis.plot([low, high], [place + offset] * 2, color=look.ink, linewidth=1, zorder=3)
                end = max(end, high)
            axis.annotate(
                f"{row[tau]:.3f}", (max(end, 0.0), place + offset), xytext=(4, 0),
                textcoords="offset points", va="center", fontsize="x-small",
                color=look.ink if is_trained else look.muted,
            )  # fmt: skip
    axis.set_yticks(range(len(names)), [short_name(name) for name in names])
    axis.invert_yaxis()
    axis.grid(visible=False, axis="y")
    axis.set_xlim(min(0.0, *(float(rows[name]["tau_a"]) for name in names)), 1.12)
    axis.set_xlabel("Kendall's tau across episodes")
    axis.set_title("Order across episodes: tau_a (above) and tau_b (below it)")
    return figure


def _has_taus(row: Mapping[str, Any]) -> bool:
    return row.get("tau_a") is not None and row.get("tau_b") is not None


def short_name(row: str) -> str:
    """Return how a picture calls a row."""
    return {"simulator_state": "simulator's state", "pixel_pca": "pixel PCA"}.get(
        row, row.replace("_", " ")
    )

"""Numbers as words: headline figures, table rows, durations."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from tcn_robot.report.evidence import Evidence

ENCODERS = {
    "trained": "trained",
    "untrained": "untrained, same network",
    "collapsed": "collapsed (all frames alike)",
    "frame_counter": "frame counter (knows only the index)",
    "pixels": "pixels (16 × 16 grey values)",
    "pixel_pca": "pixels, principal components",
    "chance": "chance",
    "ceiling": "ceiling (best the frames allow)",
    "simulator_state": "the simulator's own state, looked up",
}
MEASURES = {
    "error": ("alignment error", "lower is better"),
    "accuracy_1": ("within one frame", "higher is better"),
    "tau_a": ("τ-a", "higher is better"),
    "tau_b": ("τ-b", "higher is better"),
}
SHARES = ("error", "accuracy_1")
NOT_MEASURED = "–"
NARROW_SPACE = "\u202f"


@dataclass(frozen=True)
class Headline:
    """One large figure with what it means and what to hold it against."""

    figure: str
    meaning: str
    against: str
    accent: bool = False


def share_text(value: float | None) -> str:
    """Write a share in [0, 1] as per cent, with a decimal where it says something."""
    if value is None or not math.isfinite(value):
        return NOT_MEASURED
    percent = 100 * value
    decimals = 1 if 0 < percent < 10 or 99 < percent < 100 else 0
    return f"{percent:.{decimals}f}{NARROW_SPACE}%"


def measure_text(measure: str, value: float | None) -> str:
    """Write a figure of the alignment benchmark."""
    if measure in SHARES:
        return share_text(value)
    if value is None or not math.isfinite(value):
        return NOT_MEASURED
    return f"{value:.2f}".replace("-", "−")


def interval_text(measure: str, interval: list[float] | None) -> str:
    """Write a confidence interval, "" if there is none."""
    if not interval or not all(math.isfinite(end) for end in interval):
        return ""
    low, high = (measure_text(measure, end).removesuffix(f"{NARROW_SPACE}%") for end in interval)
    return f"{low} to {high}"


def duration_text(seconds: float) -> str:
    """Write a duration as a person would say it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 10:
        return f"{minutes} min {rest:02d} s"
    if minutes < 60:
        return f"{seconds / 60:.0f} min"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def memory_text(megabytes: float) -> str:
    """Write an amount of memory."""
    return f"{megabytes / 1000:.1f} GB" if megabytes >= 1000 else f"{megabytes:.0f} MB"


def alignment_rows(alignment: dict[str, Any]) -> list[dict[str, Any]]:
    """Return one row per encoder: name, key and a (figure, interval) cell per measure."""
    rows = []
    for key, name in ENCODERS.items():
        figures = alignment.get(key)
        if not figures:
            continue
        cells = [
            (
                measure_text(measure, figures.get(measure)),
                interval_text(measure, figures.get(f"{measure}_interval")),
            )
            for measure in MEASURES
        ]
        rows.append({"key": key, "name": name, "cells": cells})
    return rows


def headlines(evidence: Evidence) -> list[Headline]:
    """Return the few figures about embedding and cost that a reader should see first."""
    return [*_alignment_headlines(evidence), *_cost(evidence)]


def _alignment_headlines(evidence: Evidence) -> list[Headline]:
    alignment = evidence.alignment or {}
    trained = alignment.get("trained")
    if not trained:
        return []

    def against(measure: str, keys: tuple[str, ...]) -> str:
        names = {"untrained": "untrained", "chance": "chance", "ceiling": "best possible"}
        known = [(names[key], alignment.get(key, {}).get(measure)) for key in keys]
        return "; ".join(
            f"{name}: {share_text(value)}" for name, value in known if value is not None
        )

    error = Headline(
        share_text(trained.get("error")),
        "average miss when a moment is looked up in another camera’s film",
        against("error", ("untrained", "chance")),
    )
    accuracy = Headline(
        share_text(trained.get("accuracy_1")),
        "of moments found in another camera’s film within one frame",
        against("accuracy_1", ("untrained", "ceiling")),
    )
    return [error, accuracy]


def _cost(evidence: Evidence) -> list[Headline]:
    if not evidence.stages:
        return []
    elapsed = wall_seconds(evidence)
    peak = max(stage.peak_memory_mb for stage in evidence.stages)
    return [
        Headline(
            duration_text(elapsed),
            "from the first recorded frame to the evaluated policy",
            f"largest stage: {memory_text(peak)} of memory",
        )
    ]


def wall_seconds(evidence: Evidence) -> float:
    """Return how long the stages took; those that ran side by side count once."""
    total, last_end = 0.0, 0.0
    for stage in sorted(evidence.stages, key=lambda stage: stage.start_seconds):
        end = stage.start_seconds + stage.seconds
        total += max(0.0, end - max(last_end, stage.start_seconds))
        last_end = max(last_end, end)
    return total


def stage_rows(evidence: Evidence) -> list[dict[str, Any]]:
    """Return one row per stage with its place on a common time line, in per cent."""
    if not evidence.stages:
        return []
    begin = min(stage.start_seconds for stage in evidence.stages)
    end = max(stage.start_seconds + stage.seconds for stage in evidence.stages)
    span = max(end - begin, 1e-9)
    return [
        {
            "name": stage.name,
            "time": duration_text(stage.seconds),
            "memory": memory_text(stage.peak_memory_mb),
            "left": 100 * (stage.start_seconds - begin) / span,
            "width": max(0.4, 100 * stage.seconds / span),
        }
        for stage in evidence.stages
    ]

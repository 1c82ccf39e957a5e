"""What an episode of a capture was worth: rates, drops, skew, offsets, marks where it is bad."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tcn_robot.recordings.capture.offsets import Motion, OffsetEstimate, estimate_offset
from tcn_robot.recordings.capture.reader import Counts
from tcn_robot.recordings.capture.skew import describe_skew, frame_skew
from tcn_robot.recordings.timing import measure_timing, missing_frames

MOST_TIMES_KEPT = 200


@dataclass(frozen=True)
class Limits:
    """From where on an episode is marked; it is kept all the same.

    Attributes:
        drop_share: Of a view's frames, missing or dropped.
        skew_seconds: 99th percentile between the reference and a view.
        offset_seconds: Of a view's stamps, when it is known to twice its standard error.
    """

    drop_share: float = 0.01
    skew_seconds: float = 0.05
    offset_seconds: float = 0.05


def describe_view(
    times_seconds: np.ndarray, frame_rate_hz: float, counts: Counts, ended: str | None
) -> dict[str, Any]:
    """Return the figures of one view.

    Args:
        times_seconds: float64 (T,), of the frames that were kept.
        frame_rate_hz: Rate at which its frames are expected.
        counts: What became of the frames that arrived.
        ended: Why the source gave no more frames; None if it did to the end.

    Returns:
        frames, fps_measured, late_frames; missing_frames (with those that we dropped) and when;
        dropped_frames: of them, those that arrived and found the queue full.
    """
    at = np.flatnonzero(missing_frames(times_seconds, frame_rate_hz))
    timing = measure_timing(times_seconds, frame_rate_hz)
    return {
        "frames": len(times_seconds),
        "fps_measured": timing["fps_measured"],
        "late_frames": timing["late_frames"],
        "missing_frames": timing["dropped_frames"],
        "missing_before_seconds": [round(float(t), 6) for t in times_seconds[at][:MOST_TIMES_KEPT]],
        "dropped_frames": len(counts.dropped_seconds),
        "thinned_frames": counts.thinned,
        "ended": ended,
    }


def describe_capture(
    views: Mapping[str, dict[str, Any]],
    times_seconds: Mapping[str, np.ndarray],
    motions: Mapping[str, Motion],
    limits: Limits,
) -> dict[str, Any]:
    """Return what `episode.json` says under `capture`.

    Args:
        views: What `describe_view` said of each; the first is the reference.
        times_seconds: float64 (T,) by view.
        motions: By view.
        limits: Where marks begin.
    """
    reference = next(iter(views))
    others = [view for view in views if view != reference]
    skew = {
        view: describe_skew(frame_skew(times_seconds[reference], times_seconds[view]))
        for view in others
    }
    offsets = {view: estimate_offset(motions[reference], motions[view]) for view in others}
    return {
        "reference": reference,
        "views": dict(views),
        "skew": skew,
        "offsets": {view: _offset_entry(offset) for view, offset in offsets.items()},
        "limits": vars(limits),
        "marks": find_marks(views, skew, offsets, limits),
    }


def _offset_entry(offset: OffsetEstimate | None) -> dict[str, float] | None:
    return None if offset is None else {name: round(x, 6) for name, x in vars(offset).items()}


def find_marks(
    views: Mapping[str, dict[str, Any]],
    skew: Mapping[str, dict[str, float | None]],
    offsets: Mapping[str, OffsetEstimate | None],
    limits: Limits,
) -> list[str]:
    """Return a line for each limit that was passed."""
    marks = []
    for view, figures in views.items():
        share = figures["missing_frames"] / max(figures["frames"] + figures["missing_frames"], 1)
        if share > limits.drop_share:
            marks.append(
                f"{view}: {share:.1%} of the frames missing, limit {limits.drop_share:.1%}"
            )
        if figures["ended"] is not None:
            marks.append(f"{view}: {figures['ended']} before the episode")
    for view, entry in skew.items():
        p99 = entry["p99_seconds"]
        if p99 is None or p99 > limits.skew_seconds:
            found = "no frame in common" if p99 is None else f"{1e3 * p99:.0f} ms"
            marks.append(f"{view}: skew {found}, limit {1e3 * limits.skew_seconds:.0f} ms")
    for view, offset in offsets.items():
        if offset is None:
            continue
        surely = abs(offset.offset_seconds) - 2 * offset.std_seconds
        if surely > limits.offset_seconds:
            marks.append(
                f"{view}: stamped {1e3 * offset.offset_seconds:.0f} ms late, limit "
                f"{1e3 * limits.offset_seconds:.0f} ms"
            )
    return marks

"""What the measured times say: the true rate, late frames, dropped frames, the longest gap."""

from __future__ import annotations

from typing import Any

import numpy as np

LATE_PERIODS = 1.5


def measure_timing(times_seconds: np.ndarray, frame_rate_hz: float) -> dict[str, Any]:
    """Return the figures of one view.

    Args:
        times_seconds: float64 (T,), ascending.
        frame_rate_hz: Rate asked of the source.

    Returns:
        fps_measured: (T - 1) over the time between first and last frame; None for one frame.
        late_frames: frames that came later than 1.5 periods after the one before.
        dropped_frames: periods that went by without a frame, rounded, over all gaps.
        longest_gap_seconds: None for one frame.
    """
    gaps_seconds = np.diff(times_seconds)
    if gaps_seconds.size == 0:
        return {
            "fps_measured": None,
            "late_frames": 0,
            "dropped_frames": 0,
            "longest_gap_seconds": None,
        }
    periods = gaps_seconds * frame_rate_hz
    span_seconds = float(times_seconds[-1] - times_seconds[0])
    return {
        "fps_measured": round(gaps_seconds.size / span_seconds, 6),
        "late_frames": int((periods > LATE_PERIODS).sum()),
        "dropped_frames": int((np.maximum(np.rint(periods), 1) - 1).sum()),
        "longest_gap_seconds": round(float(gaps_seconds.max()), 9),
    }

"""What the measured times say: the true rate, late frames, dropped frames, the longest gap."""

from __future__ import annotations

from typing import Any

import numpy as np

LATE_PERIODS = 1.5
CATCH_UP_FRAMES = 4


def missing_frames(times_seconds: np.ndarray, frame_rate_hz: float) -> np.ndarray:
    """Return how many frames are missing before each frame, int64 (T,).

    A frame that came late is followed by one that is early again, a missing one is not: what counts
    is the lower envelope of (time - index / rate), looking `CATCH_UP_FRAMES` ahead.

    Args:
        times_seconds: float64 (T,), ascending.
        frame_rate_hz: Rate asked of the source.
    """
    missing = np.zeros(len(times_seconds), np.int64)
    if len(times_seconds) < 2:
        return missing
    delays = times_seconds * frame_rate_hz - np.arange(len(times_seconds))
    padded = np.concatenate([delays, np.full(CATCH_UP_FRAMES, np.inf)])
    envelope = np.lib.stride_tricks.sliding_window_view(padded, CATCH_UP_FRAMES + 1).min(axis=1)
    missing[1:] = np.maximum(np.rint(np.diff(envelope)), 0)
    return missing


def measure_timing(times_seconds: np.ndarray, frame_rate_hz: float) -> dict[str, Any]:
    """Return the figures of one view.

    Args:
        times_seconds: float64 (T,), ascending.
        frame_rate_hz: Rate asked of the source.

    Returns:
        fps_measured: (T - 1) over the time between first and last frame; None for one frame.
        late_frames: frames that came later than 1.5 periods after the one before.
        dropped_frames: periods that went by without a frame, see `missing_frames`.
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
        "dropped_frames": int(missing_frames(times_seconds, frame_rate_hz).sum()),
        "longest_gap_seconds": round(float(gaps_seconds.max()), 9),
    }

"""Faults of the capture times: order, gaps, counts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tcn_robot.recordings import format as dataset_format
from tcn_robot.recordings.checking.kinds import Fault
from tcn_robot.recordings.reader import Episode
from tcn_robot.recordings.timing import measure_timing

LONG_GAP_SECONDS = 1.0
LONG_GAP_PERIODS = 10.0
DROPPED_SHARE = 0.05
DROPPED_FRAMES = 3  # fewer say nothing about a short film
UNEVEN_SHARE = 0.5  # of a period, by which a simulator's clock may differ from even steps


def time_faults(episode: Episode, view: str, times_seconds: np.ndarray) -> Iterator[Fault]:
    """Yield what is wrong with the times of one view, float64 (T,)."""
    where = f"{episode.path / dataset_format.FRAMES_FILE}, view {view!r}"
    expected = episode.metadata["views"][view].get("frames")
    if expected != len(times_seconds):
        message = f"{where}: expected {expected} frames, found {len(times_seconds)}"
        yield Fault("counts-disagree", message, view)
    if not np.isfinite(times_seconds).all():
        yield Fault("times-not-finite", f"{where}: a time is not finite", view)
        return
    gaps_seconds = np.diff(times_seconds)
    backwards = np.flatnonzero(gaps_seconds <= 0)
    if backwards.size:
        first = int(backwards[0]) + 1
        message = f"{where}: frame {first} is not later than the frame before"
        yield Fault("times-go-back", message, view, float(times_seconds[first]))
        return
    if gaps_seconds.size:
        yield from _gap_faults(episode, view, times_seconds, where)


def _gap_faults(
    episode: Episode, view: str, times_seconds: np.ndarray, where: str
) -> Iterator[Fault]:
    gaps_seconds = np.diff(times_seconds)
    at = int(np.argmax(gaps_seconds))
    longest_seconds, start_seconds = float(gaps_seconds[at]), float(times_seconds[at])
    if episode.is_simulated:
        even_seconds = float(np.median(gaps_seconds))
        off = np.abs(gaps_seconds - even_seconds) > UNEVEN_SHARE * even_seconds
        if off.any():
            first = int(np.flatnonzero(off)[0])
            message = (
                f"{where}: {gaps_seconds[first]:.4g} s between frames {first} and {first + 1}, "
                f"{even_seconds:.4g} s between the others"
            )
            yield Fault("time-jump", message, view, float(times_seconds[first]))
        return
    entry = episode.metadata["views"][view]
    rate_hz = float(entry.get("fps_asked") or episode.metadata.get("fps_asked") or 0.0)
    if longest_seconds > max(LONG_GAP_SECONDS, LONG_GAP_PERIODS / max(rate_hz, 1e-6)):
        message = f"{where}: no frame for {longest_seconds:.2f} s after frame {at}"
        yield Fault("long-gap", message, view, start_seconds)
    if rate_hz > 0:
        dropped = measure_timing(times_seconds, rate_hz)["dropped_frames"]
        share = dropped / (dropped + len(times_seconds))
        if share > DROPPED_SHARE and dropped >= DROPPED_FRAMES:
            message = f"{where}: {dropped} frames were dropped ({share:.0%} at {rate_hz:g} per s)"
            yield Fault("dropped-frames", message, view)


def length_faults(episode: Episode, lengths: dict[str, int]) -> Iterator[Fault]:
    """Yield where a simulator's views or rows differ in number; cameras may."""
    if not episode.is_simulated:
        return
    if len(set(lengths.values())) > 1:
        message = f"{episode.path}: a simulator's views must have one length, found {lengths}"
        yield Fault("unequal-views", message)
    rows = episode.metadata.get("steps")
    if rows and lengths and rows not in lengths.values():
        frames = max(lengths.values())
        message = f"{episode.path}: {rows} steps for {frames} frames, expected as many"
        yield Fault("counts-disagree", message)

"""Faults that only the decoded pictures show; each film is decoded once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from tcn_robot.errors import UserError
from tcn_robot.recordings import format as dataset_format
from tcn_robot.recordings.checking.kinds import Fault
from tcn_robot.recordings.reader import Episode
from tcn_robot.recordings.video import TICKS_PER_SECOND, iterate_video

# Of 255: a picture that spreads less than this around its mean shows one colour.
BLANK_SPREAD = 3.0
BLANK_SHARE = 0.5
DARK = 40.0
# Another view moves when a grey value of its small picture changes by this much.
SEEN_MOTION = 16.0
SMALL_PX = 16
FROZEN_SECONDS = 1.0
FROZEN_FRAMES = 5
# A simulator's camera may see nothing move for a while; hardly ever all the time.
FROZEN_SIMULATED_SHARE = 0.9


@dataclass(frozen=True)
class Look:
    """What is kept of a decoded film.

    Attributes:
        ticks: int64 (T,), microseconds from the film's origin.
        digests: (T,) bytes; equal for equal pictures.
        spread: float32 (T,), standard deviation of the grey values around their mean.
        mean: float32 (T,), mean grey value.
        small: float32 (T, 16, 16), grey.
        size_px: (height, width) of the first picture; (0, 0) without one.
        error: Why decoding ended before the end; None if it did not.
    """

    ticks: np.ndarray
    digests: list[bytes]
    spread: np.ndarray
    mean: np.ndarray
    small: np.ndarray
    size_px: tuple[int, int]
    error: str | None


def look_at(path: Path) -> Look:
    """Decode a film as far as it goes."""
    ticks: list[int] = []
    digests: list[bytes] = []
    figures: list[tuple[float, float]] = []
    small: list[np.ndarray] = []
    size_px, error = (0, 0), None
    try:
        for tick, frame in iterate_video(path):
            ticks.append(tick)
            digests.append(hashlib.blake2b(frame.tobytes(), digest_size=16).digest())
            grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
            mean, spread = cv2.meanStdDev(grey)
            figures.append((float(mean[0, 0]), float(spread[0, 0])))
            small.append(cv2.resize(grey, (SMALL_PX, SMALL_PX), interpolation=cv2.INTER_AREA))
            size_px = frame.shape[:2]
    except UserError as failure:
        error = str(failure)
    means, spreads = np.array(figures, np.float32).reshape(-1, 2).T
    shown = np.array(small, np.float32).reshape(-1, SMALL_PX, SMALL_PX)
    return Look(np.array(ticks, np.int64), digests, spreads, means, shown, size_px, error)


def film_faults(
    episode: Episode, view: str, look: Look, times_seconds: np.ndarray | None
) -> Iterator[Fault]:
    """Yield what is wrong with one film by itself and beside its times, float64 (T,)."""
    path = episode.path / dataset_format.video_name(view)
    if look.error is not None:
        yield Fault("undecodable-film", look.error, view)
        return
    entry = episode.metadata["views"][view]
    if look.size_px != (entry["height_px"], entry["width_px"]) and len(look.ticks):
        height_px, width_px = look.size_px
        message = (
            f"{path} shows {width_px}x{height_px} px, expected "
            f"{entry['width_px']}x{entry['height_px']}"
        )
        yield Fault("size-disagrees", message, view)
    if times_seconds is not None:
        yield from _film_time_faults(episode, view, look.ticks, times_seconds)
    yield from _blank_faults(path, view, look)


def _film_time_faults(
    episode: Episode, view: str, ticks: np.ndarray, times_seconds: np.ndarray
) -> Iterator[Fault]:
    path = episode.path / dataset_format.video_name(view)
    if len(ticks) != len(times_seconds):
        message = f"{path} holds {len(ticks)} frames, expected {len(times_seconds)}"
        yield Fault("counts-disagree", message, view)
        return
    origin_seconds = float(episode.metadata.get("video_origin_seconds") or 0.0)
    expected = (times_seconds - origin_seconds) * TICKS_PER_SECOND
    wrong = np.flatnonzero(~(np.abs(ticks - expected) <= 1.0))
    if wrong.size:
        first = int(wrong[0])
        message = (
            f"{path}: frame {first} has time {ticks[first] / TICKS_PER_SECOND} s, "
            f"expected {expected[first] / TICKS_PER_SECOND} s"
        )
        yield Fault("film-times-disagree", message, view, float(times_seconds[first]))


def _is_blank(look: Look) -> bool:
    return bool(len(look.ticks)) and float((look.spread < BLANK_SPREAD).mean()) >= BLANK_SHARE


def _blank_faults(path: Path, view: str, look: Look) -> Iterator[Fault]:
    if not _is_blank(look):
        return
    blank = look.spread < BLANK_SPREAD
    shown = "black" if float(look.mean[blank].mean()) < DARK else "one colour"
    message = f"{path} shows nothing but {shown} in {blank.sum()} of {len(blank)} frames"
    yield Fault("blank-view", message, view)


def view_faults(
    episode: Episode, looks: dict[str, Look], times_seconds: dict[str, np.ndarray]
) -> Iterator[Fault]:
    """Yield views that show the same, or stand still while another moves.

    Args:
        episode: The episode.
        looks: What was seen, by view.
        times_seconds: float64 (T,) by view.
    """
    whole = {
        view: look
        for view, look in looks.items()
        if look.error is None
        and not _is_blank(look)
        and len(look.ticks) == len(times_seconds.get(view, ()))
    }
    first_by_pictures: dict[tuple[bytes, ...], str] = {}
    for view, look in whole.items():
        other = first_by_pictures.setdefault(tuple(look.digests), view)
        if other != view and len(look.digests) > 1:
            message = f"{episode.path}: views {other!r} and {view!r} show the same pictures"
            yield Fault("identical-views", message, view)
    for view in whole:
        yield from _frozen_faults(episode, view, whole, times_seconds)


def _frozen_faults(
    episode: Episode, view: str, looks: dict[str, Look], times_seconds: dict[str, np.ndarray]
) -> Iterator[Fault]:
    start, stop = longest_standstill(looks[view].digests)
    times = times_seconds[view]
    lasted_seconds = float(times[stop - 1] - times[start]) if stop else 0.0
    is_long = stop - start >= FROZEN_FRAMES and lasted_seconds >= FROZEN_SECONDS
    if episode.is_simulated:
        is_long = stop - start >= max(FROZEN_FRAMES, FROZEN_SIMULATED_SHARE * len(times))
    if not is_long:
        return
    others = [
        other
        for other in looks
        if other != view
        and _moved(looks[other], times_seconds[other], times[start], times[stop - 1])
    ]
    is_alone = len(looks) == 1 and stop - start == len(times) and not episode.is_simulated
    if others or is_alone:
        beside = f" while {others[0]!r} moves" if others else ""
        message = (
            f"{episode.path / dataset_format.video_name(view)} stands still for "
            f"{lasted_seconds:.1f} s ({stop - start} equal frames from frame {start}){beside}"
        )
        yield Fault("frozen-view", message, view, float(times[start]))


def longest_standstill(digests: list[bytes]) -> tuple[int, int]:
    """Return the half-open range of the longest run of equal pictures."""
    best, start = (0, 0), 0
    for index in range(1, len(digests) + 1):
        if index == len(digests) or digests[index] != digests[start]:
            if index - start > best[1] - best[0]:
                best = (start, index)
            start = index
    return best


def _moved(look: Look, times_seconds: np.ndarray, low_seconds: float, high_seconds: float) -> bool:
    inside = (times_seconds >= low_seconds) & (times_seconds <= high_seconds)
    shown = look.small[inside]
    if len(shown) < 2:
        return False
    return float(np.abs(shown - shown[0]).max()) > SEEN_MOTION

"""How late each camera's frames are stamped, estimated from motion in the pictures.

Two cameras that see the same scene see it move at the same moments, however differently it looks to
them. How much a view changes from frame to frame, over time, is its motion; the shift at which two
motions agree best is the constant difference of their stamps (exposure, transfer, decoding).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

SMALL_PX = 64
GRID_SECONDS = 0.004
SMOOTHING_SECONDS = 0.7
BLOCK_SECONDS = 2.0
JITTER_FRAMES = 61
MAXIMUM_LAG_SECONDS = 0.5
MINIMUM_BLOCKS = 3
MINIMUM_CORRELATION = 0.3
NUM_BOOTSTRAPS = 200
# What the grid and the shape of the peak leave uncertain, however long the film.
LEAST_STD_SECONDS = 0.001


class MotionMeter:
    """Takes the frames of one view as they come and keeps how much each differs from the last."""

    def __init__(self) -> None:
        self._last: np.ndarray | None = None
        self._times_seconds: list[float] = []
        self._changes: list[float] = []

    def add(self, time_seconds: float, frame: np.ndarray) -> None:
        """Take one frame, uint8 (H, W, 3), seen at a time later than the last one."""
        small = cv2.resize(frame, (SMALL_PX, SMALL_PX), interpolation=cv2.INTER_AREA)
        grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
        if self._last is not None:
            self._changes.append(float(cv2.absdiff(grey, self._last).mean()))
        self._last = grey
        self._times_seconds.append(time_seconds)

    def motion(self) -> Motion:
        """Return what was seen so far."""
        return Motion(np.array(self._times_seconds), np.array(self._changes))


@dataclass(frozen=True)
class Motion:
    """How much a view changes from frame to frame.

    Attributes:
        times_seconds: float64 (T,), when the frames were stamped.
        changes: float64 (T - 1,), mean change of the grey values between each frame and the next.
    """

    times_seconds: np.ndarray
    changes: np.ndarray

    def on_grid(self, grid_seconds: np.ndarray) -> np.ndarray:
        """Return the change per period at the times of a grid, float64 (G,).

        A change belongs to the middle between its frames, at their regular times.
        """
        times, periods = regular_times(self.times_seconds)
        middles = 0.5 * (times[1:] + times[:-1])
        return np.interp(grid_seconds, middles, self.changes / periods)


def regular_times(times_seconds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return stamps without their jitter, and how many periods lie between each and the next.

    A camera exposes at a steady rate; stamps scatter around it, because transfer and scheduling
    take a different time for each frame. What differs slowly (a drifting clock) stays.

    Args:
        times_seconds: float64 (T,), ascending, T >= 2.

    Returns:
        float64 (T,) times whose mean is that of the stamps; int64 (T - 1,) periods, at least 1.
    """
    gaps = np.diff(times_seconds)
    period = float(np.median(gaps))
    for _ in range(2):  # the second time with a period that jitter hardly touches
        periods = np.maximum(np.rint(gaps / period), 1).astype(np.int64)
        ordinals = np.concatenate([[0], np.cumsum(periods)])
        period = float(np.polyfit(ordinals, times_seconds, 1)[0])
    rests = times_seconds - period * ordinals
    width = min(JITTER_FRAMES, len(rests))
    padded = np.pad(rests, (width // 2, width - 1 - width // 2), mode="reflect")
    slow = np.lib.stride_tricks.sliding_window_view(padded, width).mean(axis=1)
    if np.std(rests - slow) > 0.5 * period:  # no steady rate: take the stamps as they are
        return times_seconds, np.ones(len(gaps), np.int64)
    return period * ordinals + slow, periods


@dataclass(frozen=True)
class OffsetEstimate:
    """By how much a view is stamped later than the reference.

    Attributes:
        offset_seconds: Positive: the view stamps the same moment with a later time.
        std_seconds: Its standard error, by bootstrap over blocks of time.
        correlation: Of the two motions at that shift, up to 1.
    """

    offset_seconds: float
    std_seconds: float
    correlation: float


def estimate_offset(reference: Motion, view: Motion, seed: int = 0) -> OffsetEstimate | None:
    """Estimate the constant offset of a view's stamps against the reference's.

    The logarithms of the two motions, without what changes slowly, are correlated over all shifts;
    the peak is interpolated. Blocks of time are drawn with replacement for the uncertainty: where
    the motion repeats itself, other peaks win in some draws and the uncertainty shows it.

    Args:
        reference: Motion of the reference view.
        view: Motion of the other view.
        seed: Of the bootstrap.

    Returns:
        None when there is too little film, or too little motion that both see.
    """
    if min(len(reference.changes), len(view.changes)) < 2:
        return None
    low = max(reference.times_seconds[0], view.times_seconds[0] + MAXIMUM_LAG_SECONDS)
    high = min(reference.times_seconds[-1], view.times_seconds[-1] - MAXIMUM_LAG_SECONDS)
    num_lags = round(MAXIMUM_LAG_SECONDS / GRID_SECONDS)
    grid = np.arange(low, high, GRID_SECONDS)
    block = round(BLOCK_SECONDS / GRID_SECONDS)
    num_blocks = len(grid) // block
    if num_blocks < MINIMUM_BLOCKS:
        return None
    grid = grid[: num_blocks * block]
    wide = grid[0] + GRID_SECONDS * np.arange(-num_lags, len(grid) + num_lags)
    ours = _prepared(reference.on_grid(grid))
    theirs = _prepared(view.on_grid(wide))
    if ours is None or theirs is None:
        return None
    sums = _block_products(ours, theirs, num_blocks, num_lags)  # (B, L)
    curve = _correlation(sums)
    correlation = float(curve.max())
    if correlation < MINIMUM_CORRELATION:
        return None
    draws = np.random.default_rng(seed).integers(0, num_blocks, (NUM_BOOTSTRAPS, num_blocks))
    peaks = np.array([_peak_lag(_correlation(sums[:, drawn])) for drawn in draws])
    std_seconds = float(np.hypot(peaks.std() * GRID_SECONDS, LEAST_STD_SECONDS))
    return OffsetEstimate(_peak_lag(curve) * GRID_SECONDS, std_seconds, correlation)


def _prepared(changes: np.ndarray) -> np.ndarray | None:
    """Return logarithms without slow changes, float64 (G,); None if nothing moves."""
    moving = changes[changes > 0]
    if moving.size < 0.1 * changes.size:
        return None
    logarithms = np.log1p(changes / np.median(moving))
    width = round(SMOOTHING_SECONDS / GRID_SECONDS)
    padded = np.pad(logarithms, (width // 2, width - width // 2), mode="edge")
    sums = np.concatenate([[0.0], np.cumsum(padded)])
    fast = logarithms - ((sums[width:] - sums[:-width]) / width)[: len(logarithms)]
    return fast if fast.std() > 1e-9 else None


def _block_products(
    ours: np.ndarray, theirs: np.ndarray, num_blocks: int, num_lags: int
) -> np.ndarray:
    """Return sums over each block at each lag, (3, B, L): products, our squares, their squares."""
    shifted = np.lib.stride_tricks.sliding_window_view(theirs, len(ours))  # (L, G)
    shape = (shifted.shape[0], num_blocks, -1)
    assert shifted.shape[0] == 2 * num_lags + 1
    products = np.einsum("lbg,bg->bl", shifted.reshape(shape), ours.reshape(num_blocks, -1))
    squares = np.einsum("lbg,lbg->bl", shifted.reshape(shape), shifted.reshape(shape))
    own = np.repeat((ours.reshape(num_blocks, -1) ** 2).sum(axis=1)[:, None], len(shifted), axis=1)
    return np.stack([products, own, squares])


def _correlation(sums: np.ndarray) -> np.ndarray:
    """Return the correlation at each lag, (L,), of block sums (3, B, L)."""
    products, own, squares = sums.sum(axis=1)
    curve: np.ndarray = products / np.sqrt(np.maximum(own * squares, 1e-30))
    return curve


def _peak_lag(curve: np.ndarray) -> float:
    """Return the lag of the peak in grid steps, 0 in the middle, by a parabola through three."""
    at = int(np.argmax(curve))
    middle = len(curve) // 2
    if not 0 < at < len(curve) - 1:
        return float(at - middle)
    before, peak, after = curve[at - 1 : at + 2]
    bend = before - 2 * peak + after
    return at - middle + (0.5 * (before - after) / bend if bend < 0 else 0.0)

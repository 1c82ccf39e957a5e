"""Which frames of a film a network sees: one of each segment in training, evenly spread in tests.

Temporal segments are those of Wang et al. 2016 (TSN, section 3.1); Temporally Coherent Embeddings
(Knights et al. 2020, section IV.B) takes 3 in training and 19 frames in testing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tcn_robot.clips import expand_clip
from tcn_robot.fine_tuning.options import SpreadName

# What TCE leaves out at the end of a film before it spreads its test frames.
TCE_MARGIN_FRAMES = 9

Integers = NDArray[np.int64]


def segment_frames(
    num_frames: Integers, num_segments: int, generator: np.random.Generator
) -> Integers:
    """Draw one frame of each segment of each film.

    Args:
        num_frames: int64 (N,), places that a film has, 1 or more.
        num_segments: S equal parts of each film; a film of fewer places has some of them twice.
        generator: Source of the draws.

    Returns:
        int64 (N, S), rising along S; segment s lies in [s n // S, (s + 1) n // S).
    """
    count = np.asarray(num_frames, np.int64)[:, None]  # (N, 1)
    edges = np.arange(num_segments + 1) * count // num_segments  # (N, S + 1)
    low = np.minimum(edges[:, :-1], count - 1)
    high = np.maximum(edges[:, 1:], low + 1)
    return generator.integers(low, high)


def spread_frames(num_frames: int, count: int, spread: SpreadName = "even") -> Integers:
    """Return the frames of a film that a test looks at.

    Args:
        num_frames: n, of the film, 1 or more.
        count: F, how many; a film of fewer has some of them twice.
        spread: even: the middles of F equal parts of the film. tce: every ((n - 9) // F)-th from
            the start, as published; of a film of less than F + 9 frames that is the first one F
            times, and of a short film the end is not looked at.

    Returns:
        int64 (F,), rising.
    """
    places = np.arange(count, dtype=np.int64)
    if spread == "tce":
        return places * max((num_frames - TCE_MARGIN_FRAMES) // count, 0)
    return (2 * places + 1) * num_frames // (2 * count)


def window_places(num_frames: Integers, window_frames: int) -> Integers:
    """Return how many places a window has in each film without leaving it, at least 1."""
    return np.maximum(np.asarray(num_frames, np.int64) - (window_frames - 1), 1)


def windows_from(
    first: Integers, num_frames: Integers, length: int, stride_frames: int
) -> Integers:
    """Return windows of frames that begin at given ones.

    Args:
        first: int64 (N,), the oldest frame of each.
        num_frames: int64 (N,), frames of its film: no window leaves it.
        length: T, frames of a window.
        stride_frames: Distance between them.

    Returns:
        int64 (N, T), rising; in a film that is too short the first frame is repeated.
    """
    last = np.minimum(first + (length - 1) * stride_frames, np.asarray(num_frames) - 1)
    return expand_clip(last, length, stride_frames)

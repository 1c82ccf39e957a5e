"""From the features of a clip's frames to the features of the clip: with order, and without."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from tcn_robot.errors import UserError


def segment_centres(num_frames: int, num_segments: int) -> NDArray[np.int64]:
    """Return the middle frame of each of `num_segments` equal parts of a clip.

    TSN's test frames (Wang et al. 2016). A clip with fewer frames shows some of them twice.

    Args:
        num_frames: T >= 1, length of the clip.
        num_segments: S >= 1.

    Returns:
        int64 (S,), floor((i + 1/2) T / S), ascending, in [0, T).
    """
    return ((2 * np.arange(num_segments) + 1) * num_frames) // (2 * num_segments)


def mean_pooled(frames: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the mean over a clip's frames: the order of time is lost.

    Args:
        frames: (N, S, F), features of S frames of N clips.

    Returns:
        float64 (N, F).
    """
    return np.asarray(frames, np.float64).mean(axis=1)


def segments_pooled(frames: NDArray[np.floating], num_parts: int) -> NDArray[np.float64]:
    """Return the means over consecutive parts of a clip, behind each other: order is kept.

    Args:
        frames: (N, S, F), features of S frames of N clips, in the order of time.
        num_parts: K, a divisor of S.

    Returns:
        float64 (N, K F).

    Raises:
        UserError: If the frames cannot be divided into so many equal parts.
    """
    num_clips, num_frames, width = frames.shape
    if num_parts < 1 or num_frames % num_parts:
        raise UserError(
            f"--segments must divide the {num_frames} frames of a clip (--frames), found "
            f"{num_parts}"
        )
    parts = np.asarray(frames, np.float64).reshape(num_clips, num_parts, -1, width)
    return parts.mean(axis=2).reshape(num_clips, -1)  # (N, K, F) -> (N, K F)


def first_frame(frames: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the features of the first of a clip's frames, float64 (N, F): a control."""
    return np.asarray(frames[:, 0], np.float64)


def shuffled_in_time(frames: NDArray[np.floating], seed: int) -> NDArray[np.floating]:
    """Return each clip's frames in an order of its own: a control that has lost the order only.

    Args:
        frames: (N, S, F).
        seed: Of the orders.
    """
    generator = np.random.default_rng(seed)
    order = np.argsort(generator.random(frames.shape[:2]), axis=1)  # (N, S)
    return np.take_along_axis(frames, order[:, :, None], axis=1)


def poolings(num_parts: int, seed: int) -> Mapping[str, Callable[[NDArray], NDArray[np.float64]]]:
    """Return the poolings by name: mean, segments, and the two controls of order.

    Args:
        num_parts: K of `segments_pooled`.
        seed: Of `shuffled_in_time`.
    """
    return {
        "mean": mean_pooled,
        "segments": lambda frames: segments_pooled(frames, num_parts),
        "shuffled": lambda frames: segments_pooled(shuffled_in_time(frames, seed), num_parts),
        "first": first_frame,
    }

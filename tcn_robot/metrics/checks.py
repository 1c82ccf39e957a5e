"""Border checks of the metrics: what comes in is finite and of the right shape, or an error."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tcn_robot.errors import UserError


class MetricInputError(UserError, ValueError):
    """Arrays that no metric is defined for; a ValueError for code, one line for the user."""


def checked_embedding(embedding: ArrayLike, name: str) -> NDArray[Any]:
    """Return the embedding as a floating (T, D) array.

    Args:
        embedding: (T, D) real numbers, T >= 1, D >= 1. Integers become float64.
        name: What to call it in an error.

    Raises:
        MetricInputError: Wrong shape, empty, or not finite.
    """
    array = np.asarray(embedding)
    if array.ndim != 2 or 0 in array.shape:
        raise MetricInputError(
            f"{name}: expected embeddings of shape (frames, dimensions), neither 0, "
            f"found {array.shape}; pass one row per frame"
        )
    if array.dtype.kind not in "fiub":
        raise MetricInputError(
            f"{name}: expected real numbers, found dtype {array.dtype}; convert to float32"
        )
    if array.dtype.kind != "f":
        array = array.astype(np.float64)
    not_finite = int((~np.isfinite(array)).any(axis=1).sum())
    if not_finite:
        raise MetricInputError(
            f"{name}: expected finite numbers, found NaN or infinity in {not_finite} of "
            f"{len(array)} frames; they are not left out, mend the embedding"
        )
    return array


def checked_pair(u: ArrayLike, v: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return two embeddings, (T, D) and (S, D), that can be compared.

    Raises:
        MetricInputError: One is no embedding, or their dimensions differ.
    """
    first, second = checked_embedding(u, "u"), checked_embedding(v, "v")
    if first.shape[1] != second.shape[1]:
        raise MetricInputError(
            f"expected embeddings of one dimension, found {first.shape[1]} in u and "
            f"{second.shape[1]} in v; embed both with the same encoder"
        )
    return first, second


def checked_times(times: ArrayLike, num_frames: int, name: str) -> NDArray[np.float64]:
    """Return capture times as float64 (T,), strictly increasing seconds.

    Raises:
        MetricInputError: Another length, not finite, or not increasing.
    """
    array = np.asarray(times, dtype=np.float64)
    if array.shape != (num_frames,):
        raise MetricInputError(
            f"{name}: expected one time per frame, ({num_frames},), found {array.shape}; "
            "pass the times of the embedded frames"
        )
    if not np.isfinite(array).all() or (np.diff(array) <= 0).any():
        raise MetricInputError(
            f"{name}: expected finite, strictly increasing seconds; sort the frames by time"
        )
    return array


def checked_sequence(sequence: ArrayLike, what: str) -> NDArray[np.float64]:
    """Return one number per frame as float64 (T,), T >= 1.

    Args:
        sequence: (T,) real numbers.
        what: What one of them is, for errors.

    Raises:
        MetricInputError: Another shape, no numbers, or not finite.
    """
    try:
        array = np.asarray(sequence, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise MetricInputError(
            f"expected one finite {what} per frame, found none ({error})"
        ) from error
    finite = bool(np.isfinite(array).all())
    if array.ndim != 1 or len(array) == 0 or not finite:
        raise MetricInputError(
            f"expected one finite {what} per frame, found shape {array.shape}"
            f"{'' if finite else ' with NaN or infinity'}"
        )
    return array


def checked_labels(labels: ArrayLike, num_frames: int, name: str) -> NDArray[np.float64]:
    """Return one finite number per frame as float64 (T,).

    Args:
        labels: (T,) real numbers.
        num_frames: T.
        name: What to call them in an error.

    Raises:
        MetricInputError: Another length, no numbers, or not finite.
    """
    array = checked_sequence(labels, f"number in {name}")
    if len(array) != num_frames:
        raise MetricInputError(
            f"{name}: expected one number per frame, ({num_frames},), found {array.shape}; pass "
            "those of the embedded frames"
        )
    return array


def checked_tolerance(tolerance: int) -> None:
    """Check a tolerance in frames.

    Raises:
        MetricInputError: It is negative.
    """
    if tolerance < 0:
        raise MetricInputError(f"expected a tolerance of 0 frames or more, found {tolerance}")


def per_frame(given: ArrayLike, num_frames: int, name: str) -> NDArray[np.generic]:
    """Return one thing per frame, such as a class or an episode's name, as (T,) of any dtype.

    Args:
        given: (T,) numbers or strings.
        num_frames: T.
        name: What to call them in an error.

    Raises:
        MetricInputError: Another length, or numbers that are not finite.
    """
    array = np.asarray(given)
    if array.shape != (num_frames,):
        raise MetricInputError(
            f"{name}: expected one per frame, ({num_frames},), found {array.shape}; pass those of "
            "the embedded frames"
        )
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise MetricInputError(
            f"{name}: expected one per frame, found NaN or infinity; leave frames without a label "
            "out of the embedding too"
        )
    return array


def episodes_of_frames(episodes: ArrayLike, num_frames: int) -> NDArray[np.generic]:
    """Return which episode each frame is of, (T,).

    Raises:
        MetricInputError: Another length, not finite, or a single episode.
    """
    groups = per_frame(episodes, num_frames, "episodes")
    if len(np.unique(groups)) < 2:
        raise MetricInputError(
            "expected frames of 2 episodes or more, found 1: a frame's neighbours come from others"
        )
    return groups

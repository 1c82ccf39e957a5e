"""From scores of classes to accuracies, in which a tie is worth what guessing among the tied is.

A collapsed embedding gives every class the same score; it gets chance, and never 100 % because the
right class happens to be listed first.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tcn_robot.metrics import MetricInputError


def top_k_hits(scores: ArrayLike, labels: ArrayLike, k: int) -> NDArray[np.float64]:
    """Return for each clip how probable it is that its class is among the k best.

    With g classes scored higher and m scored the same (itself included), ties broken at random:
    min(max((k - g) / m, 0), 1).

    Args:
        scores: (N, C), no NaN; larger is better.
        labels: int (N,), in [0, C).
        k: At least 1; all is found where k >= C.

    Returns:
        float64 (N,), in [0, 1].

    Raises:
        MetricInputError: Shapes that do not fit, NaN, or k below 1.
    """
    array, right = _checked(scores, labels)
    if k < 1:
        raise MetricInputError(f"expected k of 1 or more, found {k}")
    own = np.take_along_axis(array, right[:, None], axis=1)  # (N, 1)
    higher = (array > own).sum(axis=1)
    same = (array == own).sum(axis=1)
    return np.clip((k - higher) / same, 0.0, 1.0)


def confusion_matrix(scores: ArrayLike, labels: ArrayLike) -> NDArray[np.float64]:
    """Return how many clips of each class (row) are taken for which (column).

    A clip whose best classes are tied counts in equal shares for all of them.

    Args:
        scores: (N, C), no NaN; larger is better.
        labels: int (N,), in [0, C).

    Returns:
        float64 (C, C); rows sum to the number of clips of the class.

    Raises:
        MetricInputError: Shapes that do not fit, or NaN.
    """
    array, right = _checked(scores, labels)
    best = array == array.max(axis=1, keepdims=True)
    shares = best / best.sum(axis=1, keepdims=True)
    counts = np.zeros((array.shape[1], array.shape[1]))
    np.add.at(counts, right, shares)
    return counts


def per_class_accuracy(confusion: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the accuracy of each class, float64 (C,); NaN for one that was not tested.

    Args:
        confusion: As `confusion_matrix` returns it, or a sum of several.
    """
    totals = confusion.sum(axis=1)
    with np.errstate(invalid="ignore"):
        return np.where(totals > 0, np.diag(confusion) / totals, np.nan)


def macro_accuracy(confusion: NDArray[np.float64]) -> float:
    """Return the mean accuracy over the classes tested; each counts the same.

    Args:
        confusion: As `confusion_matrix` returns it, with one clip or more.
    """
    return float(np.nanmean(per_class_accuracy(confusion)))


def _checked(scores: ArrayLike, labels: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    array, right = np.asarray(scores, np.float64), np.asarray(labels, np.int64)
    if array.ndim != 2 or 0 in array.shape or right.shape != array.shape[:1]:
        raise MetricInputError(
            f"expected scores (N, C) and N labels, found {array.shape} and {right.shape}"
        )
    if np.isnan(array).any():
        raise MetricInputError("expected scores without NaN; mend the features")
    if right.min() < 0 or right.max() >= array.shape[1]:
        raise MetricInputError(
            f"expected labels from 0 to {array.shape[1] - 1}, found {right.min()} to {right.max()}"
        )
    return array, right

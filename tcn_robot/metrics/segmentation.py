"""How well masks agree: intersection over union of each class, from a table of pixels.

Everything follows from a table of pixels: true class by row, predicted class by column. Tables of
several pictures add up; their figures do not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tcn_robot.metrics.checks import MetricInputError


def pixel_confusion(truth: ArrayLike, predicted: ArrayLike, num_classes: int) -> NDArray[np.int64]:
    """Count pixels by their true and their predicted class.

    Args:
        truth: Whole numbers in [0, K), any shape with one pixel or more.
        predicted: The same shape.
        num_classes: K.

    Returns:
        int64 (K, K), true class by row.

    Raises:
        MetricInputError: Shapes that differ, no pixel, or a class that is none.
    """
    true, found = np.asarray(truth), np.asarray(predicted)
    if true.shape != found.shape or true.size == 0:
        raise MetricInputError(
            f"expected two masks of one shape and 1 pixel or more, found {true.shape} and "
            f"{found.shape}"
        )
    for name, mask in (("truth", true), ("predicted", found)):
        if mask.dtype.kind not in "iu" or mask.min() < 0 or mask.max() >= num_classes:
            raise MetricInputError(
                f"{name}: expected whole numbers from 0 to {num_classes - 1}, found {mask.dtype} "
                f"from {mask.min()} to {mask.max()}"
            )
    cells = true.astype(np.int64).reshape(-1) * num_classes + found.reshape(-1)
    return np.bincount(cells, minlength=num_classes**2).reshape(num_classes, num_classes)


def class_iou(confusion: ArrayLike) -> NDArray[np.float64]:
    """Return intersection over union of each class (the PASCAL VOC's measure of segmentation).

    Chance is the share of what is guessed: always naming one class gives that class its share of
    the pixels, and 0 to all others.

    Args:
        confusion: (..., K, K), as `pixel_confusion` counts, or sums of such.

    Returns:
        float64 (..., K), in [0, 1]; NaN for a class that is in neither truth nor prediction.
    """
    table = _checked(confusion)
    both = np.diagonal(table, axis1=-2, axis2=-1)
    either = table.sum(axis=-1) + table.sum(axis=-2) - both
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(either > 0, both / either, np.nan)


def mean_iou(confusion: ArrayLike) -> NDArray[np.float64]:
    """Return the mean of `class_iou` over the classes that truly occur, float64 (...,).

    A class that is nowhere to be seen cannot be found; one that is seen and never named scores 0.

    Raises:
        MetricInputError: No pixel at all.
    """
    table = _checked(confusion)
    occurs = table.sum(axis=-1) > 0  # (..., K)
    if not occurs.any(axis=-1).all():
        raise MetricInputError("expected a table of 1 pixel or more, found none")
    shares = np.where(occurs, class_iou(table), 0.0)
    return np.asarray(shares.sum(axis=-1) / occurs.sum(axis=-1))


def pixel_accuracy(confusion: ArrayLike) -> NDArray[np.float64]:
    """Return the share of pixels whose class is right, float64 (...,).

    What fools it: the background, which has most pixels. Read it beside that of naming nothing
    else.
    """
    table = _checked(confusion)
    right = np.diagonal(table, axis1=-2, axis2=-1).sum(axis=-1)
    return np.asarray(right / table.sum(axis=(-2, -1)))


def _checked(confusion: ArrayLike) -> NDArray[np.float64]:
    table = np.asarray(confusion, np.float64)
    if table.ndim < 2 or table.shape[-1] != table.shape[-2] or not (table >= 0).all():
        raise MetricInputError(
            f"expected counts of pixels (..., K, K), none below 0, found {table.shape}"
        )
    return table

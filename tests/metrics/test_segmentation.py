"""Agreement of masks, against scikit-learn and loops over pixels."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, jaccard_score

from tcn_robot.metrics import (
    MetricInputError,
    class_iou,
    mean_iou,
    pixel_accuracy,
    pixel_confusion,
)


@pytest.mark.parametrize("seed", range(4))
def test_masks_against_scikit_learn(seed: int) -> None:
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, 4, (3, 7, 5)).astype(np.uint8)
    predicted = generator.integers(0, 4, truth.shape)
    table = pixel_confusion(truth, predicted, 4)
    flat = truth.reshape(-1), predicted.reshape(-1)
    np.testing.assert_array_equal(table, confusion_matrix(*flat, labels=range(4)))
    expected = jaccard_score(*flat, average=None)
    np.testing.assert_allclose(class_iou(table), expected, atol=1e-12)
    assert mean_iou(table) == pytest.approx(expected.mean(), abs=1e-12)
    assert pixel_accuracy(table) == pytest.approx(accuracy_score(*flat), abs=1e-12)


def test_masks_pixel_by_pixel() -> None:
    generator = np.random.default_rng(9)
    truth, predicted = generator.integers(0, 3, (2, 40))
    for label in range(3):
        both = sum(t == label and p == label for t, p in zip(truth, predicted, strict=True))
        either = sum(t == label or p == label for t, p in zip(truth, predicted, strict=True))
        found = class_iou(pixel_confusion(truth, predicted, 3))[label]
        assert found == pytest.approx(both / either, abs=1e-12)


def test_one_class_for_all_and_classes_that_are_not_there() -> None:
    truth = np.array([0, 0, 0, 1])
    table = pixel_confusion(truth, np.zeros(4, int), 3)
    np.testing.assert_array_equal(class_iou(table), [0.75, 0.0, np.nan])
    assert mean_iou(table) == pytest.approx(0.375)
    assert pixel_accuracy(table) == 0.75
    # Named where it is not: 0, but not among those that occur.
    wrong = pixel_confusion(truth, np.array([2, 0, 0, 1]), 3)
    np.testing.assert_allclose(class_iou(wrong), [2 / 3, 1.0, 0.0])
    assert mean_iou(wrong) == pytest.approx((2 / 3 + 1) / 2)


def test_tables_add_up_and_stack() -> None:
    generator = np.random.default_rng(2)
    truth, predicted = generator.integers(0, 3, (2, 5, 30))
    tables = np.stack([pixel_confusion(t, p, 3) for t, p in zip(truth, predicted, strict=True)])
    np.testing.assert_array_equal(tables.sum(axis=0), pixel_confusion(truth, predicted, 3))
    np.testing.assert_allclose(mean_iou(tables), [mean_iou(one) for one in tables])
    assert class_iou(tables).shape == (5, 3)


def test_masks_that_cannot_be_compared() -> None:
    for truth, predicted in (
        (np.zeros(3, int), np.zeros(4, int)),
        (np.zeros(0, int), np.zeros(0, int)),
        (np.zeros(3, int), np.full(3, 2)),
        (np.full(3, -1), np.zeros(3, int)),
        (np.zeros(3), np.zeros(3)),
    ):
        with pytest.raises(MetricInputError):
            pixel_confusion(truth, predicted, 2)
    with pytest.raises(MetricInputError):
        mean_iou(np.zeros((2, 2)))
    with pytest.raises(MetricInputError):
        class_iou(np.zeros((2, 3)))

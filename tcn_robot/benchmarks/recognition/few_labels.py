"""Few labels: which training clips keep theirs, and how a probe does with those alone.

The semi-supervised protocols of the field: n labels per class, or a share of the clips. The
hyper-parameter comes from the labelled clips by cross-validation, so that no label is used beyond
those that are counted.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tcn_robot.benchmarks.recognition.probes import (
    COSTS,
    DEFAULT_COST,
    Features,
    Labels,
    in_span,
    linear_scores,
    validation_hits,
)
from tcn_robot.benchmarks.recognition.validation import folds_of

MOST_FOLDS = 2


def draw_per_class(
    labels: Labels, per_class: int, generator: np.random.Generator
) -> NDArray[np.int64]:
    """Return so many clips of each class, all of a class that has no more: ascending positions.

    Args:
        labels: int (N,).
        per_class: At least 1.
        generator: Draws them.
    """
    return _drawn(labels, dict.fromkeys(np.unique(labels).tolist(), per_class), generator)


def draw_share(labels: Labels, share: float, generator: np.random.Generator) -> NDArray[np.int64]:
    """Return a share of the clips of each class, at least one of each: ascending positions.

    Args:
        labels: int (N,).
        share: In (0, 1].
        generator: Draws them.
    """
    present, counts = np.unique(labels, return_counts=True)
    wanted = np.maximum(np.rint(share * counts), 1).astype(int)
    return _drawn(labels, dict(zip(present.tolist(), wanted.tolist(), strict=True)), generator)


def _drawn(
    labels: Labels, wanted: dict[int, int], generator: np.random.Generator
) -> NDArray[np.int64]:
    picked = [
        generator.permutation(np.flatnonzero(labels == label))[:count]
        for label, count in wanted.items()
    ]
    return np.sort(np.concatenate(picked))


def few_label_scores(
    train: Features,
    labels: Labels,
    labelled: NDArray[np.int64],
    test: Features,
    num_classes: int,
    generator: np.random.Generator,
) -> Features:
    """Return a linear probe's scores of test clips when only some training clips have labels.

    Args:
        train: float64 (N, F), the training half, standardised on all of it, which needs no label.
        labels: int (N,); those outside `labelled` are not looked at.
        labelled: int (L,), positions in `train`.
        test: float64 (M, F), standardised likewise.
        num_classes: C.
        generator: Deals the labelled clips into folds.

    Returns:
        float64 (M, C), as `linear_scores`.
    """
    (known, asked), given = in_span(train[labelled], test), labels[labelled]
    cost = _chosen_cost(known, given, num_classes, generator)
    return linear_scores(known, given, asked, num_classes, cost)


def _chosen_cost(
    known: Features, given: Labels, num_classes: int, generator: np.random.Generator
) -> float:
    """Return the cost that cross-validation on the labelled clips finds best."""
    fewest = int(np.unique(given, return_counts=True)[1].min())
    num_folds = min(fewest, MOST_FOLDS)
    if num_folds < 2:  # a class with one label cannot be learnt and validated
        return DEFAULT_COST
    folds = folds_of(given, num_folds, generator)
    hits = sum(
        validation_hits(known, given, folds == fold, num_classes, "linear")
        for fold in range(num_folds)
    )
    return COSTS[int(np.argmax(hits))]

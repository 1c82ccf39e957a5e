"""Few labels: which training clips keep theirs, and how a probe does with those alone.

The semi-supervised protocols of the field: n labels per class, or a share of the clips. The
hyper-parameter comes from the labelled clips by cross-validation, whole groups against others, so
that no label is used beyond those that are counted.
"""

from __future__ import annotations

from collections.abc import Sequence

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
from tcn_robot.benchmarks.recognition.validation import validation_clips


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
    groups: Sequence[str],
    labelled: NDArray[np.int64],
    test: Features,
    num_classes: int,
    generator: np.random.Generator,
) -> Features:
    """Return a linear probe's scores of test clips when only some training clips have labels.

    Args:
        train: float64 (N, F), the training half, standardised on all of it, which needs no label.
        labels: int (N,); those outside `labelled` are not looked at.
        groups: (N,) names of groups, "" where unknown: none of them validates itself.
        labelled: int (L,), positions in `train`.
        test: float64 (M, F), standardised likewise.
        num_classes: C.
        generator: Divides the labelled clips into halves.

    Returns:
        float64 (M, C), as `linear_scores`.
    """
    (known, asked), given = in_span(train[labelled], test), labels[labelled]
    own = [groups[index] for index in labelled.tolist()]
    cost = _chosen_cost(known, given, own, num_classes, generator)
    return linear_scores(known, given, asked, num_classes, cost)


def _chosen_cost(
    known: Features,
    given: Labels,
    groups: Sequence[str],
    num_classes: int,
    generator: np.random.Generator,
) -> float:
    """Return the cost that is best when halves of the labelled clips validate each other."""
    in_second = validation_clips(given, groups, generator, share=0.5)
    if not in_second.any():  # one label, or one group, of each class
        return DEFAULT_COST
    hits = sum(
        validation_hits(known, given, half, num_classes, "linear")
        for half in (in_second, ~in_second)
    )
    return COSTS[int(np.argmax(hits))]

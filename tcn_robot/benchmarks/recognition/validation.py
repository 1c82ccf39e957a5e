"""Clips set aside to choose hyper-parameters with: from the training half, whole groups of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

VALIDATION_SHARE = 0.2


def validation_clips(
    labels: NDArray[np.int64],
    groups: Sequence[str],
    generator: np.random.Generator,
    share: float = VALIDATION_SHARE,
) -> NDArray[np.bool_]:
    """Return which training clips validate.

    Groups are gone through in a drawn order. One is taken if a class in it has less than its share
    of clips yet and no class loses its last group: every class can still be learnt. A class of one
    clip, or one group, is therefore never validated. Clips without a group are groups of their own.

    Args:
        labels: int (N,), classes.
        groups: (N,) names; "" where it is unknown.
        generator: Draws the order.
        share: Of each class, in (0, 1).

    Returns:
        bool (N,), all False if no class has two groups.
    """
    names = [group or f" {index}" for index, group in enumerate(groups)]
    by_group: dict[str, Counter[int]] = {}
    for name, label in zip(names, labels.tolist(), strict=True):
        by_group.setdefault(name, Counter())[label] += 1
    left = Counter(label for counts in by_group.values() for label in counts)
    wanted = {label: share * count for label, count in Counter(labels.tolist()).items()}
    taken_of: Counter[int] = Counter()
    taken = set()
    for index in generator.permutation(len(by_group)):
        name = list(by_group)[index]
        counts = by_group[name]
        is_wanted = any(taken_of[label] < wanted[label] for label in counts)
        if is_wanted and all(left[label] > 1 for label in counts):
            taken.add(name)
            taken_of.update(counts)
            left.subtract(counts.keys())
    return np.array([name in taken for name in names], bool)

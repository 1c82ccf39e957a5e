"""Bootstrap intervals of an accuracy over splits: groups are drawn, not clips.

Clips of one group share a film or a scene; drawing clips would make every interval too narrow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tcn_robot.metrics import MetricInputError

_DRAWN_AT_ONCE = 256


def accuracy(values: Mapping[int, NDArray[np.float64]]) -> float:
    """Return the mean over splits of the mean over a split's test clips.

    Args:
        values: By split (N,), what each test clip scored, such as 1 for right and 0 for wrong.
    """
    return float(np.mean([np.mean(of_split) for of_split in values.values()]))


def accuracy_interval(
    values: Mapping[int, NDArray[np.float64]],
    groups: Mapping[int, Sequence[str]],
    generator: np.random.Generator,
    *,
    confidence: float = 0.95,
    num_resamples: int = 2000,
) -> tuple[float, float]:
    """Return the percentile interval of `accuracy` when groups are drawn with replacement.

    A group that several splits test on is drawn for all of them together. Clips without a group
    are groups of their own. A draw that leaves a split without a clip takes the mean over the
    others.

    Args:
        values: By split float (N,), one figure per test clip; finite.
        groups: By split the (N,) groups of the clips, "" where that is unknown.
        generator: Source of the draws; the same state gives the same interval.
        confidence: In (0, 1).
        num_resamples: Draws.

    Returns:
        (low, high). With one group both are its value.

    Raises:
        MetricInputError: No clips, figures that are not finite, or a bad confidence.
    """
    if not 0.0 < confidence < 1.0:
        raise MetricInputError(f"expected a confidence between 0 and 1, found {confidence}")
    sums, counts = _by_group(values, groups)  # (G, S) each
    num_groups = len(sums)
    share = np.full(num_groups, 1.0 / num_groups)
    means = []
    for start in range(0, num_resamples, _DRAWN_AT_ONCE):
        size = min(_DRAWN_AT_ONCE, num_resamples - start)
        drawn = generator.multinomial(num_groups, share, size=size).astype(np.float64)  # (B, G)
        clips = drawn @ counts  # (B, S)
        with np.errstate(invalid="ignore"):
            means.append(np.nanmean((drawn @ sums) / np.where(clips > 0, clips, np.nan), axis=1))
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(np.concatenate(means), [tail, 1.0 - tail])
    return float(low), float(high)


def _by_group(
    values: Mapping[int, NDArray[np.float64]], groups: Mapping[int, Sequence[str]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the sum of the figures, and the number of clips, per group and split."""
    place: dict[str, int] = {}
    rows, columns, figures = [], [], []
    for column, (number, of_split) in enumerate(values.items()):
        if len(of_split) == 0 or not np.isfinite(of_split).all():
            raise MetricInputError(
                f"expected finite figures of 1 clip or more, found {len(of_split)} in split "
                f"{number}"
            )
        for index, (group, value) in enumerate(zip(groups[number], of_split, strict=True)):
            rows.append(place.setdefault(group or f" {number} {index}", len(place)))
            columns.append(column)
            figures.append(float(value))
    shape = (len(place), len(values))
    sums, counts = np.zeros(shape), np.zeros(shape)
    np.add.at(sums, (rows, columns), figures)
    np.add.at(counts, (rows, columns), 1.0)
    return sums, counts

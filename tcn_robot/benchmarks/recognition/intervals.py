"""Bootstrap intervals of an accuracy over splits: groups are drawn, not clips.

Clips of one group share a film or a scene; drawing clips would make every interval too narrow.
Trainings of an encoder and draws of labels are drawn too: they are crossed with the groups, as
every training is tested on the same clips (Owen 2007, "The pigeonhole bootstrap").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tcn_robot.metrics import MetricInputError

_DRAWN_AT_ONCE = 256

# By split float (N,), a figure of each test clip; or (S, D, N), of S trainings and D draws of
# labels.
Hits = Mapping[int, NDArray[np.float64]]


def accuracy(values: Hits) -> float:
    """Return the mean over splits of the mean over a split's test clips.

    Args:
        values: What each test clip scored, such as 1 for right and 0 for wrong.
    """
    return float(np.mean([np.mean(of_split) for of_split in values.values()]))


def accuracy_interval(
    values: Hits,
    groups: Mapping[int, Sequence[str]],
    generator: np.random.Generator,
    *,
    rivals: Hits | None = None,
    confidence: float = 0.95,
    num_resamples: int = 2000,
) -> tuple[float, float]:
    """Return the percentile interval of `accuracy` when groups are drawn with replacement.

    A group that several splits test on is drawn for all of them together. Clips without a group
    are groups of their own. A draw that leaves a split without a clip takes the mean over the
    others. Where there are several trainings, or draws of labels, as many are drawn of each.

    Args:
        values: Figures of the test clips; finite.
        groups: By split the (N,) groups of the clips, "" where that is unknown.
        generator: Source of the draws; the same state gives the same interval.
        rivals: Another row's figures of the same clips with the same draws of labels. The interval
            is then of how much the first row has more, on the same groups and labels; trainings of
            the two have nothing in common and are drawn apart.
        confidence: In (0, 1).
        num_resamples: Draws.

    Returns:
        (low, high). With one group, training and draw both are its value.

    Raises:
        MetricInputError: No clips, figures that are not finite, or a bad confidence.
    """
    if not 0.0 < confidence < 1.0:
        raise MetricInputError(f"expected a confidence between 0 and 1, found {confidence}")
    sums, counts = _by_group(values, groups)  # (S, D, G, K), (G, K)
    others = None if rivals is None else _by_group(rivals, groups)[0]
    means = []
    for start in range(0, num_resamples, _DRAWN_AT_ONCE):
        size = min(_DRAWN_AT_ONCE, num_resamples - start)
        drawn = _drawn(generator, len(counts), size)  # (B, G)
        labels = _drawn(generator, sums.shape[1], size)  # (B, D)
        mean = _means(sums, counts, drawn, labels, _drawn(generator, len(sums), size))
        if others is not None:
            seeds = _drawn(generator, len(others), size)
            mean -= _means(others, counts, drawn, labels, seeds)
        means.append(mean)
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(np.concatenate(means), [tail, 1.0 - tail])
    return float(low), float(high)


def _drawn(generator: np.random.Generator, count: int, size: int) -> NDArray[np.float64]:
    """Return how often each of `count` is drawn, float64 (size, count); of one it is always 1."""
    share = np.full(count, 1.0 / count)
    return generator.multinomial(count, share, size=size).astype(np.float64)


def _means(
    sums: NDArray[np.float64],
    counts: NDArray[np.float64],
    groups: NDArray[np.float64],
    labels: NDArray[np.float64],
    seeds: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the accuracy of each draw, float64 (B,)."""
    hits = np.einsum("bs,bd,bg,sdgk->bk", seeds, labels, groups, sums, optimize=True)
    hits /= seeds.shape[1] * labels.shape[1]
    clips = groups @ counts  # (B, K)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.nanmean(hits / np.where(clips > 0, clips, np.nan), axis=1))


def _by_group(
    values: Hits, groups: Mapping[int, Sequence[str]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the sums of the figures (S, D, G, K) and the numbers of clips (G, K) of K splits."""
    place: dict[str, int] = {}
    columns, rows = [], []
    for number, of_split in values.items():
        found = np.asarray(of_split, np.float64)
        found = found[None, None] if found.ndim == 1 else found  # (S, D, N)
        if found.size == 0 or not np.isfinite(found).all():
            raise MetricInputError(
                f"expected finite figures of 1 clip or more, found {found.shape[-1]} in split "
                f"{number}"
            )
        names = enumerate(groups[number])
        rows.append([place.setdefault(g or f" {number} {i}", len(place)) for i, g in names])
        columns.append(found)
    sums = np.zeros((*columns[0].shape[:2], len(place), len(values)))
    counts = np.zeros((len(place), len(values)))
    for column, (found, row) in enumerate(zip(columns, rows, strict=True)):
        member = np.zeros((found.shape[-1], len(place)))
        member[np.arange(len(row)), row] = 1.0  # a length that differs is an error here
        sums[..., column] = found @ member
        counts[:, column] = member.sum(axis=0)
    return sums, counts

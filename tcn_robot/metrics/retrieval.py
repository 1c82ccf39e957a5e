"""Recall at k: is what is right among the k nearest frames?

A query counts where at least one of its k nearest frames is right: of the same moment, or of the
same class in another episode (recall at k of metric learning, Oh Song et al. 2016, section 6).

Differs from the usual code: where frames are equidistant, those that fill the last of the k places
are drawn at random, and the recall is its exact expectation over the draws (hypergeometric). A
collapsed embedding scores chance, and not what the order of the frames in memory makes of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tcn_robot.metrics.blockwise import BlockwiseSearch, Distance, row_starts
from tcn_robot.metrics.checks import (
    MetricInputError,
    checked_embedding,
    checked_pair,
    checked_tolerance,
    episodes_of_frames,
    per_frame,
)
from tcn_robot.metrics.neighbours import same_class

# (rows (P,), cols (P,)) of queries and found frames -> bool (P,), whether each is right.
IsRight = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.bool_]]


@dataclass(frozen=True)
class Recall:
    """Recall at one k.

    Attributes:
        recall: Mean over the queries, in [0, 1].
        chance: The same for k frames drawn at random, what a collapsed embedding gets.
        per_query: float64 (T,), each query's expectation over the order of equidistant frames.
    """

    recall: float
    chance: float
    per_query: NDArray[np.float64]


def moment_recall(
    u: ArrayLike,
    v: ArrayLike,
    ks: Sequence[int] = (1, 5, 10),
    tolerance: int = 1,
    *,
    distance: Distance = "euclidean",
) -> dict[int, Recall]:
    """Return how often the same moment is among the k nearest frames of another view.

    Neighbours in time look alike, so that the k nearest are often one moment k times over: with
    k > 1 this is a weaker question than it seems. k = 1 is one direction of `alignment_accuracy`.

    Args:
        u: (T, D), the queries: one view.
        v: (T, D), another view of the same moments.
        ks: How many of the nearest frames are looked at, each in [1, T].
        tolerance: Frames either side that still count, >= 0.
        distance: As in `neighbour_pairs`.

    Returns:
        {k: recall of u's frames in v}.

    Raises:
        MetricInputError: Lengths or dimensions that do not fit, numbers that are not finite, a
            negative tolerance, or a k that is out of range.
    """
    first, second = checked_pair(u, v)
    checked_tolerance(tolerance)
    if len(first) != len(second):
        raise MetricInputError(
            f"expected synchronised views of one length, found {len(first)} and {len(second)} "
            "frames; cut them"
        )
    frames = np.arange(len(first))
    last = np.minimum(frames + tolerance, len(first) - 1)
    num_right = last - np.maximum(frames - tolerance, 0) + 1  # (T,)
    found = _recalls_per_query(
        BlockwiseSearch(first, second, distance),
        lambda rows, cols: np.abs(rows - cols) <= tolerance,
        ks,
    )
    return {
        k: Recall(
            recall=float(per_query.mean()),
            chance=float(_hit_chance(len(second), num_right, k).mean()),
            per_query=per_query,
        )
        for k, per_query in found.items()
    }


def class_recall(
    embedding: ArrayLike,
    classes: ArrayLike,
    episodes: ArrayLike,
    ks: Sequence[int] = (1, 5, 10),
    *,
    distance: Distance = "euclidean",
) -> dict[int, Recall]:
    """Return how often one of the k nearest frames of other episodes is of the same class.

    Rises with k whatever the embedding: read it beside its chance. Frequent classes weigh most;
    `attribute_error` averages over classes. A class that no other episode has is never found.

    Args:
        embedding: (N, D), frames of several episodes, all views together.
        classes: (N,) the class of each frame, numbers or strings.
        episodes: (N,) which episode each frame is of; neighbours come from others only.
        ks: How many of the nearest frames are looked at, >= 1.
        distance: As in `neighbour_pairs`.

    Returns:
        {k: recall}.

    Raises:
        MetricInputError: Lengths that do not fit, numbers that are not finite, one episode, or a
            k that is larger than the frames of other episodes.
    """
    frames = checked_embedding(embedding, "embedding")
    codes = np.unique(per_frame(classes, len(frames), "classes"), return_inverse=True)[1]  # (N,)
    groups = episodes_of_frames(episodes, len(frames))
    found = {k: (np.empty(len(frames)), np.empty(len(frames))) for k in ks}
    for group in np.unique(groups):
        own = groups == group
        queries, gallery = codes[own], codes[~own]
        num_right = np.bincount(gallery, minlength=codes.max() + 1)[queries]
        search = BlockwiseSearch(frames[own], frames[~own], distance)
        for k, per_query in _recalls_per_query(search, same_class(queries, gallery), ks).items():
            found[k][0][own] = per_query
            found[k][1][own] = _hit_chance(len(gallery), num_right, k)
    return {
        k: Recall(float(per_query.mean()), float(chance.mean()), per_query)
        for k, (per_query, chance) in found.items()
    }


def _recalls_per_query(
    search: BlockwiseSearch, right: IsRight, ks: Sequence[int]
) -> dict[int, NDArray[np.float64]]:
    """Return {k: (T,)} of the chance of a hit, all from one search for the largest k."""
    if not ks or min(ks) < 1 or max(ks) > search.num_cols:
        raise MetricInputError(
            f"expected k of 1 to {search.num_cols}, the frames to look among, found "
            f"{', '.join(str(k) for k in ks) or 'none'}; choose smaller ones"
        )
    parts: dict[int, list[NDArray[np.float64]]] = {k: [] for k in ks}
    for block in search.candidates(max(ks)):
        distances = np.zeros(len(block.rows))
        measured = np.repeat(block.doubtful, block.counts)
        distances[measured] = search.distances(block.rows[measured], block.cols[measured])
        hits = right(block.rows, block.cols)
        starts = row_starts(block.rows)
        table = np.full((len(starts), block.counts.max()), np.inf)  # (B, most candidates)
        table[np.arange(table.shape[1]) < block.counts[:, None]] = distances
        table = np.partition(table, [k - 1 for k in ks], axis=1)
        for k, part in parts.items():
            away = distances - np.repeat(table[:, k - 1], block.counts)  # (P,)
            nearer = away < -search.tie_tolerance
            level = ~nearer & (away <= search.tie_tolerance)
            num_nearer, num_level, hits_nearer, hits_level = (
                np.add.reduceat(marked, starts, dtype=np.int64)
                for marked in (nearer, level, nearer & hits, level & hits)
            )
            chance = _hit_chance(num_level, hits_level, k - num_nearer)
            part.append(np.where(hits_nearer > 0, 1.0, chance))
    return {k: np.concatenate(part) for k, part in parts.items()}


def _hit_chance(
    num_frames: NDArray[np.int64] | int,
    num_right: NDArray[np.int64],
    num_drawn: NDArray[np.int64] | int,
) -> NDArray[np.float64]:
    """Return the chance that a draw without replacement has one that is right, (T,).

    `1 - C(n - r, m) / C(n, m)`, as the product over the m frames drawn that none is right.
    """
    drawn = np.broadcast_to(np.asarray(num_drawn), num_right.shape)
    none = np.ones(len(num_right))
    for i in range(int(drawn.max())):
        left = np.maximum(np.asarray(num_frames) - i, 1)
        wrong_left = np.maximum(np.asarray(num_frames) - num_right - i, 0)
        none *= np.where(i < drawn, wrong_left / left, 1.0)
    return 1.0 - none

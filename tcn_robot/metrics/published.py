"""The figures that other projects print, as their code computes them, so that they can be compared.

None of them is a measure to choose an encoder by: each function says what fools it and which of
ours is not fooled. The official TCN error of attributes is `NeighbourError.published`, the
R^2 of TCC's phase progression is in `tcn_robot.benchmarks.alignment.probes`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist
from scipy.stats import kendalltau

from tcn_robot.metrics.blockwise import Distance, unit_rows
from tcn_robot.metrics.checks import MetricInputError, checked_embedding, checked_pair


def published_alignment_error(u: ArrayLike, v: ArrayLike) -> float:
    """Return the alignment error of TCN's official code, alignment.py.

    `mean_t |t - argmin_s |u_t - v_s|| / T`, in one direction.

    What fools it: frames of v that no frame of u is near are never asked for, wherever they lie;
    and of equidistant frames the first in memory is taken, so that a collapsed embedding scores
    (T - 1) / 2T, and 1/4 where the middle one came first. `alignment_error` asks in both directions
    and takes the mean over ties.

    Args:
        u: (T, D), the first of two synchronised views.
        v: (T, D), the second one.

    Returns:
        In [0, 1); uniformly random neighbours get about 1/3.

    Raises:
        MetricInputError: Shapes that do not fit, or numbers that are not finite.
    """
    first, second = checked_pair(u, v)
    if len(first) != len(second):
        raise MetricInputError(
            f"expected synchronised views of one length, found {len(first)} and {len(second)} "
            "frames; cut them"
        )
    found = _nearest(first, second)
    return float(np.abs(np.arange(len(first)) - found).mean() / len(first))


def published_kendall_tau(
    embeddings: Sequence[ArrayLike], stride: int = 1, *, distance: Distance = "euclidean"
) -> float:
    """Return Kendall's tau of TCC's and XIRL's code, kendalls_tau.py.

    The mean over all ordered pairs of episodes of `scipy.stats.kendalltau` (tau_b) of the first
    nearest neighbours, without the pairs for which it is NaN. TCC's stride is 2 for pouring and 5
    for Penn Action, XIRL's 3.

    What fools it: an episode in which all frames are alike gives NaN and is left out, so
    that an encoder which collapses on all but two episodes scores what it does on those two; and
    four states in the right order score 0.87 in tau_b, since pairs without an order are left out as
    well. `kendall_tau` has tau_a beside it, and 0 for what has no order.

    Args:
        embeddings: (T_i, D) of 2 episodes or more.
        stride: Every how many frames are looked at, >= 1.
        distance: As in `neighbour_pairs`.

    Returns:
        In [-1, 1]; 0 where every pair is NaN, as XIRL has it (TCC's code returns NaN).

    Raises:
        MetricInputError: Fewer than 2 episodes, shapes that do not fit, or numbers that are not
            finite.
    """
    episodes = _episodes(embeddings, 2, stride, distance)
    taus = []
    for query, other in permutations(episodes, 2):
        found = _nearest(query, other)
        if len(np.unique(found)) > 1:  # SciPy's is NaN otherwise
            taus.append(float(kendalltau(np.arange(len(found)), found).statistic))
    return float(np.mean(taus)) if taus else 0.0


def published_cycle_consistency(
    embeddings: Sequence[ArrayLike],
    ways: int = 2,
    stride: int = 1,
    *,
    distance: Distance = "euclidean",
) -> float:
    """Return the cycle consistency of XIRL's code, cycle_consistency.py.

    The share of frames that come back within one frame, by first nearest neighbours, averaged over
    all ordered pairs or triples of episodes; a triple has to close both ways round.

    What fools it: a reversed episode, since the way back reverses it again; a stride above 1, since
    the code compares an index of the frames that are left with one of all frames, so that
    only the first ones can be right. `two_way_cycle_consistency` and `three_way_cycle_consistency`
    follow all equidistant frames; read them beside `kendall_tau`.

    Args:
        embeddings: (T_i, D) of `ways` episodes or more.
        ways: 2 or 3.
        stride: Every how many frames are looked at, >= 1.
        distance: As in `neighbour_pairs`.

    Returns:
        In [0, 1].

    Raises:
        MetricInputError: Too few episodes, other ways, shapes that do not fit, or numbers that are
            not finite.
    """
    if ways not in (2, 3):
        raise MetricInputError(f"expected 2 or 3 ways, found {ways}; choose one of them")
    episodes = _episodes(embeddings, ways, stride, distance)
    scores = []
    for cycle in permutations(episodes, ways):
        closed = _returned(cycle, stride)
        if ways == 3:
            closed &= _returned((cycle[0], cycle[2], cycle[1]), stride)
        scores.append(float(closed.mean()))
    return float(np.mean(scores))


def published_delft_accuracy(
    embedding: ArrayLike, tolerance: int = 1, *, distance: Distance = "cosine"
) -> float:
    """Return the "accuracy" of the TU Delft reproduction of TCN, Testing.ipynb.

    A walk through one film: in row t of the similarities the diagonal is set to 0, and
    so are for good the columns that were chosen before; the largest entry is chosen. What is
    counted is how often the next choice is from `tolerance + 1` before the last one to `tolerance`
    after it. With "euclidean" the matrix is one of distances, and the largest is the farthest.

    What fools it: it compares a film with itself and choices with each other, never with the frame
    that should be found. A collapsed embedding scores 1 by distances and all but one choice by
    cosine; a film in perfect order scores 0 at tolerance 0. `alignment_accuracy` gives chance to
    the first and 1 to the second.

    Args:
        embedding: (T, D), one film.
        tolerance: >= 0.
        distance: "cosine" or "euclidean".

    Returns:
        In [0, 1].

    Raises:
        MetricInputError: No embedding, or numbers that are not finite.
    """
    frames = checked_embedding(embedding, "embedding").astype(np.float64)
    if distance == "cosine":
        table = unit_rows(frames) @ unit_rows(frames).T  # (T, T)
    else:
        table = cdist(frames, frames)
    choices = [0]
    for t in range(len(frames)):
        table[t, t] = 0.0
        table[:, choices[-1]] = 0.0
        choices.append(int(table[t].argmax()))
    steps = np.diff(choices)  # (T,)
    return float(((steps >= -tolerance - 1) & (steps <= tolerance)).mean())


def _nearest(query: NDArray[np.generic], other: NDArray[np.generic]) -> NDArray[np.int64]:
    """Return the first nearest frame of each, (T, D), (S, D) -> (T,)."""
    return np.asarray(cdist(query, other, "sqeuclidean").argmin(axis=1))


def _returned(cycle: Sequence[NDArray[np.generic]], stride: int) -> NDArray[np.bool_]:
    """Return which frames of the first episode come back through the others, (T,)."""
    found = np.arange(len(cycle[0]))
    for here, there in zip(cycle, [*cycle[1:], cycle[0]], strict=True):
        found = _nearest(here[found], there)
    # The code's truth counts all frames, what is found counts every stride-th.
    return np.abs(found - stride * np.arange(len(cycle[0]))) <= 1


def _episodes(
    embeddings: Sequence[ArrayLike], fewest: int, stride: int, distance: Distance
) -> list[NDArray[np.float64]]:
    if stride < 1:
        raise MetricInputError(f"expected a stride of 1 or more, found {stride}")
    checked = [
        checked_embedding(one, f"episode {i}").astype(np.float64)
        for i, one in enumerate(embeddings)
    ]
    if len(checked) < fewest:
        raise MetricInputError(
            f"expected {fewest} episodes or more, found {len(checked)}; pass one array for each"
        )
    for other in checked[1:]:
        checked_pair(checked[0], other)
    return [(unit_rows(x) if distance == "cosine" else x)[::stride] for x in checked]

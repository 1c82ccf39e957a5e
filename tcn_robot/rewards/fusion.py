"""How the scores of several views become one: weights that sum to 1 over the views."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

#: Weights of views, from their scores and gates, both (V, N): (V, N), each column sums to 1.
Fusion = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]


def evenly(scores: NDArray[np.float64], gates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 1 / V for every view."""
    return np.full(scores.shape, 1.0 / len(scores))


def by_confidence(scores: NDArray[np.float64], gates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each view's share of the gates, `g_v / sum_u g_u`.

    A view in which the scene looks like nothing shown, such as one that is covered, hardly counts.
    Where no view knows the scene at all (every gate 0) all count the same; the score is 0 there
    whatever the weights, since it is progress times gate.
    """
    total = gates.sum(axis=0)  # (N,)
    shares = gates / np.where(total > 0.0, total, 1.0)
    return np.where(total > 0.0, shares, 1.0 / len(gates))


def by_minimum(scores: NDArray[np.float64], gates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 1 for the view with the lowest score, shared by those that tie for it."""
    lowest = scores == scores.min(axis=0)
    return np.asarray(lowest / lowest.sum(axis=0))


FUSIONS: dict[str, Fusion] = {
    "mean": evenly,
    "confidence": by_confidence,
    "minimum": by_minimum,
}

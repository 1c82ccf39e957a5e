"""How much the reward of each step counts: weights over a rollout that sum to 1."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

#: Share of the weight of "late" that lies evenly on all steps.
EVEN_SHARE = 0.375


def even(steps: int) -> NDArray[np.float64]:
    """Return the same weight for every step, (H,): the mean reward."""
    return np.full(steps, 1.0 / steps)


def last_third(steps: int) -> NDArray[np.float64]:
    """Return equal weights for the last third of the steps and 0 before, (H,)."""
    late = (np.arange(steps) >= 2 * steps // 3).astype(np.float64)
    return late / late.sum()


def late(steps: int) -> NDArray[np.float64]:
    """Return most of the weight on the last third, some on every step, (H,).

    What is reached in the end decides; the rest tells rollouts apart that reach nothing.
    """
    return EVEN_SHARE * even(steps) + (1.0 - EVEN_SHARE) * last_third(steps)


WEIGHTINGS: dict[str, Callable[[int], NDArray[np.float64]]] = {
    "even": even,
    "last-third": last_third,
    "late": late,
}

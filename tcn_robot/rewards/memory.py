"""The running state of a reward, as numbers that a policy can be shown."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tcn_robot.errors import UserError
from tcn_robot.rewards.interface import Reward


def memory_size_of(reward: Reward) -> int:
    """Return how many numbers per environment a reward's state has; 0 if it says nothing of it."""
    return int(getattr(reward, "memory_size", 0))


def memory_of(reward: Reward, num_envs: int) -> NDArray[np.float32]:
    """Return the state of a reward after its last `reset` or `step`.

    Args:
        reward: Any reward; plug-ins may leave `memory_size` and `memory` out.
        num_envs: N, how many environments it scores.

    Returns:
        float32 (N, M) in [0, 1], M the reward's `memory_size`; (N, 0) for one without state.

    Raises:
        UserError: The reward keeps the state of another number of environments, or one outside
            [0, 1].
    """
    size = memory_size_of(reward)
    if size == 0:
        return np.zeros((num_envs, 0), dtype=np.float32)
    stateful: Any = reward
    state = np.asarray(stateful.memory(), dtype=np.float32)
    if state.shape != (num_envs, size):
        raise UserError(
            f"expected the memory of {num_envs} environments, {size} numbers each, found "
            f"{state.shape} from {type(reward).__name__}; call reset with a mask of {num_envs}"
        )
    if not ((state >= 0.0) & (state <= 1.0)).all():
        raise UserError(
            f"expected a memory in [0, 1], {type(reward).__name__} gave "
            f"{state.min():.3g} to {state.max():.3g}; scale it"
        )
    return state


class RunningMaximum:
    """The highest score of each environment since its last reset."""

    def __init__(self) -> None:
        """Know no environment yet."""
        self._highest = np.zeros(0)  # (N,)
        self._started = False

    @property
    def values(self) -> NDArray[np.float32]:
        """The maxima, float32 (N,); 0 in an environment that has not been scored."""
        return self._highest.astype(np.float32)

    def reset(self, mask: NDArray[np.bool_]) -> None:
        """Forget the maxima of some environments, (N,) bool; another N forgets everything."""
        starts = np.asarray(mask, dtype=bool)
        if self._highest.shape != starts.shape:
            self._highest = np.zeros(starts.shape)
        self._highest[starts] = 0.0
        self._started = True

    def begin(self, mask: NDArray[np.bool_], first: NDArray[np.floating[Any]]) -> None:
        """Start M of the environments, (N,) bool with M True, from their first scores, (M,)."""
        self.reset(mask)
        self._highest[np.asarray(mask, dtype=bool)] = first

    def raised_by(self, scores: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """Return the maxima after one more score >= 0 of each environment, (N,) -> float32 (N,).

        Raises:
            UserError: Another number of environments than `reset` was told.
        """
        if not self._started:
            self._highest = np.zeros(len(scores))
            self._started = True
        if self._highest.shape != np.shape(scores):
            raise UserError(
                f"expected frames of {len(self._highest)} environments, found {len(scores)}; "
                "call reset first"
            )
        self._highest = np.maximum(self._highest, scores)
        return self.values

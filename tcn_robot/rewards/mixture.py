"""A learned reward and the environment's own, weighted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tcn_robot.rewards.interface import Reward, ViewFrames
from tcn_robot.rewards.wrapped import WrappedReward, checked_weight


@dataclass(frozen=True)
class MixtureOptions:
    """Options of the mixture.

    Attributes:
        learned: Name of the learned reward.
        learned_weight: Its weight, >= 0.
        sparse_weight: Weight of the environment's own reward, which the wrappers add, >= 0;
            `tcn-robot imitate` has that at the sparse one, 1 where the task is done.
    """

    learned: str = "progress"
    learned_weight: float = 1.0
    sparse_weight: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what has no meaning."""
        checked_weight("learned_weight", self.learned_weight)
        checked_weight("sparse_weight", self.sparse_weight)


class MixtureReward(WrappedReward):
    """`learned_weight * learned + sparse_weight * own`, of which frames show the first part only.

    `step` and `score_episode` return the learned part; `RewardWrapper` and `VecRewardWrapper`, who
    see the environment's own reward, add the other.

    Attributes:
        sparse_weight: Of the environment's own reward, for the wrappers.
    """

    name: ClassVar[str] = "mixture"
    Options = MixtureOptions
    inner_option: ClassVar[str] = "learned"

    def __init__(self, inner: Reward, options: MixtureOptions) -> None:
        """Use `fit` to make one from demonstrations.

        Args:
            inner: The fitted learned reward.
            options: The options.
        """
        super().__init__(inner, options)
        self.sparse_weight = options.sparse_weight

    def step(self, frames: ViewFrames) -> NDArray[np.float32]:
        """Score one frame of each environment, {view: uint8 (N, H, W, 3)} -> float32 (N,)."""
        return self._weighted(self._inner_step(frames))

    def score_episode(self, frames: ViewFrames) -> NDArray[np.float32]:
        """Score a film, {view: uint8 (T, H, W, 3)} -> float32 (T,)."""
        return self._weighted(self.inner.score_episode(frames))

    def _weighted(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        return (self.options.learned_weight * scores).astype(np.float32)

"""How an episode begins: with a frame that no action led to, and that no reward is paid for."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from tcn_robot.rewards.interface import Reward, ViewFrames


@runtime_checkable
class SeesBeginnings(Protocol):
    """An optional part of a reward: it is shown the frames of resets.

    With it, the rewards of an episode in an environment are those of its whole film but the first:
    `score_episode(film)[1:]`.
    """

    def begin(self, frames: ViewFrames, mask: NDArray[np.bool_]) -> None:
        """Begin new episodes with their first frames, which are seen and not scored.

        Equal to `reset(mask)` and then one `step` of those environments alone, whose scores nobody
        gets.

        Args:
            frames: {view: uint8 (M, H, W, 3)}, of the M environments that start anew.
            mask: (N,) bool with M True.
        """


def begin_episodes(reward: Reward, frames: ViewFrames, mask: NDArray[np.bool_]) -> None:
    """Begin new episodes in some environments, with their first frames if the reward sees them.

    Args:
        reward: Any reward.
        frames: {view: uint8 (M, H, W, 3)}, of the M environments that start anew.
        mask: (N,) bool with M True.
    """
    if isinstance(reward, SeesBeginnings):
        reward.begin(frames, mask)
    else:
        # The first score is due to the first action, so it is of frame 1.
        reward.reset(mask, next_frame=1)

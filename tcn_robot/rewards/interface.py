"""What a reward is, and what it needs of an encoder."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

#: Frames of several views, {view: uint8 (N, H, W, 3)}.
ViewFrames = dict[str, NDArray[Any]]


class Embedder(Protocol):
    """The part of an encoder that rewards use."""

    @property
    def image_size_px(self) -> int:
        """Side of the square images that it sees, pixels."""

    def embed(self, frames: NDArray[Any]) -> NDArray[np.float32]:
        """Embed uint8 (N, H, W, 3) frames as float32 (N, D)."""


class Reward(Protocol):
    """Scores frames, of several environments step by step or of a whole film.

    A plug-in reward needs these methods and nothing else of ours. Two members more are optional,
    for rewards that depend on what an episode has shown before; `tcn_robot.rewards.memory_of`
    reads them, and takes a reward without them for one without state:

    - `memory_size: int`: how many numbers of its running state belong into the policy's
      observation, without which the reward is not a function of what the policy sees; 0 for none.
    - `memory() -> float32 (N, memory_size)` in [0, 1]: that state of each environment, after the
      last `reset` or `step`. `score_episode` does not touch it.
    """

    @property
    def views(self) -> tuple[str, ...]:
        """Views that it was fitted on."""

    @property
    def image_size_px(self) -> int:
        """Side at which frames are best rendered for it, pixels."""

    def reset(self, mask: NDArray[np.bool_], next_frame: int = 0) -> None:
        """Begin a new episode in some environments.

        Args:
            mask: (N,) bool, the environments that start anew.
            next_frame: Index, in its episode, of the frame that the next `step` will see. 0 where
                the first observation is scored too, 1 where the first score is due to an action.
        """

    def step(self, frames: ViewFrames) -> NDArray[np.float32]:
        """Score one frame of each environment, {view: uint8 (N, H, W, 3)} -> float32 (N,).

        All environments and views go through the encoder in one forward pass.
        """

    def score_episode(self, frames: ViewFrames) -> NDArray[np.float32]:
        """Score a film, {view: uint8 (T, H, W, 3)} -> float32 (T,).

        Equal to `reset` and T calls of `step` in a single environment, and independent of the
        environments' running state.
        """

    def save(self, folder: Path) -> None:
        """Write the fitted reward with its encoder; `load_reward` reads it."""

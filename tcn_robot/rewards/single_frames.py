"""What rewards have in common that score every frame by itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tcn_robot.rewards.frames import EmbeddedDemo, average_over_views, embed_scored
from tcn_robot.rewards.history import FrameHistory
from tcn_robot.rewards.interface import Embedder, ViewFrames


class SingleFrameReward(ABC):
    """A reward of embedded frames, none of which knows of another; several views: the mean.

    The past of an environment is kept for an encoder of several frames only.
    """

    def __init__(self, encoder: Embedder, views: Sequence[str]) -> None:
        """Know no frame yet.

        Args:
            encoder: Maps frames to embeddings.
            views: Those that it was fitted on.
        """
        self.encoder = encoder
        self._views = tuple(views)
        self._history = FrameHistory(encoder, self._views)

    @abstractmethod
    def score_embedded(self, view: str, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Score the embedded frames of a view, (N, D) -> (N,)."""

    @property
    def views(self) -> tuple[str, ...]:
        """Views that it was fitted on."""
        return self._views

    @property
    def image_size_px(self) -> int:
        """Side at which frames are best rendered for it, pixels."""
        return self.encoder.image_size_px

    @property
    def memory_size(self) -> int:
        """Zero: each frame is scored by itself."""
        return 0

    def memory(self) -> NDArray[np.float32]:
        """Return nothing for each environment, float32 (N, 0)."""
        return np.zeros((self._history.num_envs, 0), dtype=np.float32)

    def reset(self, mask: NDArray[np.bool_], next_frame: int = 0) -> None:
        """Forget the frames before, which only an encoder of several frames looks at."""
        self._history.reset(mask)

    def begin(self, frames: ViewFrames, mask: NDArray[np.bool_]) -> None:
        """Begin new episodes with their first frames; see `beginning`."""
        self._history.begin(frames, mask)

    def step(self, frames: ViewFrames) -> NDArray[np.float32]:
        """Score one frame of each environment, {view: uint8 (N, H, W, 3)} -> float32 (N,)."""
        return self._score(self._history.embed(frames))

    def score_episode(self, frames: ViewFrames) -> NDArray[np.float32]:
        """Score a film, {view: uint8 (T, H, W, 3)} -> float32 (T,)."""
        return self._score(embed_scored(self.encoder, frames, self.views))

    def _score(self, embedded: EmbeddedDemo) -> NDArray[np.float32]:
        return average_over_views(
            [self.score_embedded(view, rows.astype(np.float64)) for view, rows in embedded.items()]
        )

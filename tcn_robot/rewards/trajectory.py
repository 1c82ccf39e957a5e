"""Distance to one demonstration as it goes on: the reward of the TCN paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tcn_robot.errors import UserError, unknown_name
from tcn_robot.rewards.frames import (
    average_over_views,
    embed_demos,
    embed_scored,
)
from tcn_robot.rewards.history import FrameHistory
from tcn_robot.rewards.interface import Embedder, ViewFrames
from tcn_robot.rewards.options import checked_options
from tcn_robot.rewards.storage import read_fitted, save_fitted, stored_encoder

ALIGNMENTS = ("frame", "monotone")


@dataclass(frozen=True)
class TrajectoryConfig:
    """Options of the trajectory reward.

    Attributes:
        alpha: Weight of the squared distance, which pulls from far away, >= 0.
        beta: Weight of the rounded distance, which is precise near zero, >= 0.
        gamma: Rounding of the distance near zero, >= 0.
        alignment: "frame": step t is compared with frame t. "monotone": with the nearest frame
            from the last one found to `window` frames ahead, never back. Both hold the last frame.
        window: Frames to look ahead, >= 1; only for "monotone".
        hold_steps: Steps for which "frame" keeps each frame of the demonstration, >= 1.
    """

    alpha: float = 0.5
    beta: float = 0.5
    gamma: float = 1e-3
    alignment: str = "frame"
    window: int = 5
    hold_steps: int = 1

    def __post_init__(self) -> None:
        """Refuse what has no meaning."""
        if self.alignment not in ALIGNMENTS:
            raise unknown_name("alignment", self.alignment, ALIGNMENTS)
        weights = (self.alpha, self.beta, self.gamma)
        if not all(np.isfinite(weight) and weight >= 0 for weight in weights):
            raise UserError(f"expected alpha, beta and gamma of 0 or more, found {weights}")
        if self.window < 1 or self.hold_steps < 1:
            raise UserError(
                f"expected a window and hold_steps of 1 or more, found {self.window} and "
                f"{self.hold_steps}"
            )


class TrajectoryReward:
    """`-alpha |w - v|^2 - beta sqrt(gamma + |w - v|^2)` (Sermanet et al. 2018, equation 2).

    w is the embedding of the current frame and v that of the demonstration's frame at this point.
    Range (-inf, -beta sqrt(gamma)]; with embeddings of unit norm the distance is at most 2, and the
    default weights are meant for those; embeddings of any length want weights of their own.
    Several views: the mean.
    """

    def __init__(
        self,
        encoder: Embedder,
        reference: dict[str, NDArray[np.float32]],
        config: TrajectoryConfig | None = None,
    ) -> None:
        """Use `fit` to make one from demonstrations.

        Args:
            encoder: Maps frames to embeddings.
            reference: {view: float32 (T, D)}, the demonstration that is followed.
            config: The options.
        """
        self.encoder = encoder
        self.reference = reference
        self.config = config or TrajectoryConfig()
        self._history = FrameHistory(encoder, tuple(reference))
        # Per view and environment: steps done ("frame") or the frame reached ("monotone").
        self._positions: dict[str, NDArray[np.int64]] = {}

    @classmethod
    def fit(
        cls,
        encoder: Embedder,
        demos: Sequence[Mapping[str, Any]],
        *,
        calibration: Sequence[Mapping[str, Any]] | None = None,
        views: Sequence[str] | None = None,
        demo_index: int | None = None,
        **options: Any,
    ) -> TrajectoryReward:
        """Choose the demonstration that is followed.

        Args:
            encoder: Maps frames to embeddings.
            demos: {view: uint8 (T, H, W, 3)} per demonstration.
            calibration: Not used: this reward has nothing to calibrate.
            views: The views to use; all those of the first demonstration when None.
            demo_index: Which demonstration; the one of median length when None.
            **options: Fields of `TrajectoryConfig`.

        Raises:
            UserError: Demonstrations that lack frames or views, or a bad option.
        """
        config = checked_options("trajectory", TrajectoryConfig, options)
        if len(demos) == 0:
            raise UserError("expected 1 demonstration or more, found none; record some first")
        if demo_index is not None and not -len(demos) <= demo_index < len(demos):
            raise UserError(f"demo_index {demo_index} is not among {len(demos)} demonstrations")
        chosen_views = tuple(views) if views is not None else tuple(demos[0])
        for index, demo in enumerate(demos):
            for view in chosen_views:
                if view not in demo:
                    raise unknown_name(f"view in demonstration {index}:", view, demo)
        index = _median_length_index(demos, chosen_views) if demo_index is None else demo_index
        _, embedded = embed_demos(encoder, [demos[index]], chosen_views)
        return cls(encoder, embedded[0], config)

    @property
    def views(self) -> tuple[str, ...]:
        """Views that it was fitted on."""
        return tuple(self.reference)

    @property
    def image_size_px(self) -> int:
        """Side at which frames are best rendered for it, pixels."""
        return self.encoder.image_size_px

    def reset(self, mask: NDArray[np.bool_], next_frame: int = 0) -> None:
        """Begin the demonstration anew in some environments.

        Args:
            mask: (N,) bool. Another N than before begins anew everywhere.
            next_frame: Index, in its episode, of the frame that the next `step` will see.
        """
        self._history.reset(mask)
        starts = np.asarray(mask, dtype=bool)
        first = next_frame if self.config.alignment == "frame" else 0
        for view in self.views:
            positions = self._positions.get(view)
            if positions is None or positions.shape != starts.shape:
                self._positions[view] = np.full(starts.shape, first, dtype=np.int64)
            else:
                self._positions[view] = np.where(starts, first, positions)

    def step(self, frames: ViewFrames) -> NDArray[np.float32]:
        """Score one frame of each environment, {view: uint8 (N, H, W, 3)} -> float32 (N,).

        Raises:
            UserError: The number of environments changed without a `reset`.
        """
        embedded = self._history.embed(frames)
        num_envs = len(next(iter(embedded.values())))
        if not self._positions:
            self.reset(np.ones(num_envs, dtype=bool))
        known = len(self._positions[self.views[0]])
        if num_envs != known:
            raise UserError(
                f"expected frames of {known} environments, found {num_envs}; call reset first"
            )
        scores = []
        for view, current in embedded.items():
            score, self._positions[view] = self._advance(view, current, self._positions[view])
            scores.append(score)
        return average_over_views(scores)

    def score_episode(self, frames: ViewFrames) -> NDArray[np.float32]:
        """Score a film from the demonstration's beginning, {view: (T, H, W, 3)} -> float32 (T,)."""
        embedded = embed_scored(self.encoder, frames, self.views)
        scores = []
        for view, film in embedded.items():
            positions = np.zeros(1, dtype=np.int64)
            rewards = np.empty(len(film))
            for t in range(len(film)):
                rewards[t : t + 1], positions = self._advance(view, film[t : t + 1], positions)
            scores.append(rewards)
        return average_over_views(scores)

    def _advance(
        self, view: str, current: NDArray[np.float32], positions: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the (N,) rewards of (N, D) embeddings and the positions afterwards."""
        reference = self.reference[view].astype(np.float64)
        last = len(reference) - 1
        if self.config.alignment == "frame":
            index = np.minimum(positions // self.config.hold_steps, last)
            squared = np.square(current - reference[index]).sum(axis=1)
            return self._reward(squared), positions + 1
        ahead = positions[:, None] + np.arange(self.config.window + 1)[None, :]  # (N, window + 1)
        candidates = reference[np.minimum(ahead, last)]  # (N, window + 1, D)
        all_squared = np.square(current[:, None, :] - candidates).sum(axis=2)
        # The first of equally near frames, so that standing still does not advance.
        nearest = all_squared.argmin(axis=1)
        squared = all_squared.min(axis=1)
        return self._reward(squared), np.minimum(positions + nearest, last)

    def _reward(self, squared: NDArray[np.float64]) -> NDArray[np.float64]:
        config = self.config
        return np.asarray(
            -config.alpha * squared - config.beta * np.sqrt(config.gamma + squared),
            dtype=np.float64,
        )

    def save(self, folder: Path) -> None:
        """Write the fitted reward and its encoder; the running state is not part of it."""
        options = {"views": list(self.views), "config": asdict(self.config)}
        save_fitted(folder, "trajectory", self.encoder, options, dict(self.reference))

    @classmethod
    def load(cls, folder: Path, encoder: Embedder | None = None) -> TrajectoryReward:
        """Read what `save` has written; the stored encoder is used when none is given."""
        _, options, arrays = read_fitted(folder)
        reference = {view: arrays[view] for view in options["views"]}
        return cls(
            stored_encoder(folder, encoder, arrays),
            reference,
            TrajectoryConfig(**options["config"]),
        )


def _median_length_index(demos: Sequence[Mapping[str, Any]], views: Sequence[str]) -> int:
    """Return the demonstration of median length; the shorter one of two in the middle."""
    lengths = [sum(len(demo[view]) for view in views) for demo in demos]
    return sorted(range(len(demos)), key=lambda i: (lengths[i], i))[(len(demos) - 1) // 2]

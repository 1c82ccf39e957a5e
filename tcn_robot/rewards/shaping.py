"""Potential-based shaping of any reward (Ng, Harada and Russell 1999)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tcn_robot.errors import UserError
from tcn_robot.rewards.interface import Reward, ViewFrames
from tcn_robot.rewards.wrapped import WrappedReward, checked_weight


@dataclass(frozen=True)
class ShapingOptions:
    """Options of the shaping reward.

    Attributes:
        potential: Name of the reward whose score is the potential.
        discount: The discount that the policy learns with, in (0, 1]; with another one shaping
            changes what is best.
        sparse_weight: Weight of the environment's own reward, which the wrappers add, >= 0.
            Shaping alone pays the same to every policy.
    """

    potential: str = "progress"
    discount: float = 0.95
    sparse_weight: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what has no meaning."""
        if not 0.0 < self.discount <= 1.0:
            raise UserError(f"expected a discount in (0, 1], found {self.discount}")
        checked_weight("sparse_weight", self.sparse_weight)


def shaped(
    potentials: NDArray[np.float32], previous: NDArray[np.float64], discount: float
) -> NDArray[np.float32]:
    """Return `discount * potential - previous`, (N,), 0 where the previous one is unknown (NaN)."""
    difference = discount * potentials.astype(np.float64) - previous
    return np.where(np.isnan(difference), 0.0, difference).astype(np.float32)


class ShapingReward(WrappedReward):
    """`F = discount * Phi(s') - Phi(s)`, Phi being another reward's score; range of Phi's span.

    The discounted sum telescopes, `sum_t discount^t F_t = discount^T Phi(s_T) - Phi(s_0)`, so
    adding F to a reward leaves the order of policies as it is where episodes do not end early, as
    in all tasks here; where they end, Phi would have to be 0 at the end (Ng et al. 1999, section
    3).

    A film's first frame has none before it and scores 0. In an environment that is the frame of the
    reset, which `begin` hands over; after a bare `reset` the first score is 0.

    Attributes:
        sparse_weight: Of the environment's own reward, for the wrappers.
    """

    name: ClassVar[str] = "shaping"
    Options = ShapingOptions
    inner_option: ClassVar[str] = "potential"

    def __init__(self, inner: Reward, options: ShapingOptions) -> None:
        """Use `fit` to make one from demonstrations.

        Args:
            inner: The fitted potential.
            options: The options.
        """
        super().__init__(inner, options)
        self.sparse_weight = options.sparse_weight
        self._previous = np.zeros(0)  # Phi of each environment's last frame; NaN where none

    @property
    def shaping_discount(self) -> float:
        """The discount that the learner must have."""
        return float(self.options.discount)

    def reset(self, mask: NDArray[np.bool_], next_frame: int = 0) -> None:
        """Begin a new episode in some environments, whose first frame is not known."""
        starts = np.asarray(mask, dtype=bool)
        if self._previous.shape != starts.shape:
            self._previous = np.full(starts.shape, np.nan)
        self._previous[starts] = np.nan
        super().reset(starts, next_frame)

    def begin(self, frames: ViewFrames, mask: NDArray[np.bool_]) -> None:
        """Begin new episodes with their first frames, whose potential is the first to count.

        Raises:
            UserError: Frames of another number of environments.
        """
        starts = np.asarray(mask, dtype=bool)
        counts = sorted({len(rows) for rows in frames.values()})
        if counts != [int(starts.sum())]:
            raise UserError(
                f"expected first frames of {int(starts.sum())} environments, found {counts}"
            )
        self.reset(starts)
        super().begin(frames, starts)
        self._previous[starts] = self._first_potentials(frames)

    def _first_potentials(self, frames: ViewFrames) -> NDArray[np.float64]:
        """Return the potential of the first frames, each a film of its own, (M,)."""
        count = len(next(iter(frames.values())))
        films = [{view: rows[m : m + 1] for view, rows in frames.items()} for m in range(count)]
        return np.array([self.inner.score_episode(film)[0] for film in films], dtype=np.float64)

    def step(self, frames: ViewFrames) -> NDArray[np.float32]:
        """Score one frame of each environment, {view: uint8 (N, H, W, 3)} -> float32 (N,)."""
        potentials = self._inner_step(frames)
        if not self._previous.size:
            self._previous = np.full(potentials.shape, np.nan)
        if self._previous.shape != potentials.shape:
            raise UserError(
                f"expected frames of {len(self._previous)} environments, found {len(potentials)}; "
                "call reset first"
            )
        scores = shaped(potentials, self._previous, self.options.discount)
        self._previous = potentials.astype(np.float64)
        return scores

    def score_episode(self, frames: ViewFrames) -> NDArray[np.float32]:
        """Score a film, {view: uint8 (T, H, W, 3)} -> float32 (T,); its first frame scores 0."""
        potentials = self.inner.score_episode(frames)
        previous = np.concatenate([[np.nan], potentials[:-1].astype(np.float64)])
        return shaped(potentials, previous, self.options.discount)

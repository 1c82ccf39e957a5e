"""What rewards that are made of another reward have in common."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from tcn_robot.errors import UserError
from tcn_robot.rewards.beginning import begin_episodes
from tcn_robot.rewards.interface import Embedder, Reward, ViewFrames
from tcn_robot.rewards.options import checked_options, stored_options
from tcn_robot.rewards.reading import files_of
from tcn_robot.rewards.storage import INNER_FOLDER, read_fitted, save_fitted

Wrapped = TypeVar("Wrapped", bound="WrappedReward")


class WrappedReward:
    """A reward made of another one, `inner`, whose state and memory are its own.

    Attributes:
        name: In the table of rewards.
        Options: Frozen dataclass; its field `inner_option` names the inner reward.
        inner_option: What the option is called.
    """

    name: ClassVar[str]
    Options: ClassVar[type[Any]]
    inner_option: ClassVar[str]

    def __init__(self, inner: Reward, options: Any) -> None:
        """Use `fit` to make one from demonstrations.

        Args:
            inner: A fitted reward.
            options: Of the class's `Options`.
        """
        self.inner = inner
        self.options = options
        self._num_envs = 0

    @classmethod
    def fit(
        cls: type[Wrapped],
        encoder: Embedder,
        demos: Sequence[Mapping[str, Any]],
        *,
        calibration: Sequence[Mapping[str, Any]] | None = None,
        views: Sequence[str] | None = None,
        **options: Any,
    ) -> Wrapped:
        """Fit the inner reward.

        Args:
            encoder: Maps frames to embeddings.
            demos: {view: uint8 (T, H, W, 3)} per demonstration.
            calibration: Further demonstrations, for the inner reward.
            views: The views to use; all those of the first demonstration when None.
            **options: Fields of `Options`; all others are options of the inner reward.

        Raises:
            UserError: What the inner reward refuses, a bad option, or one that cannot be inside.
        """
        from tcn_robot.rewards.table import reward_class

        own = {field.name for field in dataclasses.fields(cls.Options)}
        mine = {name: value for name, value in options.items() if name in own}
        checked = checked_options(cls.name, cls.Options, mine)
        inner_name = getattr(checked, cls.inner_option)
        if inner_name == cls.name:
            raise UserError(f"{cls.inner_option} of the {cls.name} reward cannot be {cls.name}")
        theirs = {name: value for name, value in options.items() if name not in own}
        inner = reward_class(inner_name).fit(
            encoder, demos, calibration=calibration, views=views, **theirs
        )
        if getattr(inner, "scored_at_end", False):
            raise UserError(
                f"the {cls.name} reward needs a score at every step, scored=end has none; "
                "leave it out"
            )
        return cls(inner, checked)

    @property
    def views(self) -> tuple[str, ...]:
        """Views that it was fitted on."""
        return self.inner.views

    @property
    def image_size_px(self) -> int:
        """Side at which frames are best rendered for it, pixels."""
        return self.inner.image_size_px

    @property
    def shaping_discount(self) -> float | None:
        """The discount that shaping inside is made for, which the learner must have; else None."""
        return getattr(self.inner, "shaping_discount", None)

    @property
    def memory_size(self) -> int:
        """How many numbers `memory` has per environment: those of the inner reward."""
        return int(getattr(self.inner, "memory_size", 0))

    def memory(self) -> NDArray[np.float32]:
        """Return the inner reward's memory, float32 (N, memory_size)."""
        if not self.memory_size:
            return np.zeros((self._num_envs, 0), dtype=np.float32)
        inner: Any = self.inner
        memory: NDArray[np.float32] = inner.memory()
        return memory

    def reset(self, mask: NDArray[np.bool_], next_frame: int = 0) -> None:
        """Begin a new episode in some environments; see `Reward`."""
        self._num_envs = len(mask)
        self.inner.reset(mask, next_frame)

    def begin(self, frames: ViewFrames, mask: NDArray[np.bool_]) -> None:
        """Begin new episodes with their first frames; see `beginning`."""
        self._num_envs = len(mask)
        begin_episodes(self.inner, frames, mask)

    def _inner_step(self, frames: ViewFrames) -> NDArray[np.float32]:
        scores = self.inner.step(frames)
        self._num_envs = len(scores)
        return scores

    def save(self, folder: Path) -> None:
        """Write the fitted reward; the inner one, with the encoder, in a folder of its own."""
        options = dataclasses.asdict(self.options)
        save_fitted(folder, self.name, None, options, {}, parts={INNER_FOLDER: self.inner})

    @classmethod
    def load(cls: type[Wrapped], folder: Path, encoder: Embedder | None = None) -> Wrapped:
        """Read what `save` has written; the stored encoder is used when none is given.

        Raises:
            UserError: Nothing usable there, a damaged reward, or another encoder.
        """
        from tcn_robot.rewards.storage import load_reward

        _, options, _ = read_fitted(folder)
        with files_of(folder):
            checked = stored_options(cls.name, cls.Options, options, complete=True)
        return cls(load_reward(Path(folder) / INNER_FOLDER, encoder), checked)


def checked_weight(name: str, weight: float) -> None:
    """Refuse a weight that is no number of 0 or more.

    Raises:
        UserError: With its name.
    """
    if not (np.isfinite(weight) and weight >= 0.0):
        raise UserError(f"expected a {name} of 0 or more, found {weight}")

"""Several fitted rewards as one: what they agree on, and how far they do not."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tcn_robot.atomic import atomic_folder
from tcn_robot.errors import UserError, unknown_name
from tcn_robot.rewards.interface import Embedder, Reward, ViewFrames
from tcn_robot.rewards.memory import memory_of, memory_size_of
from tcn_robot.rewards.options import checked_options
from tcn_robot.rewards.storage import (
    CONFIG_FILE,
    ENSEMBLE,
    SCHEMA_VERSION,
    load_reward,
    read_document,
)

#: One score of those of all members, (M, N) and the pessimism k -> (N,).
Combination = Callable[[NDArray[np.float64], float], NDArray[np.float64]]


def _pessimistic(scores: NDArray[np.float64], pessimism: float) -> NDArray[np.float64]:
    """Return mean - k standard deviations, at least the lowest score: the range stays."""
    bound = scores.mean(axis=0) - pessimism * scores.std(axis=0)
    return np.asarray(np.maximum(bound, scores.min(axis=0)))


COMBINATIONS: dict[str, Combination] = {
    "mean": lambda scores, _: np.asarray(scores.mean(axis=0)),
    "pessimistic": _pessimistic,
    "minimum": lambda scores, _: np.asarray(scores.min(axis=0)),
}


@dataclass(frozen=True)
class EnsembleOptions:
    """How the members' scores become one.

    Attributes:
        combine: "mean"; "pessimistic", the mean less `pessimism` standard deviations over the
            members (of all M, not M - 1), but never below the lowest of them; or "minimum".
        pessimism: Standard deviations that are taken off, >= 0.
    """

    combine: str = "pessimistic"
    pessimism: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what has no meaning."""
        if self.combine not in COMBINATIONS:
            raise unknown_name("combination", self.combine, COMBINATIONS)
        if not (np.isfinite(self.pessimism) and self.pessimism >= 0.0):
            raise UserError(f"expected a pessimism of 0 or more, found {self.pessimism}")


@dataclass(frozen=True)
class EnsembleExplanation:
    """What an ensemble says of a film.

    Attributes:
        reward: float32 (T,), the combined score.
        members: float32 (M, T), each member's.
        spread: float32 (T,), the standard deviation over the members.
    """

    reward: NDArray[np.float32]
    members: NDArray[np.float32]
    spread: NDArray[np.float32]


class EnsembleReward:
    """Several fitted rewards, such as the same one on encoders of different seeds.

    Where frames look like what all encoders have learnt, they agree; where a policy has found a
    scene that fools one of them, the others need not be fooled. The pessimistic combinations pay
    what most, or all, members pay. It is as many times as slow as it has members; the frames are
    rendered once.
    """

    def __init__(
        self, members: Sequence[Reward], combine: str = "pessimistic", pessimism: float = 1.0
    ) -> None:
        """Join fitted rewards.

        Args:
            members: One or more, fitted on the same task; their running state becomes this one's.
            combine: See `EnsembleOptions`.
            pessimism: Likewise.

        Raises:
            UserError: No member, one that is scored at the end only, or a bad option.
        """
        if len(members) == 0:
            raise UserError("expected an ensemble of 1 reward or more, found none; fit some first")
        if any(getattr(member, "scored_at_end", False) for member in members):
            raise UserError(
                "an ensemble joins the scores of every step, scored=end has none; leave it out, or "
                "give one encoder"
            )
        self.members = tuple(members)
        given = {"combine": combine, "pessimism": pessimism}
        self.options = checked_options("ensemble", EnsembleOptions, given)

    @property
    def views(self) -> tuple[str, ...]:
        """Views that any member was fitted on, each once."""
        return tuple(dict.fromkeys(view for member in self.members for view in member.views))

    @property
    def image_size_px(self) -> int:
        """The largest side that a member asks for; the others scale down."""
        return max(member.image_size_px for member in self.members)

    @property
    def memory_size(self) -> int:
        """Numbers of state per environment, all members' together."""
        return sum(map(memory_size_of, self.members))

    def memory(self) -> NDArray[np.float32]:
        """Return the members' states side by side, float32 (N, memory_size) in [0, 1]."""
        stateful = [member for member in self.members if memory_size_of(member)]
        if not stateful:
            return np.zeros((0, 0), dtype=np.float32)
        num_envs = len(stateful[0].memory())  # type: ignore[attr-defined]
        return np.concatenate([memory_of(member, num_envs) for member in stateful], axis=1)

    def reset(self, mask: NDArray[np.bool_], next_frame: int = 0) -> None:
        """Begin a new episode in some environments, (N,) bool."""
        for member in self.members:
            member.reset(mask, next_frame)

    def step(self, frames: ViewFrames) -> NDArray[np.float32]:
        """Score one frame of each environment, {view: uint8 (N, H, W, 3)} -> float32 (N,)."""
        return self._combined(np.stack([member.step(frames) for member in self.members]))

    def score_episode(self, frames: ViewFrames) -> NDArray[np.float32]:
        """Score a film, {view: uint8 (T, H, W, 3)} -> float32 (T,)."""
        return self.explain(frames).reward

    def explain(self, frames: ViewFrames) -> EnsembleExplanation:
        """Return the reward of a film, {view: uint8 (T, H, W, 3)}, and the members' spread."""
        scores = np.stack([member.score_episode(frames) for member in self.members])  # (M, T)
        spread = scores.astype(np.float64).std(axis=0)
        return EnsembleExplanation(self._combined(scores), scores, spread.astype(np.float32))

    def _combined(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        combine = COMBINATIONS[self.options.combine]
        return combine(scores.astype(np.float64), self.options.pessimism).astype(np.float32)

    def save(self, folder: Path) -> None:
        """Write all members, each with its encoder, into one folder."""
        document = {
            "schema_version": SCHEMA_VERSION,
            "reward": ENSEMBLE,
            "options": {
                "members": len(self.members),
                "combine": self.options.combine,
                "pessimism": self.options.pessimism,
            },
        }
        with atomic_folder(Path(folder)) as partial:
            for index, member in enumerate(self.members):
                member.save(partial / _member_folder(index))
            (partial / CONFIG_FILE).write_text(json.dumps(document, indent=2) + "\n", "utf-8")

    @classmethod
    def load(
        cls, folder: Path, encoders: Sequence[Embedder | None] | None = None
    ) -> EnsembleReward:
        """Read what `save` has written.

        Args:
            folder: Where it lies.
            encoders: One for each member, None for the stored one; all stored ones when None.

        Raises:
            UserError: No ensemble there, a damaged member, or another number of encoders.
        """
        _, options, _ = read_document(folder)
        try:
            count = int(options.pop("members"))
            how = checked_options("ensemble", EnsembleOptions, options)
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{folder}/{CONFIG_FILE} is damaged; fit the rewards again") from error
        given = [None] * count if encoders is None else list(encoders)
        if len(given) != count:
            raise UserError(
                f"expected {count} encoders for the ensemble in {folder}, found {len(given)}"
            )
        members = [
            load_reward(Path(folder) / _member_folder(index), encoder)
            for index, encoder in enumerate(given)
        ]
        return cls(members, how.combine, how.pessimism)


def _member_folder(index: int) -> str:
    return f"member_{index}"

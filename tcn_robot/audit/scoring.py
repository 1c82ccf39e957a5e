"""What a reward gives to a rollout, and how that compares with a success's return."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tcn_robot.audit.rollouts import Rollout
from tcn_robot.errors import UserError

#: A rollout to its rewards, one per shown step: (T,), finite.
Scorer = Callable[[Rollout], NDArray[np.floating]]

LAST_STEPS = 5
# A success that earns less than this share of what is paid at all is not told from doing nothing.
SMALLEST_RELATIVE_GAIN = 1e-4
# Shares beyond say nothing but "much more"; they come from successes that hardly earn anything.
LARGEST_SHARE = 5.0


class EpisodeScorer(Protocol):
    """The part of a reward that the audit uses."""

    def score_episode(self, frames: dict[str, NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Score a film, {view: uint8 (T, H, W, 3)} -> float32 (T,)."""


class FilmScorer:
    """A learned reward as a scorer: it sees the frames of a rollout and nothing else."""

    def __init__(self, reward: EpisodeScorer) -> None:
        """Wrap a fitted reward."""
        self.reward = reward

    def __call__(self, rollout: Rollout) -> NDArray[np.floating]:
        """Return the reward of each shown step, (T,)."""
        return self.reward.score_episode(rollout.film())


def scored(scorer: Scorer, rollout: Rollout) -> NDArray[np.float64]:
    """Return a scorer's rewards, float64 (T,), after checking them.

    Raises:
        UserError: Rewards that are not finite, or not one per step.
    """
    rewards = np.asarray(scorer(rollout), dtype=np.float64)
    if rewards.shape != (len(rollout),) or not np.isfinite(rewards).all():
        found = f"shape {rewards.shape}" if rewards.shape != (len(rollout),) else "NaN or infinity"
        raise UserError(
            f"expected {len(rollout)} finite rewards of a film, found {found}; fit the reward again"
        )
    return rewards


def returned(rewards: NDArray[np.floating]) -> float:
    """Return the sum of the rewards (T,) that actions earn: the first frame is before the first."""
    return float(np.sum(rewards[1:], dtype=np.float64))


def last_reward(rewards: NDArray[np.floating]) -> float:
    """Return the mean reward of the last steps of (T,)."""
    return float(np.mean(rewards[-LAST_STEPS:], dtype=np.float64))


@dataclass(frozen=True)
class Yardstick:
    """What standing still and succeeding earn, by which everything else is measured.

    A share is (return - return of standing still at the same start) / (mean over the successes of
    the same difference): 0 is worth nothing, 1 is worth a success. It does not change when a
    reward is multiplied by a positive number or a constant is added, neither of which changes what
    is best over a fixed number of steps.

    Attributes:
        still: Return of standing still, by the seed of the start.
        gain: Mean of what the successes earn beyond that.
        scale: Mean size of these returns, against which `gain` may be nothing.
    """

    still: dict[int, float]
    gain: float
    scale: float

    @classmethod
    def of(cls, successes: Mapping[int, float], still: Mapping[int, float]) -> Yardstick:
        """Make one from returns by the seed of the start; every success needs its start."""
        gains = [successes[seed] - still[seed] for seed in successes]
        sizes = [abs(value) for value in (*successes.values(), *still.values())]
        return cls(dict(still), float(np.mean(gains)), float(np.mean(sizes)))

    @property
    def tells_apart(self) -> bool:
        """Whether a success earns more than standing still at all."""
        return self.gain > SMALLEST_RELATIVE_GAIN * max(self.scale, 1e-12)

    def share(self, value: float, start_seed: int) -> float:
        """Return which share of a success's gain a return is worth, in [-5, 5].

        1 where a success earns no more than standing still: whatever is done is worth as much.
        """
        if not self.tells_apart:
            return 1.0
        share = (value - self.still[start_seed]) / self.gain
        return float(np.clip(share, -LARGEST_SHARE, LARGEST_SHARE))


def area_under_curve(positive: Iterable[float], negative: Iterable[float]) -> float:
    """Return the ROC-AUC: how often a positive lies above a negative, ties half, in [0, 1].

    Args:
        positive: P >= 1 values of what should lie above.
        negative: N >= 1 values of what should lie below.
    """
    above = np.fromiter(positive, dtype=np.float64)[:, None]
    below = np.fromiter(negative, dtype=np.float64)[None, :]
    if not above.size or not below.size:
        raise ValueError("expected values of both kinds")
    return float(np.mean((above > below) + 0.5 * (above == below)))


def area_interval(
    positive: Iterable[float],
    negative: Iterable[float],
    generator: np.random.Generator,
    num_resamples: int = 2000,
) -> tuple[float, float] | None:
    """Return the 95 % percentile bootstrap interval of the ROC-AUC over episodes of both kinds.

    None where every draw has the same area, as of all pairs the right way round: an interval
    without width would say that two episodes are certain.
    """
    above, below = np.fromiter(positive, np.float64), np.fromiter(negative, np.float64)
    wins = (above[:, None] > below[None, :]) + 0.5 * (above[:, None] == below[None, :])  # (P, N)
    of_above = generator.multinomial(
        len(above), np.full(len(above), 1 / len(above)), size=num_resamples
    )
    of_below = generator.multinomial(
        len(below), np.full(len(below), 1 / len(below)), size=num_resamples
    )
    areas = np.einsum("rp,pn,rn->r", of_above, wins, of_below) / wins.size
    low, high = np.quantile(areas, [0.025, 0.975])
    return (float(low), float(high)) if low < high else None

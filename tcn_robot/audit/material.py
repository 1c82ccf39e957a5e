"""What all probes share: successes, standing still, failures, their rewards, and the yardsticks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tcn_robot.audit.rollouts import Rollout, held
from tcn_robot.audit.scoring import Scorer, Yardstick, returned, scored
from tcn_robot.audit.stage import STILL, Stage, start_seeds
from tcn_robot.audit.verdicts import Exhibit
from tcn_robot.errors import UserError

# An expert may fail now and then; one that mostly fails shows no task.
STARTS_PER_SUCCESS = 3
FAILING_OTHERS = ("random", "play")


@dataclass(frozen=True)
class Settings:
    """How much is played.

    Attributes:
        episodes: Successes, and episodes of each kind of failure.
        adversary_rollouts: Budget of the search, in episodes.
        seed: Seed of starts, behaviour, looks and search.
    """

    episodes: int = 6
    adversary_rollouts: int = 240
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what has no meaning."""
        if self.episodes < 2:
            raise UserError(f"--episodes must be at least 2, found {self.episodes}")
        if self.adversary_rollouts < 0:
            raise UserError(
                f"--adversary-rollouts must be 0 or more, found {self.adversary_rollouts}"
            )
        if self.seed < 0:
            raise UserError(f"--seed must be at least 0, found {self.seed}")


@dataclass
class Rated:
    """A rollout with its rewards, float64 (T,)."""

    rollout: Rollout
    rewards: NDArray[np.float64]

    @property
    def total(self) -> float:
        """What its actions earn."""
        return returned(self.rewards)

    def exhibit(self, title: str) -> Exhibit:
        """Return it as something to look at."""
        return Exhibit(title, self.rollout, self.rewards)


@dataclass
class Material:
    """The stage, the scorer and what was played for all probes.

    Attributes:
        stage: Where things are played.
        scorer: The reward under audit.
        settings: How much is played.
        successes: Done at the last step, one per start.
        still: Standing still at the starts of the successes, in their order.
        advance: Called after each episode that is played.
        yardstick: Shares of what a success earns.
        credit: The same for the simulator's own progress; None where the task does not say it.
        demonstrated: Whether the successes are recorded ones, since nobody acts out the task.
        notes: What the reader has to know.
    """

    stage: Stage
    scorer: Scorer
    settings: Settings
    successes: list[Rated]
    still: list[Rated]
    demonstrated: bool = False
    notes: list[str] = field(default_factory=list)
    advance: Callable[[], None] = lambda: None
    yardstick: Yardstick = field(init=False)
    credit: Yardstick | None = field(init=False)

    def __post_init__(self) -> None:
        """Measure what standing still and succeeding earn."""
        starts = [one.rollout.start_seed for one in self.successes]
        still = dict(zip(starts, (one.total for one in self.still), strict=True))
        self.yardstick = Yardstick.of(
            {one.rollout.start_seed: one.total for one in self.successes}, still
        )
        self.credit = None
        progress = [self._true_return(one.rollout) for one in (*self.successes, *self.still)]
        if None not in progress:
            known = [value for value in progress if value is not None]
            done, stood = known[: len(starts)], known[len(starts) :]
            credit = Yardstick.of(
                dict(zip(starts, done, strict=True)), dict(zip(starts, stood, strict=True))
            )
            # A progress that does not rise up to the success is worth nothing to measure by.
            self.credit = credit if credit.tells_apart else None

    @cached_property
    def failures(self) -> list[Rated]:
        """Scripted behaviour that is not done at the last step; played when first asked for."""
        found = []
        for kind in failing_kinds(self.stage):
            for seed in start_seeds(self.settings.episodes, self.settings.seed):
                played = self.stage.play(kind, seed)
                self.advance()
                # An undoing that came too late for the horizon is a success.
                if not played.success:
                    found.append(self.rate(played))
        return found

    @staticmethod
    def _true_return(rollout: Rollout) -> float | None:
        progress = rollout.progress
        return None if progress is None else returned(progress)

    def rate(self, rollout: Rollout) -> Rated:
        """Score a rollout."""
        return Rated(rollout, scored(self.scorer, rollout))

    def _stand_still_at(self, start_seed: int) -> None:
        """Play standing still from a start that no success has, and remember what it earns."""
        if start_seed in self.yardstick.still:
            return
        stood = self.rate(self.stage.play(STILL, start_seed))
        self.yardstick.still[start_seed] = stood.total
        progress = self._true_return(stood.rollout)
        if self.credit is not None and progress is not None:
            self.credit.still[start_seed] = progress

    def share(self, rated: Rated) -> float:
        """Return which share of a success's return a rollout earns."""
        self._stand_still_at(rated.rollout.start_seed)
        return self.yardstick.share(rated.total, rated.rollout.start_seed)

    def due(self, rollout: Rollout) -> float:
        """Return which share its true progress would earn, 0 where nobody knows; at least 0."""
        value = self._true_return(rollout)
        self._stand_still_at(rollout.start_seed)
        if value is None or self.credit is None or rollout.start_seed not in self.credit.still:
            return 0.0
        return max(0.0, self.credit.share(value, rollout.start_seed))

    def excess(self, rated: Rated) -> float:
        """Return the share that a rollout earns beyond its true progress.

        1 for a reward that gives a success no more than standing still: it pays for nothing.
        """
        if not self.yardstick.tells_apart:
            return 1.0
        return self.share(rated) - self.due(rated.rollout)

    def floor(self) -> float:
        """Return the low end of what the reward pays per step: its 5th percentile in all films."""
        rated = (*self.successes, *self.still, *self.failures)
        return float(np.percentile(np.concatenate([one.rewards for one in rated]), 5.0))


def gather(
    stage: Stage,
    scorer: Scorer,
    settings: Settings,
    recorded: Callable[[], Sequence[Rollout]],
    advance: Callable[[], None] = lambda: None,
) -> Material:
    """Play what all probes need.

    Args:
        stage: Where.
        scorer: The reward under audit.
        settings: How much.
        recorded: Gives recorded successes, asked for only where no expert does the task.
        advance: Called after each episode.

    Raises:
        UserError: No success can be shown: no expert, or one that fails, and none recorded.
    """
    notes: list[str] = []
    successes = _played_successes(stage, settings, notes, advance)
    demonstrated = not successes
    if demonstrated:
        successes = _recorded_successes(stage, list(recorded()), notes)[: settings.episodes]
        if not successes:
            raise UserError(
                f"{stage.task} has no expert that succeeds, and there is no recorded success; "
                "record demonstrations of split valid or test that succeed"
            )
        notes.append("No expert succeeds here: the successes are recorded demonstrations.")
    still = []
    for one in successes:
        still.append(_rated(scorer, _still(stage, one, demonstrated)))
        if not demonstrated:
            advance()
    rated = [_rated(scorer, one) for one in successes]
    return Material(stage, scorer, settings, rated, still, demonstrated, notes, advance)


def failing_kinds(stage: Stage) -> tuple[str, ...]:
    """Return the names of scripted behaviour that does not do the task."""
    return (*stage.failure_kinds, *(kind for kind in FAILING_OTHERS if kind in stage.policies))


def _rated(scorer: Scorer, rollout: Rollout) -> Rated:
    return Rated(rollout, scored(scorer, rollout))


def _still(stage: Stage, success: Rollout, demonstrated: bool) -> Rollout:
    """Return standing still at the start of a success."""
    if demonstrated:
        return success.shown(STILL, np.zeros(len(success), dtype=np.int64))
    return stage.play(STILL, success.start_seed)


def _recorded_successes(
    stage: Stage, recorded: Sequence[Rollout], notes: list[str]
) -> list[Rollout]:
    """Return recorded successes, held or cut to the horizon, that are done at its end.

    Raises:
        UserError: When none of those that were recorded is.
    """
    whole = [_held(one, stage.horizon) for one in recorded]
    done = [one for one in whole if one.success is not False]
    if whole and not done:
        raise UserError(
            f"none of {len(whole)} recorded successes is done after {stage.horizon} steps; give a "
            "longer --horizon"
        )
    if len(done) < len(whole):
        notes.append(
            f"{len(whole) - len(done)} of {len(whole)} recorded successes are not done after "
            f"{stage.horizon} steps and were left out."
        )
    return done


def _held(rollout: Rollout, horizon: int) -> Rollout:
    return rollout.shown(rollout.kind, held(rollout.index, horizon + 1))


def _played_successes(
    stage: Stage, settings: Settings, notes: list[str], advance: Callable[[], None]
) -> list[Rollout]:
    if "expert" not in stage.policies:
        return []
    successes: list[Rollout] = []
    tried = start_seeds(STARTS_PER_SUCCESS * settings.episodes, settings.seed)
    for seed in tried:
        played = stage.play("expert", seed)
        advance()
        if played.success is not False:
            successes.append(played)
        if len(successes) == settings.episodes:
            break
    if successes and successes[0].success is None:
        notes.append(
            "The task never says whether it is done: the expert's episodes are taken for successes."
        )
    if 0 < len(successes) < settings.episodes:
        notes.append(
            f"The expert succeeded from {len(successes)} of {len(tried)} starts; "
            f"{settings.episodes} were asked for."
        )
    return successes

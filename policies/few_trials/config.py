"""All options of a few-trials run, checked, and kept as JSON in the run."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tcn_robot.errors import UserError, unknown_name
from tcn_robot.option_ranges import expect_above_zero, expect_at_least
from tcn_robot.policies.config import (
    CONFIG_FILE,
    FEW_TRIALS_RUN,
    TASK_REWARDS,
    ImitateConfig,
    checked_value,
    read_options,
)
from tcn_robot.policies.few_trials.controllers import CONTROLLERS
from tcn_robot.policies.few_trials.optimisers.cma_es import SMALLEST_POPULATION
from tcn_robot.policies.few_trials.optimisers.table import OPTIMISERS
from tcn_robot.policies.few_trials.weighting import WEIGHTINGS
from tcn_robot.policies.ignored_options import refuse_ignored_options

SCHEMA_VERSION = 1
#: What may change when a run is resumed: more seeds, and what is done after the search.
FREE_FIELDS = ("seeds", "films")
#: Learned rewards that add the task's own, step by step: a search scores whole films alone.
WITH_TASK_REWARD = ("mixture", "shaping")


@dataclass(frozen=True)
class FewTrialsConfig:
    """Options of one few-trials run: one task, one reward, a search for each start and seed.

    Attributes:
        task: Gymnasium id of the task, or "module:id" for a task of one's own.
        reward: "sparse" or "dense" (the task's own), or the name of a learned reward.
        starts: Fixed starts, each with a search of its own.
        rollouts: Rollouts per start, over all iterations.
        iterations: Updates of the optimiser; `rollouts` is a multiple of it.
        optimiser: A name of `OPTIMISERS`.
        seeds: Seeds of the search, each with all starts.
        encoder: Run with the trained encoder (learned rewards only).
        demos: Dataset with demonstrations (learned rewards only).
        max_demos: Most demonstrations that the reward is fitted on; None: all.
        views: Views that the learned reward sees; empty: all that demonstrations and task share.
        reward_options: Further options of the learned reward's `fit`.
        film_every: Control steps between the frames that a learned reward scores.
        horizon: Control steps per rollout; None: the task's own.
        controller: A name of `CONTROLLERS`.
        functions: Basis functions of the controller.
        step_size: Standard deviation of the first proposals, as a share of the sum of actions
            that a whole rollout at full action would have.
        weighting: A name of `WEIGHTINGS`: which steps' rewards count how much.
        replays: Replays of the final controller with noise; 0: none.
        replay_noise: Standard deviation of the noise on the actions of those replays.
        films: Whether a film from every view is made of each start.
    """

    task: str
    reward: str
    starts: int = 5
    rollouts: int = 150
    iterations: int = 15
    optimiser: str = "pi2"
    seeds: tuple[int, ...] = (0,)
    encoder: str | None = None
    demos: str | None = None
    max_demos: int | None = None
    views: tuple[str, ...] = ()
    reward_options: dict[str, Any] = field(default_factory=dict)
    film_every: int = 1
    horizon: int | None = None
    controller: str = "path"
    functions: int = 3
    step_size: float = 0.1
    weighting: str = "late"
    replays: int = 0
    replay_noise: float = 0.1
    films: bool = True

    def __post_init__(self) -> None:
        """Refuse options that cannot work.

        Raises:
            UserError: With the option, what was found and what is expected.
        """
        for kind, name, known in (
            ("optimiser", self.optimiser, OPTIMISERS),
            ("controller", self.controller, CONTROLLERS),
            ("weighting", self.weighting, WEIGHTINGS),
        ):
            if name not in known:
                raise unknown_name(kind, name, known)
        expect_at_least(self, 1, "starts", "rollouts", "iterations", "functions")
        expect_at_least(self, 1, "max_demos", "horizon", "film_every")
        expect_at_least(self, 0, "replays", "replay_noise")
        expect_above_zero(self, "step_size")
        self._check_budget()
        if not self.seeds:
            raise UserError("at least one seed is needed, such as --seeds 0 1 2")
        if len(set(self.seeds)) < len(self.seeds) or min(self.seeds) < 0:
            raise UserError(f"seeds must be different and not negative, found {list(self.seeds)}")
        if self.reward in WITH_TASK_REWARD:
            raise UserError(
                f"reward {self.reward!r} adds the task's own reward, and few-trials scores films "
                "only; give another learned reward, or tcn-robot imitate"
            )
        if self.learned and not (self.encoder and self.demos):
            raise UserError(
                f"reward {self.reward!r} is learned: it needs --encoder RUN and --demos DIR "
                f"(without them: --reward {' or '.join(TASK_REWARDS)})"
            )

    def _check_budget(self) -> None:
        if self.rollouts % self.iterations:
            below = self.rollouts - self.rollouts % self.iterations
            raise UserError(
                f"--rollouts must be a multiple of --iterations {self.iterations}, found "
                f"{self.rollouts}; give --rollouts {below or self.iterations * SMALLEST_POPULATION}"
            )
        if self.population < SMALLEST_POPULATION:
            raise UserError(
                f"--rollouts {self.rollouts} in --iterations {self.iterations} are "
                f"{self.population} each, expected {SMALLEST_POPULATION} or more; give fewer "
                "iterations or more rollouts"
            )

    def refuse_ignored(self) -> None:
        """Refuse options that nothing would read; a run that is there already may have such.

        Raises:
            UserError: With the first of them.
        """
        refuse_ignored_options(self)

    @property
    def population(self) -> int:
        """Rollouts per iteration."""
        return self.rollouts // self.iterations

    @property
    def learned(self) -> bool:
        """Whether the reward is computed from frames instead of taken from the task."""
        return self.reward not in TASK_REWARDS

    def env_options(self) -> ImitateConfig:
        """Return the options by which the envs of a run are made."""
        return ImitateConfig(task=self.task, reward="sparse", steps=1, horizon=self.horizon)

    def to_json(self) -> str:
        """Return the options as JSON text, with kind and schema version."""
        values = {"schema_version": SCHEMA_VERSION, "kind": FEW_TRIALS_RUN} | dataclasses.asdict(
            self
        )
        return json.dumps(values, indent=2)


def load_few_trials_config(run: Path) -> FewTrialsConfig:
    """Read the options that a run was started with.

    Raises:
        UserError: When the folder is no few-trials run, or its options are damaged.
    """
    path = run / CONFIG_FILE
    values = read_options(run, "few-trials run")
    if not isinstance(values, dict) or values.pop("kind", None) != FEW_TRIALS_RUN:
        raise UserError(f"{run} is no run of `tcn-robot few-trials`; name another folder by --out")
    version = values.pop("schema_version", SCHEMA_VERSION)
    if version != SCHEMA_VERSION:
        raise UserError(
            f"{path}: expected schema version {SCHEMA_VERSION}, found {version}; update tcn_robot"
        )
    known = {entry.name: entry for entry in dataclasses.fields(FewTrialsConfig)}
    for name, value in values.items():
        if name not in known:
            raise unknown_name(f"option of {path}", name, known)
        try:
            values[name] = checked_value(known[name], value)
        except UserError as error:
            raise UserError(f"{path}: {error}; restore it or start again") from None
    for name in ("task", "reward"):
        if name not in values:
            raise UserError(f"{path}: option {name!r} is missing; restore it or start again")
    return FewTrialsConfig(**values)


def check_same_options(run: Path, config: FewTrialsConfig) -> None:
    """Refuse to resume a run with other options; seeds may be added, films asked for.

    Raises:
        UserError: With the first option that differs.
    """
    before, after = dataclasses.asdict(load_few_trials_config(run)), dataclasses.asdict(config)
    for name, value in before.items():
        if name not in FREE_FIELDS and value != after[name]:
            raise UserError(
                f"{run} was started with {name} = {value}, found {after[name]}; give the same "
                "options to --resume, or choose another --out"
            )

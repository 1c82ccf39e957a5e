"""What a study of embeddings consists of: recordings, runs that differ in a few options, seeds."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tcn_robot.benchmarks.leaderboard.objective_rows import EMBEDDING_KIND, was_made_with
from tcn_robot.errors import UserError
from tcn_robot.policies.study_plan import check_names, read_study
from tcn_robot.provenance import key_of
from tcn_robot.training.config import TrainConfig, make_config
from tcn_robot.training.flat import leaves
from tcn_robot.workflows.study_policies import shown_path
from tcn_robot.workflows.study_tasks import StudyTask, plan_tasks

FIELDS = (
    *("schema_version", "name", "kind", "description", "tasks", "data", "train", "test"),
    *("max_core_seconds", "defaults", "runs", "seeds"),
)
# Raised when training or benchmark change what comes out of the same options and recordings.
RESULT_VERSION = 1
# These change how a training is kept, not what comes out of it.
KEYLESS_OPTIONS = frozenset({"log_every_steps", "checkpoint_every_steps", "device"})


@dataclass(frozen=True)
class PlannedEncoder:
    """One run of a study.

    Attributes:
        name: What it is called in tables.
        config: Its options; the seed comes from the study.
    """

    name: str
    config: TrainConfig

    def with_seed(self, seed: int) -> TrainConfig:
        """Return the options of one seed."""
        return dataclasses.replace(self.config, seed=seed)


@dataclass(frozen=True)
class EmbeddingStudy:
    """A study of embeddings: each run on each task with each seed.

    Attributes:
        name: Of its file of results.
        tasks: What is trained and measured on, in the order in which it is worked off.
        runs: What is trained on each task, in that order too.
        seeds: The seeds of each run.
        max_core_seconds: What one training may cost; stated, measured, and told when it is more.
    """

    name: str
    tasks: tuple[StudyTask, ...]
    runs: tuple[PlannedEncoder, ...]
    seeds: tuple[int, ...]
    max_core_seconds: float | None

    def trainings(self) -> list[PlannedSeed]:
        """Return every training: the first seed of all runs on all tasks before any second one."""
        return [
            PlannedSeed(task, run, seed)
            for seed in self.seeds
            for task in self.tasks
            for run in self.runs
        ]

    def training(self, task: str, run: str, seed: int) -> PlannedSeed:
        """Return one training by the names of its task and run."""
        [found] = [
            one
            for one in self.trainings()
            if (one.task.name, one.run.name, one.seed) == (task, run, seed)
        ]
        return found


@dataclass(frozen=True)
class PlannedSeed:
    """One training of a study.

    Attributes:
        task: What it is trained and measured on.
        run: What is trained.
        seed: Of the training.
    """

    task: StudyTask
    run: PlannedEncoder
    seed: int

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return " ".join(filter(None, [self.task.name, self.run.name, "seed", str(self.seed)]))

    @property
    def config(self) -> TrainConfig:
        """The options, with the seed."""
        return self.run.with_seed(self.seed)


def load_embedding_study(path: Path) -> EmbeddingStudy:
    """Read the JSON file of a study of embeddings.

    It is `{"name": …, "kind": "embedding", "data": [{"name": …, "record": [argument, …]}, …],
    "train": [name, …], "test": name, "defaults": {option: value}, "runs": [{"name": …,
    "objective": …, option: value}, …], "seeds": [0, 1, 2]}`, where the options are those of
    `tcn-robot train`. Several tasks stand as `"tasks": [{"name": …, "data": …, "train": …,
    "test": …}, …]` in place of data, train and test.

    Raises:
        UserError: With what is wrong and where.
    """
    plan = read_study(path, {EMBEDDING_KIND: FIELDS})
    tasks = plan_tasks(path, plan)
    runs = tuple(
        _plan_run(path, index, plan["defaults"] | entry) for index, entry in enumerate(plan["runs"])
    )
    check_names(path, [run.name for run in runs])
    return EmbeddingStudy(
        name=plan["name"],
        tasks=tasks,
        runs=runs,
        seeds=_seeds(path, plan.get("seeds", [0])),
        max_core_seconds=_budget(path, plan.get("max_core_seconds")),
    )


def _budget(path: Path, seconds: Any) -> float | None:
    if seconds is None:
        return None
    if type(seconds) not in (int, float) or not seconds > 0:
        raise UserError(f"{path}: expected max_core_seconds above 0, found {seconds!r}")
    return float(seconds)


def _plan_run(path: Path, index: int, options: dict[str, Any]) -> PlannedEncoder:
    name = options.pop("name", None)
    objective = options.pop("objective", None)
    try:
        if objective is None:
            raise UserError("option 'objective' is missing")
        if "seed" in options:
            raise UserError("option 'seed' belongs to the study, as \"seeds\": [0, 1, 2]")
        config = make_config(str(objective), **options)
    except UserError as error:
        raise UserError(f"{path}, run {index}: {error}") from error
    return PlannedEncoder(str(name or objective), config)


def _seeds(path: Path, seeds: Any) -> tuple[int, ...]:
    whole = isinstance(seeds, list) and all(type(seed) is int and seed >= 0 for seed in seeds)
    if not whole or not seeds or len(set(seeds)) < len(seeds):
        raise UserError(f"{path}: expected different seeds such as [0, 1, 2], found {seeds!r}")
    return tuple(seeds)


def flat_options(config: TrainConfig) -> dict[str, Any]:
    """Return every option by its own name, as JSON has it; folders are named without a machine."""
    return {
        name: list(value) if isinstance(value, tuple) else shown_path(value)
        for name, value in leaves(config)
    }


def deciding(config: TrainConfig, data: Mapping[str, str]) -> dict[str, Any]:
    """Return all that decides a result: options, seed, the recordings' contents, the version.

    Args:
        config: The options, with the seed.
        data: {name: digest} of the recordings that are trained on and measured.
    """
    options = {
        name: value for name, value in flat_options(config).items() if name not in KEYLESS_OPTIONS
    }
    return {"version": RESULT_VERSION, "options": options, "data": dict(sorted(data.items()))}


def result_key(config: TrainConfig, data: Mapping[str, str]) -> str:
    """Return what tells one seed of a run from every other result."""
    return key_of(deciding(config, data))


def unusual_options(config: TrainConfig) -> list[str]:
    """Return the names of the options that are not the objective's defaults."""
    usual = flat_options(make_config(config.objective))
    return sorted(name for name, value in flat_options(config).items() if usual.get(name) != value)


def find_result(
    lines: Iterable[Mapping[str, Any]], config: TrainConfig, data: Mapping[str, str]
) -> Mapping[str, Any] | None:
    """Return the line that holds the result of these options, None when it is yet to be made."""
    wanted, unusual = deciding(config, data), unusual_options(config)
    for line in lines:
        if (
            line.get("kind") == EMBEDDING_KIND
            and all(line["decides"][name] == wanted[name] for name in ("version", "data"))
            and was_made_with(line, wanted["options"], unusual)
        ):
            return line
    return None

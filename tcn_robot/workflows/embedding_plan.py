"""What a study of embeddings consists of: recordings, runs that differ in a few options, seeds."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tcn_robot.benchmarks.objective_rows import EMBEDDING_KIND, was_made_with
from tcn_robot.errors import UserError, unknown_name
from tcn_robot.policies.study_plan import check_names, read_study
from tcn_robot.provenance import key_of
from tcn_robot.training.config import TrainConfig, make_config
from tcn_robot.training.flat import leaves
from tcn_robot.workflows.study_policies import shown_path

FIELDS = (
    *("schema_version", "name", "kind", "description", "data", "train", "test"),
    *("max_core_seconds", "defaults", "runs", "seeds"),
)
# Raised when training or benchmark change what comes out of the same options and recordings.
RESULT_VERSION = 1
# These change how a training is kept, not what comes out of it.
KEYLESS_OPTIONS = frozenset({"log_every_steps", "checkpoint_every_steps", "device"})


@dataclass(frozen=True)
class PlannedData:
    """One recording that a study uses, and the command that makes it.

    Attributes:
        name: Name of its folder.
        arguments: What stands behind `tcn-robot record`, `--out` left out.
    """

    name: str
    arguments: tuple[str, ...]


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
    """A study of embeddings.

    Attributes:
        name: Of its file of results.
        data: The recordings.
        train: Names of those that are trained on; splits train and valid count.
        test: Name of the one that is measured on; its split test counts.
        runs: What is trained, in the order in which it is worked off.
        seeds: The seeds of each run.
        max_core_seconds: What one training may cost; stated, measured, and told when it is more.
    """

    name: str
    data: tuple[PlannedData, ...]
    train: tuple[str, ...]
    test: str
    runs: tuple[PlannedEncoder, ...]
    seeds: tuple[int, ...]
    max_core_seconds: float | None


def load_embedding_study(path: Path) -> EmbeddingStudy:
    """Read the JSON file of a study of embeddings.

    It is `{"name": …, "kind": "embedding", "data": [{"name": …, "record": [argument, …]}, …],
    "train": [name, …], "test": name, "defaults": {option: value}, "runs": [{"name": …,
    "objective": …, option: value}, …], "seeds": [0, 1, 2]}`, where the options are those of
    `tcn-robot train`.

    Raises:
        UserError: With what is wrong and where.
    """
    plan = read_study(path, {EMBEDDING_KIND: FIELDS})
    for name in ("data", "train", "test"):
        if not plan.get(name):
            raise UserError(f'{path}: expected "{name}" in a study of embeddings, found none')
    data = tuple(_plan_data(path, entry) for entry in _listed(path, "data", plan["data"]))
    names = [one.name for one in data]
    train = tuple(_listed(path, "train", plan["train"]))
    for name in (*train, plan["test"]):
        if name not in names:
            raise unknown_name(f"data in {path}", str(name), names)
    runs = tuple(
        _plan_run(path, index, plan["defaults"] | entry) for index, entry in enumerate(plan["runs"])
    )
    check_names(path, [run.name for run in runs])
    return EmbeddingStudy(
        name=plan["name"],
        data=data,
        train=train,
        test=plan["test"],
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


def _listed(path: Path, name: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise UserError(f'{path}: expected a list as "{name}", found {value!r}')
    return value


def _plan_data(path: Path, entry: Any) -> PlannedData:
    expected = '{"name": …, "record": [task, option, …]}'
    if not isinstance(entry, dict) or set(entry) != {"name", "record"}:
        raise UserError(f"{path}: expected data as {expected}, found {entry!r}")
    if not isinstance(entry["record"], list) or not isinstance(entry["name"], str):
        raise UserError(f"{path}: expected data as {expected}, found {entry!r}")
    if entry["name"] in ("", "..") or {"/", "\\", "\0"} & set(entry["name"]):
        raise UserError(f"{path}: expected a folder's name for data, found {entry['name']!r}")
    return PlannedData(entry["name"], tuple(str(argument) for argument in entry["record"]))


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


def data_of(study: EmbeddingStudy, digests: Mapping[str, str]) -> dict[str, str]:
    """Return the digests of what a study trains on and measures."""
    names: Sequence[str] = (*study.train, study.test)
    return {name: digests[name] for name in names}

"""All options of a policy run, checked, and kept as JSON in the run."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tcn_robot.errors import UserError, unknown_name

SCHEMA_VERSION = 1
CONFIG_FILE = "config.json"
TASK_REWARDS = ("sparse", "dense")
ALGORITHMS = ("sac",)

# Seeds of starts. The ranges never meet: nothing is learned or chosen on a held-out start.
FINAL_START_SEED = 1_000_000
PERIODIC_START_SEED = 2_000_000
TRAINING_START_SEED = 1 << 30


@dataclass(frozen=True)
class ImitateConfig:
    """Options of one policy run: one task, one reward, several seeds.

    Attributes:
        task: Gymnasium id of the task, or "module:id" for a task of one's own.
        reward: "sparse" or "dense" (the task's own), or the name of a learned reward.
        steps: Control steps of training per seed, over all envs.
        seeds: Seeds, each an independent training.
        algo: Learning algorithm.
        encoder: Run with the trained encoder (learned rewards only).
        further_encoders: More of them; the reward is then that of an ensemble.
        demos: Dataset with demonstrations (learned rewards only).
        play: Datasets with unlabelled play of the demonstrations' body and of the task's.
        views: Views that the learned reward sees; empty: the demonstrations' first.
        reward_options: Further options of the learned reward's `fit`.
        num_envs: Envs stepped in turn in one process.
        horizon: Control steps per episode; None: the task's own.
        learning_rate: Adam's rate.
        discount: γ per control step, in (0, 1).
        batch_size: Transitions per update.
        hidden_units: Width of the hidden layers of actor and critics.
        learning_starts_steps: Random control steps before the first update.
        evaluation_interval_steps: Control steps between evaluations, rounded to whole episodes.
        evaluation_starts: Held-out starts per evaluation while training.
        final_starts: Other held-out starts, for the evaluation at the end.
        films: Whether a film from every view is made at the end.
    """

    task: str
    reward: str
    steps: int
    seeds: tuple[int, ...] = (0,)
    algo: str = "sac"
    encoder: str | None = None
    demos: str | None = None
    views: tuple[str, ...] = ()
    reward_options: dict[str, Any] = field(default_factory=dict)
    further_encoders: tuple[str, ...] = ()
    play: tuple[str, ...] = ()
    num_envs: int = 4
    horizon: int | None = None
    learning_rate: float = 7e-4
    discount: float = 0.95
    batch_size: int = 256
    hidden_units: tuple[int, ...] = (128, 128)
    learning_starts_steps: int = 1000
    evaluation_interval_steps: int = 5000
    evaluation_starts: int = 20
    final_starts: int = 50
    films: bool = True

    def __post_init__(self) -> None:
        """Refuse options that cannot work.

        Raises:
            UserError: With the option, what was found and what is expected.
        """
        if self.algo not in ALGORITHMS:
            raise unknown_name("algorithm", self.algo, ALGORITHMS)
        for name in _POSITIVE:
            value = getattr(self, name)
            if value is not None and not (value > 0 and math.isfinite(value)):
                raise UserError(f"{name} must be above 0, found {value}")
        if not self.hidden_units or min(self.hidden_units) < 1:
            raise UserError(f"hidden_units must be 1 or more each, found {self.hidden_units}")
        if not 0 < self.discount < 1:
            raise UserError(f"discount must lie between 0 and 1, found {self.discount}")
        if not self.seeds:
            raise UserError("at least one seed is needed, such as --seeds 0 1 2")
        if len(set(self.seeds)) < len(self.seeds) or min(self.seeds) < 0:
            raise UserError(f"seeds must be different and not negative, found {list(self.seeds)}")
        if self.learned and not (self.encoder and self.demos):
            raise UserError(
                f"reward {self.reward!r} is learned: it needs --encoder RUN and --demos DIR "
                f"(without them: --reward {' or '.join(TASK_REWARDS)})"
            )

    @property
    def learned(self) -> bool:
        """Whether the reward is computed from frames instead of taken from the task."""
        return self.reward not in TASK_REWARDS

    def to_json(self) -> str:
        """Return the options as JSON text, with the schema version."""
        return json.dumps({"schema_version": SCHEMA_VERSION} | dataclasses.asdict(self), indent=2)


# Annotations, what they are called, and what may stand for them in JSON; lists check themselves.
_TYPES: tuple[tuple[tuple[str, ...], str, Any], ...] = (
    (("int",), "a whole number", int),
    (("int | None",), "a whole number or null", (int, type(None))),
    (("float",), "a number", (int, float)),
    (("str",), "a text", str),
    (("str | None",), "a text or null", (str, type(None))),
    (("bool",), "true or false", bool),
)
EMBEDDING_RUN = "embedding"
_POSITIVE = (
    "steps",
    "num_envs",
    "horizon",
    "learning_rate",
    "batch_size",
    "learning_starts_steps",
    "evaluation_interval_steps",
    "evaluation_starts",
    "final_starts",
)


def config_from_mapping(values: dict[str, Any]) -> ImitateConfig:
    """Return the options of a JSON object.

    Raises:
        UserError: For a missing or unknown option (with the nearest one), or a newer version.
    """
    values = dict(values)
    version = values.pop("schema_version", SCHEMA_VERSION)
    if version != SCHEMA_VERSION:
        raise UserError(
            f"expected options of schema version {SCHEMA_VERSION}, found {version}; "
            "update tcn_robot"
        )
    fields = {entry.name: entry for entry in dataclasses.fields(ImitateConfig)}
    for name, value in values.items():
        if name not in fields:
            raise unknown_name("option", name, fields)
        if isinstance(value, list):
            values[name] = tuple(value)
        _check_type(fields[name], values[name])
    missing = [name for name in ("task", "reward", "steps") if name not in values]
    if missing:
        raise UserError(f"option {missing[0]!r} is missing (found: {', '.join(values) or 'none'})")
    return ImitateConfig(**values)


def _check_type(field: dataclasses.Field[Any], value: Any) -> None:
    """Refuse a number where a text belongs, and the other way round.

    Raises:
        UserError: With the option, what is expected and what was found.
    """
    for types, words, kinds in _TYPES:
        if field.type in types:
            if isinstance(value, bool) != (kinds is bool) or not isinstance(value, kinds):
                raise UserError(f"option {field.name!r} expects {words}, found {value!r}")
            return


def load_config(run: Path) -> ImitateConfig:
    """Read the options that a run was started with.

    Raises:
        UserError: When the folder is no policy run.
    """
    path = run / CONFIG_FILE
    if not path.is_file():
        raise UserError(
            f"{run} is no policy run: {CONFIG_FILE} is missing; name the folder of --out"
        )
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise UserError(f"{path} is not valid JSON ({error}); restore it or start again") from error
    if isinstance(values, dict) and values.get("kind") == EMBEDDING_RUN:
        raise UserError(
            f"{run} is a run of `tcn-robot train`, an encoder; name a run of `tcn-robot imitate`"
        )
    return config_from_mapping(values)

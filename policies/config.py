"""All options of a policy run, checked, and kept as JSON in the run."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tcn_robot.errors import UserError, unknown_name
from tcn_robot.policies.algorithms.cloning import Cloning
from tcn_robot.policies.algorithms.interface import Algorithm
from tcn_robot.policies.algorithms.table import (
    CLONING,
    SHARED_OPTIONS,
    further_options,
    make_algorithm,
)
from tcn_robot.policies.ignored_options import (
    refuse_ignored_options,
    refuse_options_of_learners,
)

SCHEMA_VERSION = 1
CONFIG_FILE = "config.json"
TASK_REWARDS = ("sparse", "dense")
# What behaviour cloning learns from.
NO_REWARD = "none"
OBSERVATIONS = ("state", "embedding")

# Seeds of starts. The ranges never meet: nothing is learned or chosen on a held-out start.
FINAL_START_SEED = 1_000_000
PERIODIC_START_SEED = 2_000_000
TRAINING_START_SEED = 1 << 30


@dataclass(frozen=True)
class ImitateConfig:
    """Options of one policy run: one task, one reward, several seeds.

    Attributes:
        task: Gymnasium id of the task, or "module:id" for a task of one's own.
        reward: "sparse" or "dense" (the task's own), the name of a learned reward, or "none" for
            behaviour cloning.
        steps: Control steps of training per seed, over all envs; updates of behaviour cloning.
        seeds: Seeds, each an independent training.
        algo: Learning algorithm, a key of `ALGORITHMS` or `CLONING`.
        algo_options: Further options of that algorithm; those left out become its own.
        encoder: Run with the trained encoder (learned rewards only).
        further_encoders: More of them; the reward is then that of an ensemble.
        demos: Dataset with demonstrations (learned rewards only).
        play: Datasets with unlabelled play of the demonstrations' body and of the task's.
        views: Views that the learned reward sees; empty: the demonstrations' first.
        scored_views: Cameras that stand in for these views when the policy acts, one each; empty:
            the same ones.
        max_demos: Most demonstrations that are used, None: all. With 1 none is left to calibrate
            on.
        gap: A key of `gaps.GAPS`: how what is learned differs from what was shown; it sets options
            above that are not given. None: whatever the options say.
        observation: What the policy sees: "state", the task's own observation, or "embedding",
            the embeddings of the views with the robot's proprioception.
        randomise: What every episode of the policy draws anew, in training and evaluation, besides
            where things start.
        reward_options: Further options of the learned reward's `fit`.
        num_envs: Envs stepped in turn in one process.
        horizon: Control steps per episode; None: the task's own.
        learning_rate: Adam's rate; None: the algorithm's own, as for the next four.
        discount: γ per control step, in (0, 1).
        batch_size: Transitions per update.
        hidden_units: Width of the hidden layers of actor and critics.
        learning_starts_steps: Random control steps before the first update; None stays where the
            algorithm has no such steps.
        evaluation_interval_steps: Control steps between evaluations, rounded to whole episodes.
        evaluation_starts: Held-out starts per evaluation while training.
        final_starts: Other held-out starts, for the evaluation at the end.
        checkpoint_interval_steps: Control steps between states on disk where evaluations are
            further apart, rounded to whole episodes; None: at evaluations only.
        films: Whether a film from every view is made at the end.
        training_films: Evaluations between films of training episodes; 0: none.
        save_zip: Whether Stable-Baselines3's own file is written too, which is partly pickle.
    """

    task: str
    reward: str
    steps: int
    seeds: tuple[int, ...] = (0,)
    algo: str = "sac"
    algo_options: dict[str, Any] = field(default_factory=dict)
    encoder: str | None = None
    demos: str | None = None
    views: tuple[str, ...] = ()
    scored_views: tuple[str, ...] = ()
    max_demos: int | None = None
    gap: str | None = None
    observation: str = "state"
    randomise: tuple[str, ...] = ()
    reward_options: dict[str, Any] = field(default_factory=dict)
    further_encoders: tuple[str, ...] = ()
    play: tuple[str, ...] = ()
    num_envs: int = 4
    horizon: int | None = None
    learning_rate: float | None = None
    discount: float | None = None
    batch_size: int | None = None
    hidden_units: tuple[int, ...] | None = None
    learning_starts_steps: int | None = None
    evaluation_interval_steps: int = 5000
    evaluation_starts: int = 20
    final_starts: int = 50
    checkpoint_interval_steps: int | None = None
    films: bool = True
    training_films: int = 0
    save_zip: bool = False

    def __post_init__(self) -> None:
        """Refuse options that cannot work.

        Raises:
            UserError: With the option, what was found and what is expected.
        """
        algorithm = self._made()
        for name in SHARED_OPTIONS:
            object.__setattr__(self, name, getattr(algorithm, name, None))
        object.__setattr__(self, "algo_options", further_options(algorithm))
        for name in _POSITIVE:
            value = getattr(self, name)
            if value is not None and not (value > 0 and math.isfinite(value)):
                raise UserError(f"{name} must be above 0, found {value}")
        if not self.seeds:
            raise UserError("at least one seed is needed, such as --seeds 0 1 2")
        if len(set(self.seeds)) < len(self.seeds) or min(self.seeds) < 0:
            raise UserError(f"seeds must be different and not negative, found {list(self.seeds)}")
        if self.learned and not (self.encoder and self.demos):
            raise UserError(
                f"reward {self.reward!r} is learned: it needs --encoder RUN and --demos DIR "
                f"(without them: --reward {' or '.join(TASK_REWARDS)})"
            )
        self._check_cloning()
        self._check_seeing()

    def _check_cloning(self) -> None:
        """Refuse behaviour cloning with a reward or without demonstrations, and no reward else."""
        if self.clones and self.reward != NO_REWARD:
            raise UserError(
                f"{self.algo} learns from recorded actions and from no reward, found reward "
                f"{self.reward!r}; leave --reward out"
            )
        if self.clones and not self.demos:
            raise UserError(f"{self.algo} needs --demos DIR, demonstrations with recorded actions")
        if self.reward == NO_REWARD and not self.clones:
            raise UserError(
                f"{self.algo} needs --reward: {', '.join(TASK_REWARDS)} or a learned one"
            )

    def _check_seeing(self) -> None:
        """Refuse options of what is seen that do not go together."""
        if self.observation not in OBSERVATIONS:
            raise unknown_name("observation", self.observation, OBSERVATIONS)
        if self.observation == "embedding" and not self.encoder:
            raise UserError(
                "--observation embedding needs --encoder RUN (without one: --observation state)"
            )
        if self.training_films < 0:
            raise UserError(f"training_films must be 0 or more, found {self.training_films}")
        rendered = self.learned or self.observation == "embedding"
        if self.training_films and not rendered:
            raise UserError(
                "training_films are made of frames that a learned reward or an embedding looks at, "
                f"and reward {self.reward!r} with observation 'state' looks at none; leave it out"
            )
        if self.scored_views and len(self.scored_views) != len(self.views):
            raise UserError(
                f"expected a camera in scored_views for each of the {len(self.views)} views, found "
                f"{len(self.scored_views)}; name both, such as --views front --scored-views left"
            )

    def refuse_ignored(self) -> None:
        """Refuse options that nothing would read; a run that is there already may have such.

        Raises:
            UserError: With the first of them.
        """
        if self.clones:
            refuse_options_of_learners(self)
        used: tuple[str, ...] = ()
        if self.observation == "embedding":
            used += ("encoder", "views")
        if self.clones or self.gap:
            used += ("demos", "max_demos")
        if self.gap:
            used += ("views",)
        refuse_ignored_options(self, used)

    @property
    def cameras(self) -> dict[str, str]:
        """{view that the reward or the encoder is given: camera that it is rendered by}."""
        return dict(zip(self.views, self.scored_views or self.views, strict=True))

    @property
    def algorithm(self) -> Algorithm:
        """Return the algorithm with these options; behaviour cloning is none.

        Raises:
            UserError: When it is unknown, or an option is, or cannot work.
        """
        made = self._made()
        assert not isinstance(made, Cloning)
        return made

    @property
    def clones(self) -> bool:
        """Whether recorded actions are learned from, without a reward."""
        return self.algo in CLONING

    @property
    def cloning(self) -> Cloning:
        """Return the options of behaviour cloning."""
        made = self._made()
        assert isinstance(made, Cloning)
        return made

    def _made(self) -> Algorithm | Cloning:
        shared = {name: getattr(self, name) for name in SHARED_OPTIONS}
        return make_algorithm(self.algo, shared, self.algo_options)

    @property
    def learned(self) -> bool:
        """Whether the reward is computed from frames instead of taken from the task."""
        return self.reward not in (*TASK_REWARDS, NO_REWARD)

    def to_json(self) -> str:
        """Return the options as JSON text, with the schema version."""
        return json.dumps({"schema_version": SCHEMA_VERSION} | dataclasses.asdict(self), indent=2)


# Annotations, what they are called, and what may stand for them in JSON.
_TYPES: tuple[tuple[tuple[str, ...], str, Any], ...] = (
    (("int",), "a whole number", int),
    (("int | None",), "a whole number or null", (int, type(None))),
    (("float",), "a number", (int, float)),
    (("float | None",), "a number", (int, float, type(None))),
    (("str",), "a text", str),
    (("str | None",), "a text or null", (str, type(None))),
    (("bool",), "true or false", bool),
    (("dict[str, Any]",), "an object of names and values", dict),
)
# The same of lists: what their elements are.
_ELEMENT_TYPES: dict[str, tuple[str, type]] = {
    "tuple[int, ...]": ("a list of whole numbers", int),
    "tuple[int, ...] | None": ("a list of whole numbers or null", int),
    "tuple[str, ...]": ("a list of texts", str),
}
EMBEDDING_RUN = "embedding"
FEW_TRIALS_RUN = "few_trials"
_POSITIVE = (
    "steps",
    "num_envs",
    "horizon",
    "evaluation_interval_steps",
    "checkpoint_interval_steps",
    "evaluation_starts",
    "final_starts",
    "max_demos",
)


def config_from_mapping(values: dict[str, Any]) -> ImitateConfig:
    """Return the options of a JSON object.

    Raises:
        UserError: For a missing or unknown option (with the nearest one), or a newer version.
    """
    if not isinstance(values, dict):
        raise UserError(f"expected options {{name: value, …}}, found {values!r:.40}")
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
        values[name] = checked_value(fields[name], value)
    if values.get("algo") in CLONING:
        values.setdefault("reward", NO_REWARD)
    missing = [name for name in ("task", "reward", "steps") if name not in values]
    if missing:
        raise UserError(f"option {missing[0]!r} is missing (found: {', '.join(values) or 'none'})")
    return ImitateConfig(**values)


def checked_value(field: dataclasses.Field[Any], value: Any) -> Any:
    """Return the value of an option from JSON, lists as tuples, if it is of the option's type.

    Raises:
        UserError: With the option, what is expected and what was found.
    """
    annotation = str(field.type)
    if annotation in _ELEMENT_TYPES:
        words, kind = _ELEMENT_TYPES[annotation]
        if value is None and annotation.endswith("None"):
            return None
        if not isinstance(value, (list, tuple)) or not all(type(one) is kind for one in value):
            raise UserError(f"option {field.name!r} expects {words}, found {value!r}")
        return tuple(value)
    for types, words, kinds in _TYPES:
        if annotation not in types:
            continue
        if isinstance(value, bool) != (kinds is bool) or not isinstance(value, kinds):
            raise UserError(f"option {field.name!r} expects {words}, found {value!r}")
    return value


def read_options(run: Path, what: str) -> Any:
    """Return what the config.json of a run holds, whatever that is.

    Args:
        run: Folder of the run.
        what: What it should be, for the error.

    Raises:
        UserError: When there is none, or it is no JSON.
    """
    path = run / CONFIG_FILE
    if not path.is_file():
        raise UserError(f"{run} is no {what}: {CONFIG_FILE} is missing; name the folder of --out")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path} is not valid JSON ({error}); restore it or start again") from error


def load_config(run: Path) -> ImitateConfig:
    """Read the options that a run was started with.

    Raises:
        UserError: When the folder is no policy run.
    """
    values = read_options(run, "policy run")
    if isinstance(values, dict) and values.get("kind") == EMBEDDING_RUN:
        raise UserError(
            f"{run} is a run of `tcn-robot train`, an encoder; name a run of `tcn-robot imitate`"
        )
    if isinstance(values, dict) and values.get("kind") == FEW_TRIALS_RUN:
        raise UserError(
            f"{run} is a run of `tcn-robot few-trials`: its summary.json has its figures; "
            "name a run of `tcn-robot imitate`"
        )
    return config_from_mapping(values)

"""What a study consists of: a JSON file that lists runs, taken apart into single seeds."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tcn_robot.errors import UserError, unknown_name
from tcn_robot.policies.config import ImitateConfig, config_from_mapping
from tcn_robot.provenance import key_of

STUDY_SCHEMA_VERSION = 1
POLICY_KIND = "policy"
STUDY_FIELDS = ("schema_version", "name", "kind", "description", "defaults", "runs")
# These change how a run is kept, not what comes out of it.
KEYLESS_FIELDS = ("seeds", "films", "save_zip", "training_films")
# Fields that came later, with what results had before that: those keep their keys.
LATER_FIELDS: dict[str, Any] = {
    "algo_options": {"target_rate": 0.005},
    "checkpoint_interval_steps": None,
    "further_encoders": (),
    "play": (),
    "scored_views": (),
    "max_demos": None,
    "gap": None,
    "observation": "state",
    "randomise": (),
}


@dataclass(frozen=True)
class PlannedRun:
    """One run of a study.

    Attributes:
        name: Name of its folder.
        config: Its options, all seeds together.
    """

    name: str
    config: ImitateConfig

    def key(self, seed: int) -> str:
        """Return what tells one seed of this run from every other result."""
        options = dataclasses.asdict(self.config)
        for name in KEYLESS_FIELDS:
            del options[name]
        for name, before in LATER_FIELDS.items():
            if options[name] == before:
                del options[name]
        return key_of(options | {"seed": seed})


@dataclass(frozen=True)
class StudyPlan:
    """A study: its name and its runs, in the order in which they are worked off."""

    name: str
    runs: tuple[PlannedRun, ...]


def read_study(path: Path, fields_of_kinds: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Read the JSON file of a study and check what all kinds of them have in common.

    Args:
        path: The file.
        fields_of_kinds: {kind: the entries that a study of this kind may have}.

    Returns:
        Its entries, "name", "kind" and "defaults" always; "runs" is a list of one mapping or more.

    Raises:
        UserError: With what is wrong and where.
    """
    if not path.is_file():
        raise UserError(f"no study at {path}; name a JSON file such as studies/reach.json")
    try:
        plan = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise UserError(f"{path} is not valid JSON: {error}") from error
    if not isinstance(plan, dict) or not isinstance(plan.get("runs"), list) or not plan["runs"]:
        raise UserError(f'{path}: expected {{"name": …, "runs": [{{…}}, …]}} with a run or more')
    kind = plan.get("kind", POLICY_KIND)
    if kind not in fields_of_kinds:
        raise unknown_name(f"kind of {path}", str(kind), fields_of_kinds)
    for name in plan:
        if name not in fields_of_kinds[kind]:
            raise unknown_name(f"entry of {path}", name, fields_of_kinds[kind])
    if plan.get("schema_version", STUDY_SCHEMA_VERSION) != STUDY_SCHEMA_VERSION:
        raise UserError(
            f"{path}: expected schema version {STUDY_SCHEMA_VERSION}, found "
            f"{plan['schema_version']}; update tcn_robot"
        )
    study_name = str(plan.get("name", path.stem))
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", study_name):
        raise UserError(f"{path}: expected a name of letters and digits, found {study_name!r}")
    defaults = plan.get("defaults", {})
    if not isinstance(defaults, dict):
        raise UserError(f"{path}: expected defaults {{option: value, …}}, found {defaults!r}")
    for index, entry in enumerate(plan["runs"]):
        if not isinstance(entry, dict):
            raise UserError(f"{path}, run {index}: expected {{option: value, …}}, found {entry!r}")
    return {**plan, "name": study_name, "kind": kind, "defaults": defaults}


def load_plan(path: Path) -> StudyPlan:
    """Read the JSON file of a study of policies.

    It is `{"name": …, "defaults": {option: value}, "runs": [{option: value}, …]}`, where the
    options are those of `ImitateConfig`, and a run may have a `name`.

    Raises:
        UserError: With what is wrong and where.
    """
    plan = read_study(path, {POLICY_KIND: STUDY_FIELDS})
    runs = tuple(
        _plan_run(path, index, plan["defaults"] | entry) for index, entry in enumerate(plan["runs"])
    )
    check_names(path, [run.name for run in runs])
    return StudyPlan(plan["name"], runs)


def _plan_run(path: Path, index: int, options: dict[str, Any]) -> PlannedRun:
    name = options.pop("name", None)
    try:
        config = config_from_mapping(options)
        config.refuse_ignored()
    except UserError as error:
        raise UserError(f"{path}, run {index}: {error}") from error
    task = config.task.rpartition("/")[2].rpartition(":")[2].removesuffix("-v0")
    taught_by = config.algo if config.clones else config.reward
    return PlannedRun(str(name or f"{task}-{taught_by}"), config)


def check_names(path: Path, names: Sequence[str], of_what: str = "run") -> None:
    """Raise a UserError if two runs have the same name, or one whose folder lies elsewhere.

    Args:
        path: The study's file, for messages.
        names: What they are called.
        of_what: What has the names.
    """
    for name in names:
        if name in ("", ".", "..") or set(name) & {"/", "\\", "\0"}:
            raise UserError(
                f"{path}: a {of_what} is called {name!r}, expected a name without / and \\, as it "
                "names a folder too"
            )
        if names.count(name) > 1:
            raise UserError(f'{path}: two {of_what}s are called {name!r}; give each a "name"')

"""The tasks of a study of embeddings: which recordings are trained on, which one is measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tcn_robot.errors import UserError, unknown_name
from tcn_robot.policies.study_plan import check_names

TASK_FIELDS = ("data", "train", "test")


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
class StudyTask:
    """What every run of a study is trained and measured on.

    Attributes:
        name: What the study calls it; "" where the study has one task only and no list of them.
        data: The recordings.
        train: Names of those that are trained on; splits train and valid count.
        test: Name of the one that is measured on; its split test counts.
    """

    name: str
    data: tuple[PlannedData, ...]
    train: tuple[str, ...]
    test: str

    @property
    def recorded_task(self) -> str:
        """The simulator's name of the task, without namespace."""
        [test] = [one for one in self.data if one.name == self.test]
        return test.arguments[0].rpartition("/")[2].rpartition(":")[2]

    def digests(self, digests: Mapping[str, str]) -> dict[str, str]:
        """Return the digests of what is trained on and measured, of those of all recordings."""
        return {name: digests[name] for name in (*self.train, self.test)}


def plan_tasks(path: Path, plan: Mapping[str, Any]) -> tuple[StudyTask, ...]:
    """Return the tasks of a study: those that it lists, or the one that it is about.

    Args:
        path: The study's file, for messages.
        plan: Its entries.

    Raises:
        UserError: With what is wrong and where.
    """
    if "tasks" not in plan:
        return (_plan_task(path, "", plan),)
    for name in TASK_FIELDS:
        if name in plan:
            raise UserError(
                f'{path}: expected "{name}" inside each of the "tasks", found it beside'
            )
    entries = listed(path, "tasks", plan["tasks"])
    if not entries:
        raise UserError(f'{path}: expected a task or more in "tasks", found none')
    tasks = tuple(_plan_named_task(path, entry) for entry in entries)
    check_names(path, [task.name for task in tasks], "task")
    _check_recordings(path, tasks)
    return tasks


def all_data(tasks: Sequence[StudyTask]) -> tuple[PlannedData, ...]:
    """Return the recordings of all tasks, each once."""
    return tuple(dict.fromkeys(one for task in tasks for one in task.data))


def _plan_named_task(path: Path, entry: Any) -> StudyTask:
    expected = '{"name": …, "data": […], "train": […], "test": …}'
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        raise UserError(f"{path}: expected a task as {expected}, found {entry!r}")
    for name in entry:
        if name not in ("name", *TASK_FIELDS):
            raise unknown_name(f"entry of a task in {path}", name, ("name", *TASK_FIELDS))
    return _plan_task(path, entry["name"], entry)


def _plan_task(path: Path, task: str, plan: Mapping[str, Any]) -> StudyTask:
    where = f"task {task!r}" if task else "a study of embeddings"
    for name in TASK_FIELDS:
        if not plan.get(name):
            raise UserError(f'{path}: expected "{name}" in {where}, found none')
    data = tuple(_plan_data(path, entry) for entry in listed(path, "data", plan["data"]))
    names = [one.name for one in data]
    train = tuple(listed(path, "train", plan["train"]))
    for name in (*train, plan["test"]):
        if name not in names:
            raise unknown_name(f"data in {path}", str(name), names)
    return StudyTask(task, data, train, plan["test"])


def _check_recordings(path: Path, tasks: Sequence[StudyTask]) -> None:
    """Raise a UserError where two tasks want different recordings in one folder."""
    commands: dict[str, tuple[str, ...]] = {}
    for one in all_data(tasks):
        if commands.setdefault(one.name, one.arguments) != one.arguments:
            raise UserError(f"{path}: two recordings are called {one.name!r}; give each a name")


def listed(path: Path, name: str, value: Any) -> list[Any]:
    """Return an entry that must be a list.

    Raises:
        UserError: It is none.
    """
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

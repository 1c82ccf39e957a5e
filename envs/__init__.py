"""Simulated tasks; importing this registers them with Gymnasium.

Adding a task: one file with its class, one with its demonstrators, one line in `TASK_TABLE`, one
test.
"""

from __future__ import annotations

import re

if __name__ != "tcn_robot.envs":
    raise ImportError(
        "import tcn_robot.envs, not envs: the folder is part of the package tcn_robot"
    )

from typing import Any

import gymnasium

from tcn_robot.envs.adapters import adapted_spec, adapted_task_id, unknown_task
from tcn_robot.envs.rendering import choose_gl_backend
from tcn_robot.envs.scripted import recording_horizon, scripted_policy
from tcn_robot.envs.table import NAMESPACE, TASK_TABLE, TASKS
from tcn_robot.errors import UserError, unknown_name
from tcn_robot.plugins import import_module

__all__ = [
    "NAMESPACE",
    "TASKS",
    "TASK_TABLE",
    "make_task",
    "recording_horizon",
    "scripted_policy",
    "task_id",
]

choose_gl_backend()  # before anything imports MuJoCo

for _id, (_task, _simulator, _horizon) in TASKS.items():
    gymnasium.register(
        _id,
        entry_point="tcn_robot.envs.task_env:TaskEnv",
        kwargs={"task": _task, "simulator": _simulator, "horizon": _horizon},
    )


def task_id(name: str) -> str:
    """Return the full id of a task named with or without the namespace.

    A task of your own is named "module:id", as in `gymnasium.make`: importing the module
    registers the id. It keeps the module's name, so that other processes find it too.
    `tcn_robot.envs.adapters` says how tasks of other packages are named.

    Raises:
        UserError: With the nearest name when there is no such task, or with the command that
            brings the package that it needs.
    """
    if (adapted := adapted_task_id(name)) is not None:
        return adapted
    module, colon, plain = name.rpartition(":")
    if colon:
        import_module("task", name, module)
    for known in (plain, NAMESPACE + plain):
        if known in gymnasium.registry:
            return f"{module}{colon}{known}"
    if colon:
        added = [known for known in gymnasium.registry if _is_added(known)]
        raise unknown_name("task", name, [f"{module}:{known}" for known in added])
    raise unknown_task(name, TASKS)


def _is_added(known: str) -> bool:
    """Whether an id was registered by somebody else than Gymnasium itself."""
    entry_point = gymnasium.registry[known].entry_point
    origin = entry_point if isinstance(entry_point, str) else getattr(entry_point, "__module__", "")
    return not origin.startswith("gymnasium.")


def make_task(name: str, **options: Any) -> gymnasium.Env:
    """Make a task's environment without Gymnasium's checking wrappers.

    An environment of another package is made into one that can be recorded.

    Args:
        name: Task id, with or without `tcn_robot/`.
        options: Options of the task such as `horizon`, `reward` or `embodiment`.

    Raises:
        UserError: For an unknown task or option.
    """
    known = task_id(name)
    try:
        return gymnasium.make(adapted_spec(known) or known, disable_env_checker=True, **options)
    except TypeError as error:
        unknown = re.search(r"unexpected keyword argument ('\w+')", str(error))
        reason = f"it has no option {unknown[1]}" if unknown else str(error)
        raise UserError(f"task {known} refused the options {sorted(options)}: {reason}") from error

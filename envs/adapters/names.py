"""Which names are tasks from elsewhere; nothing of theirs is imported until one is asked for."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

import gymnasium
from gymnasium.envs.registration import EnvSpec, load_env_creator

from tcn_robot.envs.adapters import packages
from tcn_robot.errors import UserError

ENTRY_POINT = "tcn_robot.envs.adapters.adapted_env:AdaptedEnv"
FORMS = tuple(f"{package}/ID" for package in packages.PACKAGES)


def adapted_task_id(name: str) -> str | None:
    """Return the full name of a package's task, None for a name that is no package's.

    "gymnasium_robotics:FetchPush-v4" and, once that package is imported, "FetchPush-v4" mean the
    same task as "gymnasium_robotics/FetchPush-v4".

    Raises:
        UserError: When the package is missing, does not fit or has no such task.
    """
    module, _, plain = name.rpartition(":")
    if module in packages.PACKAGES and "/" not in plain:
        name = f"{module}/{plain}"
    elif name in gymnasium.registry:
        origin = packages.origin_of(gymnasium.registry[name])
        if origin in packages.PACKAGES and packages.PACKAGES[origin].make is None:
            name = f"{origin}/{name}"
    if packages.package_of(name) is None:
        return None
    packages.check_name(name)
    return name


def adapted_spec(task: str) -> EnvSpec | None:
    """Return what makes the adapted environment of a task.

    It travels to other processes as JSON.

    Args:
        task: A full task id.

    Returns:
        None for an environment that can be recorded as it is.
    """
    if packages.package_of(task) is None and _is_source(task):
        return None
    # An id of Gymnasium has no dots before a slash.
    space, slash, name = task.rpartition("/")
    return EnvSpec(
        id=space.replace(".", "-") + slash + name,
        entry_point=ENTRY_POINT,
        kwargs={"task": task},
        disable_env_checker=True,
    )


def _is_source(task: str) -> bool:
    """Whether a registered environment has what a recorder needs."""
    spec = gymnasium.registry[task.rpartition(":")[2]]
    creator: Any = spec.entry_point
    if isinstance(creator, str):
        creator = load_env_creator(creator)
    if isinstance(creator, type):
        return hasattr(creator, "render_views")
    env = gymnasium.make(spec, disable_env_checker=True)
    found = hasattr(env.unwrapped, "render_views")
    env.close()
    return found


def unknown_task(name: str, own: Iterable[str]) -> UserError:
    """Return the error for a name that is no task at all.

    Args:
        name: What the user wrote.
        own: The tasks of tcn_robot itself.
    """
    own = list(own)
    near = difflib.get_close_matches(name, [*own, *gymnasium.registry], n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return UserError(
        f"unknown task {name!r}{hint} (known: {', '.join([*own, *FORMS])}, any id of Gymnasium, "
        "module:id)"
    )

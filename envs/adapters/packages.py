"""The packages whose tasks have names of their own, and how one of their environments is made."""

from __future__ import annotations

import contextlib
import difflib
import importlib
import importlib.metadata
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import gymnasium

from tcn_robot.envs.adapters.metaworld_tasks import make_metaworld, metaworld_ids
from tcn_robot.envs.adapters.panda_scene import PANDA_CAMERAS, quiet_output
from tcn_robot.envs.adapters.requirements import EXTRAS, check_extra
from tcn_robot.envs.adapters.views import PlacedCamera
from tcn_robot.envs.bullet.client import import_bullet
from tcn_robot.errors import UserError

DEFAULT_HORIZON = 200
# What happens lies around (1.3, 0.75, 0.45) on and above Fetch's table.
FETCH_CAMERAS = {
    "front": PlacedCamera((2.55, 0.75, 1.15), (1.2, 0.75, 0.5), 40.0),
    "left": PlacedCamera((1.3, 2.1, 1.05), (1.25, 0.75, 0.5), 40.0),
    "right": PlacedCamera((1.3, -0.6, 1.05), (1.25, 0.75, 0.5), 40.0),
    "corner": PlacedCamera((2.3, -0.2, 1.3), (1.2, 0.75, 0.5), 40.0),
    "top": PlacedCamera((1.3, 0.75, 1.95), (1.3, 0.75, 0.42), 40.0, up=(-1.0, 0.0, 0.0)),
}


@dataclass(frozen=True)
class Package:
    """A package that is named before the slash of a task.

    Attributes:
        extra: The extra of tcn_robot that brings it.
        ids: Returns the ids of its tasks; imports it.
        make: Makes an environment from an id; None: as Gymnasium does.
        cameras: Cameras by the beginning of the id; none: some around the scene.
        first_views: Cameras that are named first.
        upright: Whether its cameras that stand on their heads are turned.
        proprioception: Which numbers of its flat observations are the robot's own, none of them a
            thing's; none where nobody has written down which.
    """

    extra: str
    ids: Callable[[], Iterable[str]]
    make: Callable[[str], gymnasium.Env] | None = None
    cameras: dict[str, dict[str, PlacedCamera]] = field(default_factory=dict)
    first_views: tuple[str, ...] = ()
    upright: bool = False
    proprioception: tuple[int, ...] = ()


def _registered_by(module: str) -> list[str]:
    """Return the ids that a module registers with Gymnasium."""
    if module == "panda_gym":
        import_bullet()  # without its build time on standard error
    # Gymnasium prints a package's news on standard error.
    with quiet_output(), contextlib.redirect_stderr(io.StringIO()):
        importlib.import_module(module)
    return [known for known, spec in gymnasium.registry.items() if origin_of(spec) == module]


PACKAGES: dict[str, Package] = {
    "metaworld": Package(
        "metaworld",
        metaworld_ids,
        make_metaworld,
        cameras={"": {}},
        first_views=("corner", "corner4", "topview", "corner2", "corner3"),
        upright=True,
        # The hand (x, y, z) and the opening of its fingers, now and at the step before.
        proprioception=(0, 1, 2, 3, 18, 19, 20, 21),
    ),
    "gymnasium_robotics": Package(
        "gymnasium-robotics",
        lambda: _registered_by("gymnasium_robotics"),
        cameras={"Fetch": FETCH_CAMERAS},
        first_views=("fixed", "vil_camera", "track", "front", "left", "right", "corner", "top"),
    ),
    "panda_gym": Package(
        "panda-gym", lambda: _registered_by("panda_gym"), cameras={"": PANDA_CAMERAS}
    ),
}


def origin_of(spec: gymnasium.envs.registration.EnvSpec) -> str:
    """Return the top-level module whose class a registered id makes."""
    entry_point = spec.entry_point
    module = entry_point if isinstance(entry_point, str) else getattr(entry_point, "__module__", "")
    return module.partition(":")[0].partition(".")[0]


def package_of(task: str) -> tuple[str, str] | None:
    """Return (package, id) of a task such as "metaworld/drawer-open-v3", None for any other."""
    package, slash, name = task.partition("/")
    return (package, name) if slash and package in PACKAGES else None


def check_name(task: str) -> None:
    """Refuse a package's task whose package does not fit or that it does not have.

    Raises:
        UserError: With the command that brings the package, or the nearest names.
    """
    found = package_of(task)
    assert found is not None
    package, name = found
    check_extra(PACKAGES[package].extra, task)
    ids = list(PACKAGES[package].ids())
    if name in ids:
        return
    near = difflib.get_close_matches(name, ids, n=3, cutoff=0.4)
    hint = ", ".join(f"{package}/{one}" for one in near) or f"{package}/{ids[0]}"
    raise UserError(
        f"unknown task {task!r}; the nearest of the {len(ids)} tasks of {made_by(task)}: {hint}"
    )


def made_by(task: str) -> str:
    """Return package and version of a task, such as "metaworld 3.1.1"."""
    found = package_of(task)
    if found is not None:
        distribution = EXTRAS[PACKAGES[found[0]].extra].distribution
        return f"{distribution} {importlib.metadata.version(distribution)}"
    spec = gymnasium.registry.get(task.rpartition(":")[2])
    distribution = "gymnasium" if spec is None else origin_of(spec)
    try:
        return f"{distribution} {importlib.metadata.version(distribution)}"
    except importlib.metadata.PackageNotFoundError:
        return distribution


def cameras_for(task: str) -> dict[str, PlacedCamera] | None:
    """Return the cameras that our tables add for a task, None where they have none."""
    found = package_of(task)
    if found is None:
        return None
    tables = PACKAGES[found[0]].cameras
    return next((table for start, table in tables.items() if found[1].startswith(start)), None)


def proprioceptive_numbers(task: str) -> tuple[int, ...]:
    """Return which numbers of a task's flat observation are the robot's own; () if not known."""
    found = package_of(task)
    return () if found is None else PACKAGES[found[0]].proprioception


def default_horizon(task: str) -> int:
    """Return how long the package lets an episode last; where it says nothing, 200 steps."""
    found = package_of(task)
    if found is not None and found[0] == "metaworld":
        return 500
    spec = gymnasium.registry[task.partition("/")[2] if found else task.rpartition(":")[2]]
    return spec.max_episode_steps or DEFAULT_HORIZON


def make_package_env(task: str, render_mode: str | None) -> gymnasium.Env:
    """Return a package's environment without a time limit.

    Args:
        task: Full name of the task.
        render_mode: None, or "rgb_array" for one that must film itself.

    Raises:
        UserError: When something that it needs is missing.
    """
    found = package_of(task)
    own = None if found is None else PACKAGES[found[0]].make
    try:
        with quiet_output():
            if found is not None and own is not None:
                return own(found[1])
            known = found[1] if found is not None else task.rpartition(":")[2]
            modes = {} if render_mode is None else {"render_mode": render_mode}
            return gymnasium.make(known, max_episode_steps=-1, disable_env_checker=True, **modes)
    except (gymnasium.error.Error, ImportError) as error:
        raise UserError(f"task {task} cannot be made: {' '.join(str(error).split())}") from error

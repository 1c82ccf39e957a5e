"""Which scene films a package's environment: MuJoCo's, PyBullet's, or its own `render`."""

from __future__ import annotations

from typing import Any

import gymnasium

from tcn_robot.envs.adapters import packages
from tcn_robot.envs.adapters.mujoco_scene import (
    MujocoScene,
    cameras_around,
    model_folder,
    simulation_of,
)
from tcn_robot.envs.adapters.other_scenes import RenderScene
from tcn_robot.envs.adapters.packed_mjcf import NotPackable
from tcn_robot.envs.adapters.panda_scene import PandaScene
from tcn_robot.envs.adapters.views import PlacedCamera, Scene
from tcn_robot.errors import UserError

FALLBACK_CONTROL_HZ = 30.0


def filmed_env(task: str, cameras: dict[str, PlacedCamera]) -> tuple[gymnasium.Env, Scene]:
    """Make a package's environment, and what films it.

    Args:
        task: Full name of the task.
        cameras: Further cameras.

    Raises:
        UserError: For a package that lacks something, or an environment that nothing can film.
    """
    found, made_by = packages.package_of(task), packages.made_by(task)
    env = packages.make_package_env(task, None)
    ours = packages.cameras_for(task)
    if found is not None and found[0] == "panda_gym":
        return env, PandaScene(env.unwrapped, task, {**cameras, **(ours or {})}, made_by)
    package = packages.PACKAGES[found[0]] if found is not None else None
    simulation = simulation_of(env)
    if simulation is not None:
        first = (*cameras, *(package.first_views if package is not None else ()))
        upright = package is not None and package.upright
        placed = {**(cameras_around(simulation) if ours is None else ours), **cameras}
        try:
            scene = MujocoScene(simulation, model_folder(env), placed, first, upright, made_by)
            return env, scene
        except NotPackable:
            pass  # such a model can be filmed by the package itself, if at all
    can_render = "rgb_array" in (env.metadata.get("render_modes") or ())
    env.close()
    if not can_render:
        raise UserError(
            f"task {task} cannot be filmed: its environment has neither a MuJoCo model that can "
            "be stored nor the render mode 'rgb_array'"
        )
    if cameras:
        raise UserError(
            f"task {task} can only render() what its package shows; it takes no cameras "
            f"({', '.join(cameras)})"
        )
    env = packages.make_package_env(task, "rgb_array")
    return env, RenderScene(env, task, made_by.partition(" ")[0], made_by)


def control_hz_of(env: gymnasium.Env) -> float:
    """Return control steps per simulated second, as far as the package says it."""
    inner: Any = env.unwrapped
    for owner in (inner, getattr(inner, "sim", None), simulation_of(env)):
        step_seconds = getattr(owner, "dt", None)
        if isinstance(step_seconds, (int, float)) and step_seconds > 0:
            return round(1.0 / float(step_seconds), 6)
    return float(env.metadata.get("render_fps") or FALLBACK_CONTROL_HZ)

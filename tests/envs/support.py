"""What several tests of tasks share."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

import tcn_robot.envs as envs

HAS_BULLET = importlib.util.find_spec("pybullet") is not None
NEEDS_BULLET = pytest.mark.skipif(not HAS_BULLET, reason="PyBullet has no wheel for this Python")
MUJOCO_IDS = [task for task in envs.TASKS if "/Mujoco" in task]
BULLET_IDS = [task for task in envs.TASKS if "/Bullet" in task]
ALL_IDS = [*MUJOCO_IDS, *(pytest.param(task, marks=NEEDS_BULLET) for task in BULLET_IDS)]
BODIES = ("robot", "hand", "tongs")


def rollout(env, seed: int, steps: int) -> list[np.ndarray]:
    """Return the observations of an episode of random actions."""
    generator = np.random.default_rng(seed)
    seen = [env.reset(seed=seed)[0]]
    for _ in range(steps):
        action = generator.uniform(-1, 1, env.action_space.shape)
        seen.append(env.step(action)[0])
    return seen


def demonstrate(
    task: str, policy: str, seed: int, embodiment: str = "robot", horizon: int | None = None
) -> list[dict]:
    """Return info, tip and state of every moment of a scripted episode."""
    horizon = horizon or envs.recording_horizon(task, policy)
    options = {} if horizon is None else {"horizon": horizon}
    env = envs.make_task(task, embodiment=embodiment, **options).unwrapped
    _, info = env.reset(seed=seed)

    def moment(info: dict) -> dict:
        return {**info, "tip": env.world.tip_metres, "state": env.get_state()}

    moments = [moment(info)]
    for action in envs.scripted_policy(task, policy)(env, np.random.default_rng(seed)):
        assert env.action_space.contains(action)
        *_, truncated, info = env.step(action)
        moments.append(moment(info))
        if truncated:
            break
    moments[-1]["demonstration"] = dict(env.demonstration)
    env.close()
    return moments


def project(env, view: str, point_metres: np.ndarray, size_px: int) -> np.ndarray:
    """Return where a point (3,) appears in a square picture, (column, row) in px."""
    parameters = env.camera_parameters(view, (size_px, size_px))
    seen = np.array(parameters["extrinsics"]) @ np.append(point_metres, 1.0)
    pixel = np.array(parameters["intrinsics"]) @ seen[:3]
    return pixel[:2] / pixel[2]

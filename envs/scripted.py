"""Scripted policies by task and name, found without importing a simulator."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tcn_robot.errors import unknown_name

ScriptedPolicy = Callable[[Any, np.random.Generator], Iterator[np.ndarray]]

# task id: {policy name: module:function}
POLICIES: dict[str, dict[str, str]] = {
    "tcn_robot/MujocoReach-v0": {
        "expert": "tcn_robot.envs.reach_scripts:reach_expert",
        "play": "tcn_robot.envs.reach_scripts:reach_play",
    },
    "tcn_robot/MujocoPush-v0": {
        "expert": "tcn_robot.envs.push_scripts:push_expert",
        "play": "tcn_robot.envs.push_scripts:push_play",
    },
}
PLAY_HORIZON_FRAMES = 240


def random_policy(env: Any, generator: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield uniformly random actions for ever."""
    space = env.action_space
    while True:
        yield generator.uniform(space.low, space.high).astype(np.float32)


def scripted_policy(task_id: str, name: str) -> ScriptedPolicy:
    """Return a scripted policy: called with an unwrapped environment and a generator of randomness.

    Each `next()` on what it returns gives the action for the environment's present state; when it
    ends, the demonstrator stops filming.

    Args:
        task_id: A full task id.
        name: "expert", "play" or "random".

    Raises:
        UserError: When the task has no policy of that name.
    """
    if name == "random":
        return random_policy
    policies = POLICIES.get(task_id, {})
    if name not in policies:
        raise unknown_name(f"scripted policy of {task_id}", name, [*policies, "random"])
    module, function = policies[name].split(":")
    policy: ScriptedPolicy = getattr(importlib.import_module(module), function)
    return policy


def play_horizon(task_id: str) -> int:
    """Return how many control steps an episode of play lasts."""
    return PLAY_HORIZON_FRAMES

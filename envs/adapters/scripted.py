"""Scripted policies of tasks from elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from gymnasium import spaces

from tcn_robot.envs.adapters.metaworld_tasks import metaworld_expert
from tcn_robot.envs.adapters.packages import package_of

Policy = Callable[[Any, np.random.Generator], Iterator[np.ndarray]]


def policies_of(task: str) -> dict[str, Policy]:
    """Return the scripted policies by name: "random", and "expert" for Meta-World.

    Args:
        task: A full task id.
    """
    found = package_of(task)
    if found is not None and found[0] == "metaworld":
        return {"expert": metaworld_expert, "random": random_policy}
    return {"random": random_policy}


def random_policy(env: Any, generator: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield random actions of any action space for ever, float32 (A,).

    Bounds that are infinite are taken as -1 and 1.
    """
    space = env.action_space
    while True:
        yield np.asarray(_drawn(space, generator), np.float32).reshape(-1)


def _drawn(space: Any, generator: np.random.Generator) -> np.ndarray:
    if isinstance(space, spaces.Discrete):
        return np.array([int(space.start) + generator.integers(int(space.n))])
    if isinstance(space, spaces.MultiDiscrete):
        return space.start + generator.integers(space.nvec)
    if isinstance(space, spaces.MultiBinary):
        return generator.integers(2, size=space.shape)
    low = np.where(np.isfinite(space.low), space.low, -1.0)
    high = np.where(np.isfinite(space.high), space.high, 1.0)
    return generator.uniform(low, high)

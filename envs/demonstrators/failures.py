"""Failures on purpose that every task has in common."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tcn_robot.envs.demonstrators.motion import Actions, pause
from tcn_robot.envs.task_env import TaskEnv

Demonstrator = Callable[[TaskEnv, np.random.Generator], Actions]


def stops_half_way(expert: Demonstrator, latest_progress: float = 0.7) -> Demonstrator:
    """Return a demonstrator that does as the expert does, then stops for good.

    Args:
        expert: Who would have done it.
        latest_progress: It stops at a progress between 0.3 and this.
    """

    def stops(env: TaskEnv, generator: np.random.Generator) -> Actions:
        """Do as the expert does, then stop half-way for good."""
        enough = generator.uniform(0.3, latest_progress)
        for action in expert(env, generator):
            if env.task.labels()["progress"] >= enough:
                break
            yield action
        yield from pause(env, int(generator.integers(5, 15)))

    return stops

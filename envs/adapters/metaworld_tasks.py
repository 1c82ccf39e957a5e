"""Meta-World's tasks with starts that follow from the seed, and its own scripted experts."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np

# After the first moment of success the demonstrator goes on this long: the film ends at rest.
STEPS_AFTER_SUCCESS = 20
# Meta-World refuses to go on after 500 steps; here the adapter counts.
_NO_LIMIT = 1 << 40


def metaworld_ids() -> list[str]:
    """Return the names of the tasks that the installed version has."""
    from metaworld.env_dict import ALL_V3_ENVIRONMENTS

    return list(ALL_V3_ENVIRONMENTS)


class SeededStarts(gymnasium.Wrapper):
    """Draws a new start and goal at every reset, from the seed alone.

    Meta-World freezes them unless its benchmarks hand a task over, and its `reset` ignores the
    seed.
    """

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Start an episode."""
        if seed is not None:
            task: Any = self.env.unwrapped
            task.seed(seed)
        return self.env.reset()


def make_metaworld(name: str) -> gymnasium.Env:
    """Return a task of Meta-World whose observation holds the goal.

    Args:
        name: Such as "drawer-open-v3".
    """
    from metaworld.env_dict import ALL_V3_ENVIRONMENTS

    task: Any = ALL_V3_ENVIRONMENTS[name]()
    task._partially_observable = False
    task._freeze_rand_vec = False
    task.seeded_rand_vec = True
    task._set_task_called = True
    task.max_path_length = _NO_LIMIT
    # The bounds are kept from the construction, when the goal was still hidden.
    vars(task).pop("sawyer_observation_space", None)
    task.observation_space = task.sawyer_observation_space
    return SeededStarts(task)


def metaworld_expert(env: Any, generator: np.random.Generator) -> Iterator[np.ndarray]:
    """Act as Meta-World's scripted expert of the task does, until shortly after success.

    Args:
        env: The adapted environment, reset.
        generator: Not used: the expert follows from the start alone, which the seed draws.
    """
    from metaworld.policies import ENV_POLICY_MAP

    expert_class: Any = ENV_POLICY_MAP[env.task.partition("/")[2]]
    expert = expert_class()
    steps_left = STEPS_AFTER_SUCCESS
    while steps_left:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it asks for more than the arm can do
            action = expert.get_action(env.package_observation)
        yield np.clip(action, -1.0, 1.0).astype(np.float32)
        if env.success or steps_left < STEPS_AFTER_SUCCESS:
            steps_left -= 1

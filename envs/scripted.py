"""Scripted policies by task and name, found without importing a simulator."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tcn_robot.envs import adapters
from tcn_robot.envs.table import entry_of
from tcn_robot.errors import unknown_name

ScriptedPolicy = Callable[[Any, np.random.Generator], Iterator[np.ndarray]]

PLAY_HORIZON_FRAMES = 240
FAILURE = "failure"
NAMES = ("expert", "play", FAILURE, "random")


def random_policy(env: Any, generator: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield uniformly random actions for ever."""
    space = env.action_space
    while True:
        yield generator.uniform(space.low, space.high).astype(np.float32)


def is_scripted(name: str) -> bool:
    """Return whether a name is one that scripted policies have, whatever the task."""
    return name in NAMES or name.startswith(f"{FAILURE}-")


def policies_of(task_id: str) -> dict[str, ScriptedPolicy]:
    """Return the scripted policies of a task by name: "expert", "play", "failure", "failure-…"."""
    entry = entry_of(task_id)
    if entry is None:
        return adapters.policies_of(task_id)
    module = importlib.import_module(entry.demonstrators)
    failures: dict[str, ScriptedPolicy] = {
        f"{FAILURE}-{kind}": _labelled(kind, policy) for kind, policy in module.FAILURES.items()
    }
    return {
        "expert": module.expert,
        "play": module.play,
        FAILURE: _any_of(failures),
        **failures,
        "random": random_policy,
    }


def scripted_policy(task_id: str, name: str) -> ScriptedPolicy:
    """Return a scripted policy: called with an unwrapped environment and a generator of randomness.

    Each `next()` on what it returns gives the action for the environment's present state; when it
    ends, the demonstrator stops filming.

    Args:
        task_id: A full task id.
        name: "expert", "play", "random", "failure" (of a kind drawn anew for each episode) or
            "failure-KIND".

    Raises:
        UserError: When the task has no policy of that name.
    """
    policies = policies_of(task_id)
    if name not in policies:
        raise unknown_name(f"scripted policy of {task_id}", name, tuple(policies))
    return policies[name]


def recording_horizon(task_id: str, policy: str) -> int | None:
    """Return how many control steps an episode of a scripted policy may last.

    Play is long; what is done and undone again needs more time than the task. None is the task's
    own horizon.
    """
    if policy == "play":
        return PLAY_HORIZON_FRAMES
    entry = entry_of(task_id)
    if entry is not None and policy.startswith(FAILURE):
        return 2 * entry.horizon
    return None


def _labelled(kind: str, policy: ScriptedPolicy) -> ScriptedPolicy:
    """Return the policy that also writes its kind into what is stored of the episode."""

    def labelled(env: Any, generator: np.random.Generator) -> Iterator[np.ndarray]:
        env.demonstration["failure"] = kind
        yield from policy(env, generator)

    return labelled


def _any_of(policies: dict[str, ScriptedPolicy]) -> ScriptedPolicy:
    def any_of(env: Any, generator: np.random.Generator) -> Iterator[np.ndarray]:
        names = tuple(policies)
        yield from policies[names[int(generator.integers(len(names)))]](env, generator)

    return any_of

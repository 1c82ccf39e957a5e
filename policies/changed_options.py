"""What a run was given that another would not have had: its options beside the defaults."""

from __future__ import annotations

import dataclasses
from typing import Any

from tcn_robot.policies.config import ImitateConfig

# What every run has to name.
ALWAYS_SHOWN = ("task", "reward", "steps", "algo")


def defaults_beside(config: ImitateConfig) -> ImitateConfig:
    """Return the defaults of the same algorithm with the same reward, task and steps."""
    return ImitateConfig(
        config.task,
        config.reward,
        config.steps,
        algo=config.algo,
        encoder=config.encoder,
        demos=config.demos,
    )


def changed_options(config: ImitateConfig) -> dict[str, Any]:
    """Return the options that are not their defaults, in the order of the fields.

    The task, the reward, the steps and the algorithm are always there, the seeds never;
    `algo_options` and `reward_options` hold what was given alone.
    """
    given, usual = dataclasses.asdict(config), dataclasses.asdict(defaults_beside(config))
    usual |= {"encoder": None, "demos": None}
    changed: dict[str, Any] = {}
    for name, value in given.items():
        if name == "algo_options":
            value = {key: one for key, one in value.items() if one != usual[name].get(key)}
            usual[name] = {}
        if name in ALWAYS_SHOWN or (name != "seeds" and value != usual[name]):
            changed[name] = value
    return changed

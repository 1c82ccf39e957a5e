"""Refuses options that nothing in a run reads: they would be ignored in silence."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import TYPE_CHECKING

from tcn_robot.errors import UserError

if TYPE_CHECKING:
    from tcn_robot.policies.config import ImitateConfig
    from tcn_robot.policies.few_trials.config import FewTrialsConfig

# Fields that a learned reward needs, and what they are called on the command line.
OPTIONS_OF_LEARNED_REWARDS = {
    "encoder": "--encoder",
    "further_encoders": "a second --encoder",
    "demos": "--demos",
    "max_demos": "--max-demos",
    "play": "--play",
    "views": "--views",
    "reward_options": "--reward-options",
    "film_every": "--film-every",
}

# The same of options that only a learner of Stable-Baselines3 reads.
OPTIONS_OF_LEARNERS = {"checkpoint_interval_steps": "--checkpoint-every", "save_zip": "--save-zip"}


def refuse_options_of_learners(config: ImitateConfig) -> None:
    """Refuse what behaviour cloning, which fits in one go, does not read.

    Raises:
        UserError: With the option that would be ignored.
    """
    for name, option in OPTIONS_OF_LEARNERS.items():
        if getattr(config, name):
            raise UserError(
                f"{option} is for learners of Stable-Baselines3, and would be ignored with algo "
                f"{config.algo!r}; leave it out"
            )


def refuse_ignored_options(
    config: ImitateConfig | FewTrialsConfig, used_otherwise: Collection[str] = ()
) -> None:
    """Refuse what only a learned reward reads, where the reward is none.

    Args:
        config: The options as they were given.
        used_otherwise: Names of fields that something else than the reward reads.

    Raises:
        UserError: With the option that would be ignored.
    """
    if config.learned:
        return
    given = _names_of_given(config)
    for name, option in OPTIONS_OF_LEARNED_REWARDS.items():
        if name not in used_otherwise and name in given:
            raise UserError(
                f"{option} is for learned rewards, and would be ignored with reward "
                f"{config.reward!r}; leave it out"
            )


def _names_of_given(config: ImitateConfig | FewTrialsConfig) -> set[str]:
    """Return the names of the options that have another value than by default."""
    given = set()
    for field in dataclasses.fields(config):
        made = field.default_factory
        default = field.default if made is dataclasses.MISSING else made()
        if getattr(config, field.name) != default:
            given.add(field.name)
    return given

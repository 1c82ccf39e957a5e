"""The rewards by name; others come as entry points or are named `package.module:Class`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tcn_robot.plugins import resolve
from tcn_robot.rewards.classifier import ClassifierReward
from tcn_robot.rewards.goal import GoalReward
from tcn_robot.rewards.mixture import MixtureReward
from tcn_robot.rewards.progress import ProgressReward
from tcn_robot.rewards.shaping import ShapingReward
from tcn_robot.rewards.trajectory import TrajectoryReward

RewardClass = (
    type[ProgressReward]
    | type[TrajectoryReward]
    | type[GoalReward]
    | type[ClassifierReward]
    | type[ShapingReward]
    | type[MixtureReward]
)

REWARDS: dict[str, RewardClass] = {
    "progress": ProgressReward,
    "trajectory": TrajectoryReward,
    "goal": GoalReward,
    "classifier": ClassifierReward,
    "shaping": ShapingReward,
    "mixture": MixtureReward,
}


def reward_class(name: str) -> RewardClass:
    """Return the reward with this name: from the table, an entry point, or `module:Class`.

    Raises:
        UserError: There is none; with the nearest name.
    """
    found: RewardClass = resolve(
        "reward", name, REWARDS, "tcn_robot.rewards", needs=("fit", "score_episode")
    )
    return found


def import_named(name: str, options: Mapping[str, Any]) -> None:
    """Import the code of rewards that a user has named as `module:Class`, for `load_reward`.

    Args:
        name: The reward's name.
        options: Its options; `learned` names the one inside.

    Raises:
        UserError: There is none.
    """
    for named in (name, options.get("learned", "")):
        if ":" in str(named):
            reward_class(str(named))

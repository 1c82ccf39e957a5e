"""The rewards by name; others are named as `package.module:Class`."""

from __future__ import annotations

from tcn_robot.errors import unknown_name
from tcn_robot.rewards.goal import GoalReward
from tcn_robot.rewards.progress import ProgressReward
from tcn_robot.rewards.trajectory import TrajectoryReward

RewardClass = type[ProgressReward] | type[TrajectoryReward] | type[GoalReward]

REWARDS: dict[str, RewardClass] = {
    "progress": ProgressReward,
    "trajectory": TrajectoryReward,
    "goal": GoalReward,
}


def reward_class(name: str) -> RewardClass:
    """Return the reward with this name.

    Raises:
        UserError: There is none; with the nearest name.
    """
    if name not in REWARDS:
        raise unknown_name("reward", name, REWARDS)
    return REWARDS[name]

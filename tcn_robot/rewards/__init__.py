"""Rewards from films: frames in, one number per frame out, no task reward anywhere.

`fit` a reward on an encoder and demonstrations, then `step` it with the frames of all
environments, or `score_episode` a film. The wrappers put it in the place of a task's own reward.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tcn_robot.rewards.classifier import ClassifierReward
from tcn_robot.rewards.ensemble import EnsembleExplanation, EnsembleReward
from tcn_robot.rewards.goal import GoalReward
from tcn_robot.rewards.interface import Reward
from tcn_robot.rewards.memory import memory_of, memory_size_of
from tcn_robot.rewards.mixture import MixtureReward
from tcn_robot.rewards.notes import RewardWarning
from tcn_robot.rewards.progress import ProgressReward
from tcn_robot.rewards.progress_config import ProgressExplanation
from tcn_robot.rewards.shaping import ShapingReward
from tcn_robot.rewards.storage import load_reward
from tcn_robot.rewards.table import REWARDS, reward_class
from tcn_robot.rewards.trajectory import TrajectoryReward

if TYPE_CHECKING:
    from tcn_robot.rewards.wrappers import RenderViews, RewardWrapper, VecRewardWrapper

__all__ = [
    "REWARDS",
    "ClassifierReward",
    "EnsembleExplanation",
    "EnsembleReward",
    "GoalReward",
    "MixtureReward",
    "ProgressExplanation",
    "ProgressReward",
    "RenderViews",
    "Reward",
    "RewardWarning",
    "RewardWrapper",
    "ShapingReward",
    "TrajectoryReward",
    "VecRewardWrapper",
    "load_reward",
    "memory_of",
    "memory_size_of",
    "reward_class",
]

# These need Gymnasium and Stable-Baselines3; scoring films does not.
_WRAPPERS = frozenset({"RenderViews", "RewardWrapper", "VecRewardWrapper"})


def __getattr__(name: str) -> Any:
    """Import the wrappers when one is first asked for."""
    if name not in _WRAPPERS:
        raise AttributeError(f"module 'tcn_robot.rewards' has no attribute {name!r}")
    from tcn_robot.rewards import wrappers

    return getattr(wrappers, name)

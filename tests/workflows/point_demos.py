"""Demonstrations of the small task that policies are tested on."""

import numpy as np

from tcn_robot.recordings import DatasetWriter, record_episode
from tests.policies.point_task import PointReach, expert


def record_demos(path, episodes=(("train", True),) * 3 + (("valid", True),), task="PointGoal-v0"):
    source = PointReach(fixed_target=True)
    with DatasetWriter(path, task, "lossless") as writer:
        for index, (split, success) in enumerate(episodes):
            with writer.episode(source.control_hz) as episode:
                episode.metadata.update(task=task, policy="expert", split=split)
                record_episode(
                    source,
                    expert,
                    episode,
                    views=("front", "top"),
                    size_px=24,
                    seed=index,
                    policy_randomness=np.random.default_rng(index),
                )
                episode.metadata["success"] = success
    return path

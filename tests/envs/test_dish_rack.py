"""The dish rack: what counts as success, how far it has come, what play leaves undone."""

from __future__ import annotations

import numpy as np
import pytest

import tcn_robot.envs as envs
from tcn_robot.envs.things import turn_about
from tests.envs.support import ALL_IDS, BODIES, demonstrate

IDS = [task for task in ALL_IDS if "DishRack" in str(task)]
MUJOCO = "tcn_robot/MujocoDishRack-v0"


@pytest.fixture
def env():
    made = envs.make_task(MUJOCO).unwrapped
    made.reset(seed=0)
    yield made
    made.close()


def labels_with_plate_at(env, offset_metres, quaternion=(1.0, 0.0, 0.0, 0.0)) -> dict:
    env.world.place("plate", env.task.slot_metres + np.array(offset_metres), quaternion)
    return env.task.labels()


def test_success_is_the_plate_in_the_middle_slot_and_nowhere_else(env):
    labels = labels_with_plate_at(env, (0.0, 0.0, 0.0))
    assert labels["success"]
    assert labels["progress"] == 1.0
    assert env.task.phases[labels["phase_index"]] == "done"
    assert env.task.dense_reward() == 1.0
    for offset in ((0.0, 0.055, 0.0), (0.0, -0.055, 0.0), (0.03, 0.0, 0.0), (0.0, 0.0, 0.03)):
        assert not labels_with_plate_at(env, offset)["success"], offset
        assert env.task.dense_reward() < 0.9
    lying = turn_about((1.0, 0.0, 0.0), np.pi / 2)
    assert not labels_with_plate_at(env, (0.0, 0.0, 0.0), lying)["success"]


def test_a_plate_turned_over_is_in_its_slot_as_well(env):
    turned = turn_about((0.0, 0.0, 1.0), np.pi)
    assert labels_with_plate_at(env, (0.0, 0.0, 0.0), turned)["success"]


@pytest.mark.parametrize("task", IDS)
def test_the_plate_stands_by_itself_in_stand_and_slot(task):
    made = envs.make_task(task).unwrapped
    for place in ("stand", "slot"):
        made.reset(seed=2)
        if place == "slot":
            made.world.place("plate", made.task.slot_metres, (1.0, 0.0, 0.0, 0.0))
        start = made.task.plate_metres
        for _ in range(30):
            info = made.step(np.zeros(4))[-1]
        assert np.linalg.norm(made.task.plate_metres - start) < 0.01, place
        assert info["success"] == (place == "slot")
    made.close()


@pytest.mark.parametrize("embodiment", BODIES)
def test_progress_rises_along_a_demonstration(embodiment):
    for seed in range(3):
        episode = demonstrate(MUJOCO, "expert", seed, embodiment)
        progress = np.array([moment["progress"] for moment in episode])
        best = np.maximum.accumulate(progress)
        assert (best - progress).max() < 0.25
        phases = [moment["phase_index"] for moment in episode]
        assert {0, 1, 2, 3} <= set(phases)


def test_play_moves_the_plate_and_never_fills_the_slot():
    for seed in range(3):
        episode = demonstrate(MUJOCO, "play", seed)
        assert len(episode) == 241
        assert not any(moment["success"] for moment in episode)
        places = np.array([moment["pose_plate"][:3] for moment in episode])
        assert np.linalg.norm(np.diff(places, axis=0), axis=1).sum() > 0.4


def test_the_way_down_into_the_slot_is_paid_all_along(env):
    """A dip there teaches a policy to hover above the slot for ever."""
    rewards = []
    for height in np.linspace(0.14, 0.0, 15):
        labels_with_plate_at(env, (0.0, 0.0, height))
        rewards.append(env.task.dense_reward())
    assert (np.diff(rewards) >= 0.0).all()
    assert rewards[-1] > rewards[0] + 0.2

"""Pouring: what counts as poured, the paper's attributes, what play and failures leave undone."""

from __future__ import annotations

import numpy as np
import pytest

import tcn_robot.envs as envs
from tcn_robot.envs.demonstrators.pouring import deal
from tcn_robot.envs.tasks.pour import (
    BEAD_METRES,
    BEADS,
    CUP_HEIGHT_METRES,
    CUP_RADIUS_METRES,
    NUM_BEADS,
    TRAY_METRES,
)
from tcn_robot.envs.things import turn_about
from tests.envs.support import ALL_IDS, BODIES, demonstrate

IDS = [task for task in ALL_IDS if "Pour" in str(task)]
MUJOCO = "tcn_robot/MujocoPour-v0"
STILL = np.zeros(5)


@pytest.fixture
def env():
    made = envs.make_task(MUJOCO).unwrapped
    made.reset(seed=0)
    yield made
    made.close()


def put_into_bowl(env, count: int) -> None:
    """Lay beads onto the floor of the bowl, one in the middle and up to ten in a ring."""
    for index in range(count):
        angle = 2 * np.pi * index / 10
        out = 0.038 * np.array([np.cos(angle), np.sin(angle)]) if index < 10 else np.zeros(2)
        place = env.task.bowl_metres + np.array([*out, 0.005 + BEAD_METRES])
        env.world.place(BEADS[index], place)


@pytest.mark.parametrize("count", [0, 1, 8, 9, 11])
def test_three_quarters_of_the_beads_in_the_bowl_are_success(env, count):
    put_into_bowl(env, count)
    labels = env.task.labels()
    assert labels["share_transferred"] == pytest.approx(count / NUM_BEADS)
    assert labels["has_liquid"] == (count > 0)
    assert labels["success"] == (count >= 9)
    assert (labels["progress"] == 1.0) == (count >= 9)
    assert (env.task.dense_reward() == 1.0) == (count >= 9)
    assert env.task.phases[labels["phase_index"]] == (
        "done" if count >= 9 else "pour" if count else "reach"
    )


def test_beads_beside_the_bowl_or_above_it_are_not_in_it(env):
    offsets = [(0.11, 0.0, 0.01), (0.0, -0.11, 0.01), (0.0, 0.0, 0.12)]
    for offset in offsets:
        for name in BEADS:
            env.world.place(name, env.task.bowl_metres + np.array(offset))
        assert env.task.labels()["share_transferred"] == 0.0, offset


def test_the_full_cup_in_the_bowl_is_not_poured(env):
    env.task.fill(env.task.bowl_metres + np.array([0.0, 0.0, 0.005]), np.random.default_rng(0))
    labels = env.task.labels()
    assert not labels["success"]
    assert not labels["has_liquid"]


@pytest.mark.parametrize("degrees", [0, 45, 90, 135])
def test_container_angle_is_that_of_the_cup(env, degrees):
    env.world.place("cup", [0.7, -0.1, 0.2], turn_about((1.0, 0.0, 0.0), -np.radians(degrees)))
    assert env.task.labels()["container_angle"] == pytest.approx(degrees, abs=1e-4)
    turned_round = turn_about((0.0, 0.0, 1.0), 1.0)
    env.world.place("cup", [0.7, -0.1, 0.2], turned_round)
    assert env.task.labels()["container_angle"] == pytest.approx(0.0, abs=1e-4)


def test_distance_is_from_the_mouth_to_the_middle_of_the_bowl(env):
    bowl = env.task.bowl_metres
    for off_metres, near in ((0.0, True), (0.07, True), (0.09, False)):
        env.world.place("cup", bowl + np.array([0.0, -off_metres, 0.15]), (1.0, 0.0, 0.0, 0.0))
        labels = env.task.labels()
        assert labels["distance_metres"] == pytest.approx(off_metres, abs=1e-6)
        assert labels["distance"] == near
    # Lying towards the bowl its mouth is nearer by its height.
    tilted = turn_about((1.0, 0.0, 0.0), -np.pi / 2)
    env.world.place("cup", bowl + np.array([0.0, -0.12, 0.15]), tilted)
    expected = 0.12 - CUP_HEIGHT_METRES
    assert env.task.labels()["distance_metres"] == pytest.approx(expected, abs=1e-6)


def test_liquid_flows_while_a_bead_is_in_the_air(env):
    assert not env.task.labels()["liquid_flowing"]
    env.world.place(BEADS[3], env.task.bowl_metres + np.array([0.0, 0.0, 0.13]))
    assert env.task.labels()["liquid_flowing"]
    flowing = [env.step(STILL)[-1]["liquid_flowing"] for _ in range(12)]
    assert flowing[0]
    assert not any(flowing[-6:])
    assert env.task.labels()["has_liquid"]


@pytest.mark.parametrize("task", IDS)
def test_no_bead_leaves_a_cup_that_stands_still(task):
    made = envs.make_task(task).unwrapped
    for seed in range(3):
        made.reset(seed=seed)
        assert made.task.in_cup(made.task.beads_metres()).all()
        for _ in range(50):
            made.step(STILL)
        assert made.task.in_cup(made.task.beads_metres()).all()
        assert made.task.labels()["container_angle"] < 1.0
    made.close()


def test_beads_start_inside_the_walls_and_apart(env):
    for seed in range(20):
        env.reset(seed=seed)
        beads = env.task.beads_metres()
        out = np.linalg.norm((beads - env.task.cup_metres)[:, :2], axis=1)
        assert out.max() + BEAD_METRES < CUP_RADIUS_METRES + 1e-6
        apart = np.linalg.norm(beads[:, None] - beads[None], axis=2) + np.eye(NUM_BEADS)
        assert apart.min() > 2 * BEAD_METRES - 1e-6
        assert beads[:, 2].min() > TRAY_METRES + BEAD_METRES


def test_dealing_keeps_every_bead_on_the_tray(env):
    for seed in range(5):
        for action in deal(env, np.array([0.78, -0.1]), np.random.default_rng(seed)):
            env.step(action)
        for _ in range(10):
            env.step(STILL)
        assert env.task.beads_metres()[:, 2].min() > TRAY_METRES
        assert not env.task.labels()["success"]


@pytest.mark.parametrize("embodiment", BODIES)
def test_progress_rises_and_all_phases_come_in_a_demonstration(embodiment):
    episode = demonstrate(MUJOCO, "expert", 1, embodiment)
    progress = np.array([moment["progress"] for moment in episode])
    assert (np.maximum.accumulate(progress) - progress).max() < 0.15
    phases = np.array([moment["phase_index"] for moment in episode])
    assert set(phases) == {0, 1, 2, 3, 4}
    for attribute in ("contact", "distance", "liquid_flowing", "has_liquid"):
        assert {moment[attribute] for moment in episode} == {False, True}, attribute
    assert max(moment["container_angle"] for moment in episode) > 80


def test_failures_leave_beads_where_they_say():
    spilt = demonstrate(MUJOCO, "failure-spill", 0)[-1]
    assert spilt["share_transferred"] < 0.75
    for kind in ("miss", "undo"):
        last = demonstrate(MUJOCO, f"failure-{kind}", 0)[-1]
        assert last["share_transferred"] < 0.2, kind
    assert demonstrate(MUJOCO, "failure-undo", 0)[-1]["container_angle"] < 5


@pytest.mark.slow
@pytest.mark.parametrize("embodiment", BODIES)
@pytest.mark.parametrize("task", IDS)
def test_play_pours_now_and_then_and_never_enough(task, embodiment):
    poured = 0.0
    for seed in range(4):
        episode = demonstrate(task, "play", seed, embodiment)
        assert len(episode) == 241
        assert not any(moment["success"] for moment in episode)
        shares = np.array([moment["share_transferred"] for moment in episode])
        poured += np.maximum(np.diff(shares), 0.0).sum()
        places = np.array([moment["pose_cup"][:3] for moment in episode])
        assert np.linalg.norm(np.diff(places, axis=0), axis=1).sum() > 0.4
    assert poured > 0.5

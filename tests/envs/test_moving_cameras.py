"""Cameras that drift: slowly, smoothly, as a function of what was drawn and the time alone."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import tcn_robot.envs as envs
from tcn_robot.envs.cameras import FIXED_CAMERAS, VIEW_NAMES
from tcn_robot.envs.randomisation.camera_poses import camera_pose, described_camera, is_moving
from tests.envs.support import NEEDS_BULLET, project

TASKS = ["MujocoReach-v0", pytest.param("BulletReach-v0", marks=NEEDS_BULLET)]
PHONES = 40


@pytest.fixture(params=TASKS)
def env(request):
    made = envs.make_task(request.param, moving_cameras=True).unwrapped
    yield made
    made.close()


def test_they_move_like_a_phone_in_a_hand():
    env = envs.make_task("MujocoReach-v0", moving_cameras=True).unwrapped
    times = np.arange(0.0, 10.0, 0.1)
    ranges = []
    for seed in range(PHONES // len(FIXED_CAMERAS)):
        cameras = env.reset(seed=seed)[1]["randomisation"]["camera"]
        assert set(cameras) == set(FIXED_CAMERAS)
        for view, entry in cameras.items():
            assert is_moving(entry)
            assert all(wave["hz"] < 0.5 for wave in entry["waves"])
            poses = [camera_pose(entry, time) for time in times]
            at = np.array([pose[0] for pose in poses])
            away = np.linalg.norm(at - described_camera(view, env.world.scene)["at_metres"], axis=1)
            ranges.append(away.max())
            assert np.linalg.norm(np.diff(at, axis=0), axis=1).max() < 0.02  # metres in 0.1 s
            for rotation in (pose[1] for pose in poses):
                np.testing.assert_allclose(rotation.T @ rotation, np.eye(3), atol=1e-12)
    assert 0.02 < np.median(ranges) < 0.05
    assert max(ranges) < 0.10
    env.close()


def test_pictures_and_parameters_are_of_the_moment(env):
    env.reset(seed=0)
    shown, points = [], []
    for _ in range(15):
        env.step(np.zeros(3))
        shown.append(env.render_views(("front",), (64, 64))["front"])
        points.append(project(env, "front", env.task.ball_metres, 64))
    moved = np.linalg.norm(np.diff(points, axis=0), axis=1)
    assert (moved > 0.02).all()
    assert moved.max() < 2.0
    assert all((a != b).any() for a, b in itertools.pairwise(shown))
    for picture, (column, row) in zip(shown, points, strict=True):  # where the yellow ball is
        red, _, blue = picture[round(row), round(column)].astype(int)
        assert red - blue > 60


def test_a_state_and_what_was_drawn_show_the_same_again(env):
    env.reset(seed=1)
    for _ in range(7):
        env.step(np.ones(3))
    state, drawn = env.get_state(), env.randomisation
    before = env.render_views(VIEW_NAMES, (48, 48))
    parameters = {view: env.camera_parameters(view, (48, 48)) for view in VIEW_NAMES}
    other = envs.make_task(env.spec.id).unwrapped
    other.reset(seed=5, options={"randomisation": drawn})
    other.set_state(state)
    for view, picture in other.render_views(VIEW_NAMES, (48, 48)).items():
        np.testing.assert_array_equal(picture, before[view])
        assert other.camera_parameters(view, (48, 48)) == parameters[view]
    other.close()


def test_who_moves_says_so(env):
    env.reset(seed=0)
    still = envs.make_task(env.spec.id).unwrapped
    still.reset(seed=0)
    for view in VIEW_NAMES:
        assert env.camera_parameters(view, (8, 8))["moving"] is True
        assert still.camera_parameters(view, (8, 8)).get("moving", False) == (view == "wrist")
    still.close()


def test_movement_does_not_touch_the_physics(env):
    still = envs.make_task(env.spec.id).unwrapped
    for one in (env, still):
        one.reset(seed=3)
    for _ in range(5):
        env.render_views(("front",), (16, 16))
        np.testing.assert_array_equal(env.step(np.ones(3))[0], still.step(np.ones(3))[0])
    still.close()

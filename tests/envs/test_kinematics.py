"""Inverse kinematics against forward kinematics."""

from __future__ import annotations

import numpy as np
import pytest

import tcn_robot.envs as envs
from tcn_robot.envs.arm_task import HOME_RADIANS
from tcn_robot.envs.kinematics import NUM_ARM_JOINTS, InverseKinematics


@pytest.fixture
def kinematics():
    env = envs.make_task("MujocoReach-v0").unwrapped
    env.reset(seed=0)
    return env, InverseKinematics(env._model, HOME_RADIANS)


def test_solutions_reach_the_whole_workspace_within_a_millimetre(kinematics):
    env, solver = kinematics
    generator = np.random.default_rng(0)
    for _ in range(30):
        target = generator.uniform(env.workspace_low_metres, env.workspace_high_metres)
        joints = solver.solve(HOME_RADIANS, target, iterations=60)
        assert np.linalg.norm(solver.tip_metres(joints) - target) < 1e-3
        limits = env._model.jnt_range[:NUM_ARM_JOINTS]
        assert (joints >= limits[:, 0]).all()
        assert (joints <= limits[:, 1]).all()


def test_three_iterations_follow_a_small_move(kinematics):
    env, solver = kinematics
    start = solver.solve(HOME_RADIANS, env.middle_metres, iterations=60)
    target = env.middle_metres + np.array([0.03, -0.03, 0.03])
    assert np.linalg.norm(solver.tip_metres(solver.solve(start, target)) - target) < 1e-3


def test_one_place_has_one_posture(kinematics):
    """Freedom left over is drawn to the home posture: circling does not wind the arm up."""
    env, solver = kinematics
    joints = first = solver.solve(HOME_RADIANS, env.middle_metres, iterations=60)
    for angle in np.linspace(0, 4 * np.pi, 80):
        offset = 0.1 * np.array([np.cos(angle) - 1, np.sin(angle), 0.0])
        joints = solver.solve(joints, env.middle_metres + offset)
    assert np.abs(joints - first).max() < 0.08


def test_a_target_out_of_reach_gives_finite_angles(kinematics):
    _, solver = kinematics
    assert np.isfinite(solver.solve(HOME_RADIANS, np.array([3.0, 0.0, 0.0]), iterations=50)).all()

"""Kinematics of the arm: against MuJoCo's, and there and back."""

from __future__ import annotations

import numpy as np
import pytest

import tcn_robot.envs as envs
from tcn_robot.envs.bodies.body import TOOL_ROTATIONS, roll_of, rolled
from tcn_robot.envs.bodies.chain import Chain, ChainJoint
from tcn_robot.envs.bodies.iiwa import HOMES, IiwaCarrier
from tcn_robot.envs.bodies.robot import TIP_METRES

WORKSPACE_LOW, WORKSPACE_HIGH = np.array([0.38, -0.30, 0.03]), np.array([0.74, 0.30, 0.36])


@pytest.fixture
def carrier():
    return IiwaCarrier(TIP_METRES)


def test_forward_kinematics_are_those_of_mujoco(carrier):
    env = envs.make_task("MujocoReach-v0").unwrapped
    env.reset(seed=0)
    generator = np.random.default_rng(0)
    for _ in range(20):
        joints = generator.uniform(carrier.low, carrier.high)
        env.world.stand(joints, 0.0)
        position, rotation = carrier.chain.pose(joints)
        site = env.world.data.site("tip")
        np.testing.assert_allclose(position, site.xpos, atol=1e-9)
        np.testing.assert_allclose(rotation, site.xmat.reshape(3, 3), atol=1e-9)


def test_solutions_reach_the_whole_workspace_within_a_millimetre(carrier):
    generator = np.random.default_rng(0)
    for _ in range(30):
        target = generator.uniform(WORKSPACE_LOW, WORKSPACE_HIGH)
        joints = carrier.solve(HOMES["down"], target, 0.0, "down", iterations=60)
        position, rotation = carrier.chain.pose(joints)
        assert np.linalg.norm(position - target) < 1e-3
        np.testing.assert_allclose(rotation, TOOL_ROTATIONS["down"], atol=5e-3)
        assert (joints >= carrier.low).all()
        assert (joints <= carrier.high).all()


def test_two_iterations_follow_a_small_move(carrier):
    middle = np.array([0.56, 0.0, 0.16])
    start = carrier.solve(HOMES["down"], middle, 0.0, "down", iterations=60)
    target = middle + np.array([0.03, -0.03, 0.03])
    position, _ = carrier.chain.pose(carrier.solve(start, target, 0.0, "down"))
    assert np.linalg.norm(position - target) < 1e-3


def test_one_place_has_one_posture(carrier):
    """Freedom left over is drawn to the home posture: circling does not wind the arm up."""
    middle = np.array([0.56, 0.0, 0.16])
    joints = first = carrier.solve(HOMES["down"], middle, 0.0, "down", iterations=60)
    for angle in np.linspace(0, 4 * np.pi, 80):
        offset = 0.1 * np.array([np.cos(angle) - 1, np.sin(angle), 0.0])
        joints = carrier.solve(joints, middle + offset, 0.0, "down")
    assert np.abs(joints - first).max() < 0.08


def test_a_target_out_of_reach_gives_finite_angles(carrier):
    far = np.array([3.0, 0.0, 0.0])
    assert np.isfinite(carrier.solve(HOMES["down"], far, 0.0, "down", iterations=50)).all()


@pytest.mark.parametrize("tool", ["down", "forward"])
def test_roll_is_read_back_as_it_was_set(tool):
    for roll in np.linspace(-2.5, 2.5, 11):
        assert roll_of(rolled(roll, tool), tool) == pytest.approx(roll)


def test_a_joint_turns_about_an_axis_of_its_frame():
    slanted = ChainJoint((0.0, 0.0, 0.1), (0.0, 0.6, 0.8), -1.0, 1.0)
    with pytest.raises(ValueError, match="about x, y or z"):
        Chain((slanted,), (0.0, 0.0, 0.1))

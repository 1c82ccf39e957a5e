"""What a body feels of itself: its tip, its command, its fingers; nothing of the table."""

from __future__ import annotations

import numpy as np
import pytest

import tcn_robot.envs as envs
from tests.envs.support import ALL_IDS, BODIES, NEEDS_BULLET

PUSHES = ["MujocoPush-v0", pytest.param("BulletPush-v0", marks=NEEDS_BULLET)]


@pytest.fixture
def make():
    opened = []

    def make(task, **options):
        opened.append(envs.make_task(task, **options).unwrapped)
        return opened[-1]

    yield make
    for env in opened:
        env.close()


@pytest.mark.parametrize("task", ALL_IDS)
def test_every_task_has_it_within_its_bounds(task, make):
    env = make(task)
    env.reset(seed=0)
    generator = np.random.default_rng(0)
    for _ in range(15):
        env.step(generator.uniform(-1, 1, env.action_space.shape))
        felt = env.proprioception()
        assert env.proprioception_space.contains(felt)
        assert np.abs(felt).max() < 9.9  # in its range, not at the limit


@pytest.mark.parametrize("task", PUSHES)
@pytest.mark.parametrize("body", BODIES)
def test_its_numbers_are_those_of_the_body(task, body, make):
    env = make(task, embodiment=body)
    env.reset(seed=3)
    before = env.world.tip_metres
    action = np.array([0.6, 0.5])
    for _ in range(3):
        before = env.world.tip_metres
        env.step(action)
    felt = env.proprioception()
    middle = 0.5 * (env.task.workspace_low_metres + env.task.workspace_high_metres)
    np.testing.assert_allclose(felt[:3], 10 * (env.world.tip_metres - middle), atol=1e-5)
    # A tenth of a second at an even pace: the mean velocity is nearly the present one.
    moved = 10 * (env.world.tip_metres - before) / 0.1
    np.testing.assert_allclose(felt[3:5], moved[:2], atol=0.4)
    assert np.linalg.norm(felt[3:5]) > 1
    # The command runs ahead of the tip, in the direction of the motion.
    assert felt[6:8] @ action > 0
    np.testing.assert_allclose(felt[9:11], [1, 0], atol=0.02)
    assert felt[11] == pytest.approx(env.world.opening, abs=1e-6)


@pytest.mark.parametrize("task", PUSHES)
def test_a_body_at_rest_has_no_velocity_and_no_way_to_go(task, make):
    env = make(task)
    env.reset(seed=0)
    np.testing.assert_allclose(env.proprioception()[3:9], 0, atol=0.03)


@pytest.mark.parametrize("task", PUSHES)
def test_nothing_of_the_things_is_in_it(task, make):
    env = make(task)
    env.reset(seed=0)
    before, seen = env.proprioception(), env.observe()
    env.task.move_block(env.task.block_metres + np.array([0.05, -0.04]))
    np.testing.assert_array_equal(env.proprioception(), before)
    assert not np.array_equal(env.observe(), seen)


@NEEDS_BULLET
@pytest.mark.parametrize("body", BODIES)
def test_both_simulators_feel_alike(body, make):
    felt = []
    for task in ("MujocoPush-v0", "BulletPush-v0"):
        env = make(task, embodiment=body)
        env.reset(seed=5)
        for _ in range(4):
            env.step(np.array([0.3, 0.9]))
        felt.append(env.proprioception())
    np.testing.assert_allclose(felt[0], felt[1], atol=0.35)


def test_it_follows_from_the_state_alone(make):
    env, other = make("MujocoPickPlace-v0"), make("MujocoPickPlace-v0")
    env.reset(seed=1)
    for _ in range(3):
        env.step(np.full(env.action_space.shape, 0.7))
    other.reset(seed=2)
    other.set_state(env.get_state())
    np.testing.assert_allclose(other.proprioception(), env.proprioception(), atol=1e-6)

"""GL contexts: freed without a word, also when nobody closes the environment."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import tcn_robot.envs as envs
from tcn_robot.errors import UserError

CARELESS = """
import tcn_robot.envs as envs
env = envs.make_task("MujocoReach-v0").unwrapped
other = envs.make_task("MujocoPush-v0").unwrapped
env.reset(seed=0)
env.render_views(("front",), (32, 32))
other.reset(seed=0)
other.render_views(("front",), (32, 32))
del other
"""


def test_an_environment_that_nobody_closes_leaves_without_noise():
    done = subprocess.run([sys.executable, "-c", CARELESS], capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stderr == ""


def test_a_closed_environment_renders_again():
    env = envs.make_task("MujocoReach-v0").unwrapped
    env.reset(seed=0)
    before = env.render_views(("front",), (32, 32))["front"]
    env.close()
    np.testing.assert_array_equal(env.render_views(("front",), (32, 32))["front"], before)
    env.close()


def test_two_environments_render_in_turn_without_mixing():
    tasks = ("MujocoReach-v0", "MujocoPush-v0")
    reach, push = (envs.make_task(task).unwrapped for task in tasks)
    for env in (reach, push):
        env.reset(seed=0)
    alone = [env.render_views(("front",), (32, 32))["front"] for env in (reach, push)]
    for _ in range(2):
        for env, picture in zip((reach, push), alone, strict=True):
            np.testing.assert_array_equal(env.render_views(("front",), (32, 32))["front"], picture)
    reach.close()
    push.close()


@pytest.mark.parametrize("size", [(0, 64), (64, -1), (5000, 64)])
def test_sizes_that_cannot_be_are_refused(size):
    env = envs.make_task("MujocoReach-v0").unwrapped
    env.reset(seed=0)
    with pytest.raises(UserError, match="between 1 and 4096 px"):
        env.render_views(("front",), size)

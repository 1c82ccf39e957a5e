"""Flat observations, actions, labels, and episodes of one length."""

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from tcn_robot.envs.adapters.absorbing import AbsorbingEnd
from tcn_robot.envs.adapters.observations import (
    flat_observation,
    flat_space,
    ordered_parts,
    package_action,
    package_labels,
    resting_action,
    success_of,
)
from tcn_robot.envs.adapters.scripted import random_policy

GOAL = spaces.Dict(
    {
        "desired_goal": spaces.Box(-1, 1, (2,)),
        "zoom": spaces.Box(0, 9, (1,)),
        "achieved_goal": spaces.Box(-2, 2, (2,)),
        "observation": spaces.Box(-3, 3, (1, 2), np.float64),
        "colour": spaces.Discrete(3, start=1),
    }
)


def test_goal_environments_are_laid_out_in_the_documented_order() -> None:
    order = ["observation", "achieved_goal", "desired_goal", "colour", "zoom"]
    assert ordered_parts(GOAL) == order
    flat = flat_observation(
        GOAL,
        {
            "zoom": np.array([8.0]),
            "desired_goal": np.array([0.5, 0.6]),
            "colour": 2,
            "achieved_goal": np.array([0.3, 0.4]),
            "observation": np.array([[0.1, 0.2]]),
        },
    )
    np.testing.assert_allclose(flat, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0, 1, 0, 8], atol=1e-6)
    space = flat_space(GOAL)
    assert flat.dtype == space.dtype == np.float32
    assert space.contains(flat)
    np.testing.assert_array_equal(space.high, [3, 3, 2, 2, 1, 1, 1, 1, 1, 9])


def test_bounds_beyond_float32_are_none() -> None:
    wide = spaces.Box(-np.finfo(np.float64).max, np.finfo(np.float64).max, (1,), np.float64)
    assert not np.isfinite(flat_space(wide).high).any()


@pytest.mark.parametrize(
    "space",
    [
        spaces.Box(-2, 2, (2, 3)),
        spaces.Box(-np.inf, np.inf, (4,)),
        spaces.Box(0, 5, (3,), np.int64),
        spaces.Discrete(4, start=2),
        spaces.MultiDiscrete([2, 5]),
        spaces.MultiBinary(3),
    ],
)
def test_any_action_survives_the_recordings_float32(space: gymnasium.Space) -> None:
    class Env:
        action_space = space

    actions = random_policy(Env(), np.random.default_rng(0))
    for _ in range(50):
        recorded = next(actions)
        assert recorded.dtype == np.float32
        assert recorded.ndim == 1
        assert space.contains(package_action(space, recorded))
    assert space.contains(resting_action(space))


def test_labels_are_what_a_recording_can_hold() -> None:
    info = {
        "distance": np.float32(0.5),
        "count": 3,
        "near": True,
        "name": "left",
        "place": np.array([1.0, 2.0]),
        "nothing": None,
        "infinite": np.inf,
        "picture": np.zeros((4, 4)),
        "nested": {"a": 1},
        "is_success": 1.0,
        "state": 3.0,
    }
    labels = package_labels(info)
    assert set(labels) == {"distance", "count", "near", "name", "place"}
    assert success_of(info) is True
    assert success_of({"success": np.float64(0)}) is False
    assert success_of({}) is None


class Countdown(gymnasium.Env):
    """Ends after three steps with a reward of 5."""

    observation_space = spaces.Box(-9, 9, (1,))
    action_space = spaces.Box(-1, 1, (1,))

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.left = 3
        return np.array([3.0], np.float32), {}

    def step(self, action):
        assert self.left, "stepped after its end"
        self.left -= 1
        over = self.left == 0
        return np.array([self.left], np.float32), 5.0 if over else -1.0, over, False, {"n": over}


def test_an_ended_world_stands_still_and_pays_nothing() -> None:
    env = AbsorbingEnd(Countdown())
    env.reset(seed=0)
    steps = [env.step(np.zeros(1)) for _ in range(6)]
    assert [step[1] for step in steps] == [-1, -1, 5, 0, 0, 0]
    assert not any(step[2] or step[3] for step in steps)
    assert [float(step[0][0]) for step in steps] == [2, 1, 0, 0, 0, 0]
    assert [step[4]["n"] for step in steps] == [False, False, True, True, True, True]
    assert env.ended
    env.reset(seed=0)
    assert not env.ended

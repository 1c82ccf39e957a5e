"""Rewards that remember: their memory is seen, that of an ended episode before the reset."""

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from stable_baselines3 import SAC
from stable_baselines3.common.vec_env import DummyVecEnv

from tcn_robot.errors import UserError
from tcn_robot.rewards import GoalReward, RewardWrapper, VecRewardWrapper
from tests.rewards.test_wrappers import actions_of, factory, make_counting_env

LIMIT = 10


class CountingReward:
    """Remembers how many frames of the episode it has scored, and the brightness of the last."""

    views = ("front",)
    image_size_px = 8
    memory_size = 2

    def reset(self, mask, next_frame=0):
        mask = np.asarray(mask)
        if getattr(self, "counts", np.zeros(0)).shape != mask.shape:
            self.counts, self.bright = np.zeros(mask.shape), np.zeros(mask.shape)
        self.counts[mask], self.bright[mask] = 0, 0

    def step(self, frames):
        self.counts += 1
        self.bright = frames["front"].mean(axis=(1, 2, 3)) / 255
        return self.counts.astype(np.float32)

    def memory(self):
        return np.stack([self.counts / LIMIT, self.bright], axis=1).astype(np.float32)


def memory_at(step):
    return [step / LIMIT, 10 * step / 255 if step else 0]


def test_the_memory_stands_behind_every_observation():
    venv = VecRewardWrapper(DummyVecEnv([factory(3), factory(5)]), CountingReward())
    assert venv.observation_space.shape == (4,)
    np.testing.assert_array_equal(venv.observation_space.low[2:], 0)
    np.testing.assert_array_equal(venv.observation_space.high[2:], 1)
    observations = venv.reset()
    np.testing.assert_array_equal(observations, [[0, 0, 0, 0]] * 2)
    for t in range(12):
        observations, rewards, dones, infos = venv.step(actions_of(venv))
        for env, horizon in enumerate((3, 5)):
            step = t % horizon + 1
            assert rewards[env] == step
            assert dones[env] == (step == horizon)
            last = infos[env]["terminal_observation"] if dones[env] else observations[env]
            # Of the ended episode: how long it was and how it looked, before the reset.
            np.testing.assert_allclose(last, [step, 0, *memory_at(step)], rtol=1e-6)
            if dones[env]:  # and of the new one: nothing yet
                np.testing.assert_array_equal(observations[env], [0, 0, 0, 0])
        assert observations.dtype == np.float32
        assert venv.observation_space.contains(observations[0])


def test_the_replay_buffer_has_the_memory_on_both_sides_of_a_transition():
    venv = VecRewardWrapper(DummyVecEnv([factory(4)]), CountingReward())
    agent = SAC("MlpPolicy", venv, learning_starts=1000, buffer_size=100, seed=0)
    agent.learn(40)
    buffer = agent.replay_buffer
    steps = np.arange(40) % 4
    np.testing.assert_allclose(buffer.observations[:40, 0, 2], steps / LIMIT, rtol=1e-6)
    np.testing.assert_allclose(buffer.next_observations[:40, 0, 2], (steps + 1) / LIMIT, rtol=1e-6)


def test_one_environment_sees_what_many_see():
    single = RewardWrapper(make_counting_env(3), CountingReward())
    venv = VecRewardWrapper(DummyVecEnv([factory(3)]), CountingReward())
    np.testing.assert_array_equal(single.reset()[0], venv.reset()[0])
    for _ in range(2):
        observation, *_ = single.step(np.zeros(1, np.float32))
        np.testing.assert_array_equal(observation, venv.step(actions_of(venv))[0][0])


@pytest.mark.filterwarnings("ignore:.*different from the unwrapped version")
def test_the_checker_finds_nothing():
    check_env(RewardWrapper(make_counting_env(4), CountingReward()), skip_render_check=True)


def test_a_reward_without_memory_leaves_observations_alone(encoder, film):
    reward = GoalReward.fit(encoder, [{"front": film(np.arange(5), size_px=8)}])
    inner = DummyVecEnv([factory(3)])
    venv = VecRewardWrapper(inner, reward)
    assert venv.observation_space is inner.observation_space
    assert venv.reset().shape == (1, 2)
    # One that says "none" is one without.
    silent = CountingReward()
    silent.memory_size = 0
    assert VecRewardWrapper(inner, silent).observation_space is inner.observation_space


def test_observations_that_are_not_flat_are_one_line():
    class Dicts(gymnasium.Env):
        observation_space = gymnasium.spaces.Dict({"a": gymnasium.spaces.Box(0, 1, (2,))})
        action_space = gymnasium.spaces.Box(-1, 1, (1,))

    with pytest.raises(UserError, match="flat observations") as error:
        VecRewardWrapper(DummyVecEnv([Dicts]), CountingReward())
    assert "\n" not in str(error.value)


def test_another_camera_may_stand_in_for_a_view():
    from tcn_robot.rewards import RenderViews

    bare = make_counting_env(5).env
    env = RenderViews(bare, ("front",), 8, {"front": "left"})
    env.reset()
    *_, info = env.step(np.zeros(1, np.float32))
    assert info["views"]["front"].max() == 5  # what the camera "left" shows
    with pytest.raises(UserError, match="did you mean 'left'"):
        RenderViews(bare, ("front",), 8, {"front": "lft"})

"""The wrappers with real environments, DummyVecEnv, SubprocVecEnv and a replay buffer."""

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from stable_baselines3 import SAC
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecMonitor

from tcn_robot.errors import UserError
from tcn_robot.rewards import (
    REWARDS,
    GoalReward,
    MixtureReward,
    RenderViews,
    RewardWrapper,
    ShapingReward,
    TrajectoryReward,
    VecRewardWrapper,
)

VIEWS = ("front", "left")


def make_counting_env(horizon, size_px=8, start=0.0):
    """An environment whose pictures show its step; local, so that it travels to processes."""

    class CountingEnv(gymnasium.Env):
        metadata = {"render_modes": []}  # noqa: RUF012
        view_names = VIEWS
        observation_space = gymnasium.spaces.Box(-1e3, 1e3, (2,), np.float32)
        action_space = gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32)

        def _observation(self):
            return np.array([self.elapsed, self.total], dtype=np.float32)

        def reset(self, *, seed=None, options=None):
            super().reset(seed=seed)
            self.elapsed, self.total = 0, start
            return self._observation(), {}

        def step(self, action):
            self.elapsed += 1
            self.total += float(action[0])
            ended = self.elapsed >= horizon
            return self._observation(), 100.0 + self.elapsed, False, ended, {"step": self.elapsed}

        def render_views(self, views=("front",), size=(8, 8)):
            level = {"front": 10 * self.elapsed, "left": 5 * self.elapsed}
            return {view: np.full((*size, 3), level[view], dtype=np.uint8) for view in views}

    return RenderViews(CountingEnv(), VIEWS, size_px)


def factory(horizon):
    def make():
        return make_counting_env(horizon)

    # Local functions and classes travel by value, so processes need not import the tests.
    return make


@pytest.fixture
def clip(film):
    """Demonstration that shows what the environment's pictures show, 26 frames."""
    levels = np.arange(26)
    return {"front": film(10 * levels, size_px=8), "left": film(5 * levels, size_px=8)}


def expected_goal(reward, step):
    """Score the picture that the environment shows at this step."""
    frames = {
        "front": np.full((1, 8, 8, 3), 10 * step, dtype=np.uint8),
        "left": np.full((1, 8, 8, 3), 5 * step, dtype=np.uint8),
    }
    return reward.score_episode(frames)[0]


@pytest.fixture(params=["one process", pytest.param("processes", marks=pytest.mark.slow)])
def make_venv(request):
    opened = []

    def make(*horizons):
        factories = [factory(horizon) for horizon in horizons]
        if request.param == "one process":
            opened.append(DummyVecEnv(factories))
        else:
            opened.append(SubprocVecEnv(factories, start_method="spawn"))
        return opened[-1]

    yield make
    for venv in opened:
        venv.close()


def actions_of(venv):
    return np.zeros((venv.num_envs, 1), dtype=np.float32)


def test_last_frame_is_scored_before_the_reset(make_venv, encoder, clip):
    """By the time step returns, the VecEnv shows the next episode's first frame."""
    reward = GoalReward.fit(encoder, [clip])
    venv = VecRewardWrapper(make_venv(3, 5), reward)
    venv.reset()
    for t in range(15):
        steps = [t % 3 + 1, t % 5 + 1]
        observations, rewards, dones, infos = venv.step(actions_of(venv))
        assert [info["step"] for info in infos] == steps
        np.testing.assert_array_equal(dones, [steps[0] == 3, steps[1] == 5])
        np.testing.assert_allclose(
            rewards, [expected_goal(reward, step) for step in steps], atol=1e-6
        )
        assert rewards.dtype == np.float32
        np.testing.assert_array_equal(
            observations[:, 0],
            [0 if done else step for done, step in zip(dones, steps, strict=True)],
        )


def test_own_reward_is_kept_and_frames_are_not(make_venv, encoder, clip):
    venv = VecRewardWrapper(make_venv(3, 5), GoalReward.fit(encoder, [clip]))
    venv.reset()
    for t in range(8):
        _, _, _, infos = venv.step(actions_of(venv))
        assert [info["env_reward"] for info in infos] == [101.0 + t % 3, 101.0 + t % 5]
        for info in [*infos, *venv.reset_infos]:
            assert "views" not in info
            assert sum(np.asarray(value).nbytes for value in info.values()) < 200


def test_running_state_begins_anew_only_where_an_episode_ended(make_venv, encoder, clip):
    """Frame by frame against the demonstration: any slip of the clock costs reward."""
    reward = TrajectoryReward.fit(encoder, [clip], alignment="frame")
    venv = VecRewardWrapper(make_venv(3, 5), reward)
    best = -0.5 * np.sqrt(1e-3)
    venv.reset()
    for _ in range(15):
        _, rewards, _, _ = venv.step(actions_of(venv))
        np.testing.assert_allclose(rewards, best, atol=1e-5)
    venv.reset()
    _, rewards, _, _ = venv.step(actions_of(venv))
    np.testing.assert_allclose(rewards, best, atol=1e-5)


def test_one_forward_pass_for_all(make_venv, encoder, clip):
    venv = VecRewardWrapper(make_venv(3, 5), GoalReward.fit(encoder, [clip]))
    venv.reset()
    before = encoder.calls
    for _ in range(6):
        venv.step(actions_of(venv))
    assert encoder.calls == before + 6


def test_many_equal_one_by_one(encoder, clip):
    for kind in (GoalReward, TrajectoryReward):
        venv = VecRewardWrapper(DummyVecEnv([factory(4), factory(4)]), kind.fit(encoder, [clip]))
        single = RewardWrapper(make_counting_env(4), kind.fit(encoder, [clip]))
        venv.reset()
        single.reset()
        for _ in range(9):
            _, rewards, _, infos = venv.step(actions_of(venv))
            _, reward, _, ended, info = single.step(np.zeros(1, dtype=np.float32))
            np.testing.assert_allclose(rewards, reward, atol=1e-6)
            assert info["env_reward"] == infos[0]["env_reward"]
            assert "views" not in info
            if ended:
                _, info = single.reset()
                assert "views" not in info


def test_replay_buffer_gets_every_transition_with_its_own_reward(encoder, clip):
    """XIRL's buffer loses one transition in 65 and never flushes the last ones."""
    reward = GoalReward.fit(encoder, [clip])
    venv = VecRewardWrapper(DummyVecEnv([factory(7), factory(5)]), reward)
    agent = SAC("MlpPolicy", venv, learning_starts=10_000, buffer_size=1_000, seed=0)
    agent.learn(200)
    buffer = agent.replay_buffer
    assert buffer.size() == 100
    after = buffer.next_observations[:100, :, 0]
    for env, horizon in enumerate((7, 5)):
        np.testing.assert_array_equal(after[:, env], np.arange(100) % horizon + 1)
        expected = [expected_goal(reward, step) for step in after[:, env]]
        np.testing.assert_allclose(buffer.rewards[:100, env], expected, atol=1e-6)


@pytest.mark.filterwarnings("ignore:The environment is already wrapped")
def test_monitors_inside_and_outside(encoder, clip):
    reward = GoalReward.fit(encoder, [clip])
    inside = DummyVecEnv([lambda: Monitor(make_counting_env(3))])
    venv = VecMonitor(VecRewardWrapper(inside, reward))
    venv.reset()
    for _ in range(3):
        _, _, _, infos = venv.step(actions_of(venv))
    learned = sum(expected_goal(reward, step) for step in (1, 2, 3))
    assert infos[0]["episode"]["r"] == pytest.approx(learned, abs=1e-5)
    assert infos[0]["env_reward"] == 103.0


@pytest.mark.filterwarnings("ignore:.*different from the unwrapped version")
def test_reward_wrapper_passes_the_environment_checker(encoder, clip):
    env = RewardWrapper(make_counting_env(4), TrajectoryReward.fit(encoder, [clip]))
    check_env(env, skip_render_check=True)


@pytest.mark.filterwarnings("ignore:.*different from the unwrapped version")
def test_reward_wrapper_on_a_task_with_real_pictures(encoder):
    import tcn_robot.envs

    task = tcn_robot.envs.make_task("MujocoReach-v0", horizon=4)
    task.reset(seed=0)
    demo = {
        view: np.stack([task.unwrapped.render_views((view,), (8, 8))[view]] * 3)
        for view in ("front", "top")
    }
    env = RewardWrapper(task, TrajectoryReward.fit(encoder, [demo], alignment="frame"))
    check_env(env, skip_render_check=True)
    env.reset(seed=0)
    rewards = []
    ended = False
    while not ended:
        _, reward, terminated, ended, info = env.step(np.ones(3, dtype=np.float32))
        rewards.append(reward)
        assert not terminated
        assert info["env_reward"] == info["reward_sparse"]
        assert "views" not in info
    assert len(rewards) == 4
    assert rewards[-1] < rewards[0] < 0
    env.close()


def episode_of(steps):
    """The film of an episode of the counting environment, its first frame included."""
    levels = np.arange(steps + 1)[:, None, None, None] * np.ones((1, 8, 8, 3))
    return {"front": (10 * levels).astype(np.uint8), "left": (5 * levels).astype(np.uint8)}


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("trajectory", {"alignment": "coverage"}),
        ("trajectory", {"alignment": "transport"}),
        ("progress", {"monotone": True}),
    ],
    ids=lambda one: "-".join(map(str, one.values())) if isinstance(one, dict) else one,
)
def test_rewards_are_those_of_the_whole_film_but_the_first(make_venv, encoder, clip, name, options):
    reward = REWARDS[name].fit(encoder, [clip], **options)
    venv = VecRewardWrapper(make_venv(3, 5), reward)
    venv.reset()
    found = np.array([venv.step(actions_of(venv))[1] for _ in range(15)])
    for env, horizon in enumerate((3, 5)):
        expected = np.tile(reward.score_episode(episode_of(horizon))[1:], 15 // horizon)
        np.testing.assert_allclose(found[:, env], expected, atol=1e-6)


def test_shaping_sees_the_potential_of_resets_and_adds_the_own_reward(make_venv, encoder, clip):
    reward = ShapingReward.fit(encoder, [clip], potential="goal", discount=0.9, sparse_weight=0.5)
    potentials = GoalReward.fit(encoder, [clip]).score_episode(episode_of(5)).astype(float)
    venv = VecRewardWrapper(make_venv(3, 5), reward)
    venv.reset()
    for t in range(15):
        _, rewards, _, infos = venv.step(actions_of(venv))
        for env, horizon in enumerate((3, 5)):
            step = t % horizon + 1
            own = 0.5 * infos[env]["env_reward"]
            expected = 0.9 * potentials[step] - potentials[step - 1] + own
            assert rewards[env] == pytest.approx(expected, abs=1e-5)


def test_mixture_adds_the_own_reward_here_and_there(encoder, clip):
    options = {"learned": "goal", "learned_weight": 2.0, "sparse_weight": 0.1}
    reward = MixtureReward.fit(encoder, [clip], **options)
    goal = GoalReward.fit(encoder, [clip])
    venv = VecRewardWrapper(DummyVecEnv([factory(4)]), reward)
    single = RewardWrapper(make_counting_env(4), MixtureReward.fit(encoder, [clip], **options))
    venv.reset()
    single.reset()
    for step in (1, 2, 3):
        expected = 2.0 * expected_goal(goal, step) + 0.1 * (100.0 + step)
        _, rewards, _, _ = venv.step(actions_of(venv))
        assert rewards.dtype == np.float32
        assert rewards[0] == pytest.approx(expected, abs=1e-4)
        assert single.step(np.zeros(1, dtype=np.float32))[1] == pytest.approx(expected, abs=1e-4)


def test_scores_of_whole_episodes_come_with_their_last_step(make_venv, encoder, clip):
    reward = TrajectoryReward.fit(encoder, [clip], alignment="transport", scored="end")
    venv = VecRewardWrapper(make_venv(3, 5), reward)
    single = RewardWrapper(make_counting_env(3), reward_at_the_end(encoder, clip))
    venv.reset()
    single.reset()
    for _ in range(10):
        _, rewards, dones, infos = venv.step(actions_of(venv))
        np.testing.assert_array_equal(rewards, 0.0)
        for env, horizon in enumerate((3, 5)):
            assert ("episode_scores" in infos[env]) == dones[env]
            if dones[env]:
                expected = reward.score_episode(episode_of(horizon))[1:]
                np.testing.assert_allclose(infos[env]["episode_scores"], expected, atol=1e-6)
    for _ in range(3):
        info = single.step(np.zeros(1, dtype=np.float32))[4]
    np.testing.assert_allclose(
        info["episode_scores"], reward.score_episode(episode_of(3))[1:], atol=1e-6
    )


def reward_at_the_end(encoder, clip):
    return TrajectoryReward.fit(encoder, [clip], alignment="transport", scored="end")


class Bare:
    """A plug-in with the methods of the protocol and none of the optional ones."""

    views, image_size_px = VIEWS, 8

    def __init__(self):
        self.resets = []

    def reset(self, mask, next_frame=0):
        self.resets.append((mask.tolist(), next_frame))

    def step(self, frames):
        return np.zeros(len(frames["front"]), dtype=np.float32)


def test_a_plug_in_without_beginnings_is_told_which_frame_comes_first(encoder):
    reward = Bare()
    venv = VecRewardWrapper(DummyVecEnv([factory(2), factory(3)]), reward)
    venv.reset()
    for _ in range(2):
        venv.step(actions_of(venv))
    assert reward.resets == [([True, True], 1), ([True, False], 1)]


def test_render_views_copies_and_keeps_the_info(encoder):
    env = make_counting_env(3)
    _, info = env.reset()
    first = info["views"]["front"].copy()
    _, _, _, _, later = env.step(np.zeros(1, dtype=np.float32))
    np.testing.assert_array_equal(info["views"]["front"], first)
    assert later["step"] == 1
    assert later["views"]["left"].shape == (8, 8, 3)


def test_what_cannot_be_scored_says_so(encoder, clip):
    reward = GoalReward.fit(encoder, [clip])
    bare = make_counting_env(3).env
    with pytest.raises(UserError, match="did you mean 'front'"):
        RenderViews(bare, ("fron",), 8)
    with pytest.raises(UserError, match="0 views"):
        RenderViews(bare, (), 8)
    with pytest.raises(UserError, match="0 px"):
        RenderViews(bare, VIEWS, 0)
    with pytest.raises(UserError, match="no render_views"):
        RenderViews(gymnasium.make("CartPole-v1"), VIEWS, 8)
    venv = VecRewardWrapper(DummyVecEnv([lambda: bare]), reward)
    with pytest.raises(UserError, match="RenderViews"):
        venv.reset()
    # A single environment is rendered without being asked.
    assert RewardWrapper(bare, reward).get_wrapper_attr("size_px") == 8

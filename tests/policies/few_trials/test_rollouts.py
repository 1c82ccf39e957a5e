"""Rollouts of a stage against a loop by hand, with the task's own and with learned rewards."""

import gymnasium
import numpy as np
import pytest

import tcn_robot.envs
from tcn_robot.errors import UserError
from tcn_robot.models import ConvolutionalConfig, ConvolutionalEncoder, seeded_generator
from tcn_robot.policies.few_trials.config import FewTrialsConfig
from tcn_robot.policies.few_trials.rollouts import Stage, actions_in_range, check_task
from tcn_robot.rewards import GoalReward, TrajectoryReward
from tests.policies.point_task import HORIZON, PointReach


@pytest.fixture
def actions():
    return np.random.default_rng(0).uniform(-1, 1, (3, HORIZON, 2))


def by_hand(actions, seed, view=None):
    """Play one rollout step by step: rewards, success, film with the start."""
    env = PointReach()
    env.reset(seed=seed)
    rewards, success, film = [], [], []
    if view:
        film.append(env.render_views((view,), (16, 16))[view])
    for action in actions:
        _, reward, _, _, info = env.step(action.astype(np.float32))
        rewards.append(reward)
        success.append(info["success"])
        if view:
            film.append(env.render_views((view,), (16, 16))[view])
    return np.array(rewards), np.array(success), np.array(film)


def test_the_tasks_own_reward_from_one_start(actions):
    found = Stage(PointReach(), 5, "dense").play(actions)
    assert found.rewards.shape == found.success.shape == (3, HORIZON)
    for index in range(3):
        rewards, success, _ = by_hand(actions[index], 5)
        np.testing.assert_array_equal(found.rewards[index], rewards)
        np.testing.assert_array_equal(found.success[index], success)
        assert found.dense[index] == pytest.approx(rewards.sum())


def test_a_learned_reward_scores_the_film_that_an_action_led_to(actions):
    config = ConvolutionalConfig(
        image_size_px=16, dimension=4, channels=(4, 4), strides=(2, 1), hidden=8
    )
    encoder = ConvolutionalEncoder(config, seeded_generator(0))
    demo = {"top": by_hand(actions[2], 9, "top")[2]}
    reward = TrajectoryReward.fit(encoder, [demo])
    env = PointReach()
    found = Stage(env, 5, reward).play(actions[:2])
    for index in range(2):
        film = by_hand(actions[index], 5, "top")[2]
        expected = reward.score_episode({"top": film})[1:]
        np.testing.assert_array_equal(found.rewards[index], expected.astype(np.float64))


@pytest.mark.parametrize(("every", "filmed"), [(3, [3, 6, 9, 12, 15, 16]), (40, [16])])
def test_a_score_counts_for_the_steps_since_the_frame_before(actions, every, filmed):
    config = ConvolutionalConfig(
        image_size_px=16, dimension=4, channels=(4, 4), strides=(2, 1), hidden=8
    )
    encoder = ConvolutionalEncoder(config, seeded_generator(0))
    reward = GoalReward.fit(encoder, [{"top": by_hand(actions[2], 9, "top")[2]}])
    film = by_hand(actions[0], 5, "top")[2]
    env = PointReach()
    found = Stage(env, 5, reward, every).play(actions[:1]).rewards[0]
    assert env.frames_rendered == len(filmed) + 1
    scores = reward.score_episode({"top": film})
    for step in range(HORIZON):
        next_filmed = min(index for index in filmed if index > step)
        assert found[step] == pytest.approx(scores[next_filmed], rel=1e-5)


def test_nothing_is_rendered_where_nothing_is_scored(actions):
    env = PointReach()
    found = Stage(env, 5, "dense").play(actions, score=False)
    assert env.frames_rendered == 0
    np.testing.assert_array_equal(found.rewards, 0.0)
    np.testing.assert_array_equal(found.success[0], by_hand(actions[0], 5)[1])


class EndsEarly(PointReach):
    """Terminates after three steps."""

    def step(self, action):
        observation, reward, _, truncated, info = super().step(action)
        return observation, reward, self.steps_taken == 3, truncated, info


def test_what_comes_after_an_early_end_earns_nothing(actions):
    found = Stage(EndsEarly(), 5, "dense").play(actions)
    assert (found.rewards[:, :3] != 0).all()
    np.testing.assert_array_equal(found.rewards[:, 3:], 0.0)
    np.testing.assert_array_equal(found.success[:, 3:], found.success[:, 2:3].repeat(13, axis=1))


def test_a_simulated_task_repeats_a_rollout_bit_for_bit():
    env = tcn_robot.envs.make_task("MujocoReach-v0", horizon=12)
    other = tcn_robot.envs.make_task("MujocoReach-v0", horizon=12)
    actions = np.random.default_rng(1).uniform(-1, 1, (2, 12, 3))
    first = Stage(env, 3, "dense").play(actions[[0, 1, 0]])
    again = Stage(other, 3, "dense").play(actions)
    np.testing.assert_array_equal(first.rewards[:2], again.rewards)
    np.testing.assert_array_equal(first.rewards[0], first.rewards[2])
    env.close()
    other.close()


def test_actions_are_shares_of_the_range():
    space = gymnasium.spaces.Box(
        np.array([0.0, -2.0], np.float32), np.array([1.0, 4.0], np.float32)
    )
    found = actions_in_range(np.array([[-1.0, -1.0], [1.0, 1.0], [0.0, 0.0]]), space)
    np.testing.assert_array_equal(found, np.array([[0, -2], [1, 4], [0.5, 1]], np.float32))


class Blind(gymnasium.Env):
    """A task of fixed length without a camera, which never says that it is done."""

    horizon = 5
    reports_success = False
    action_space = gymnasium.spaces.Box(-1.0, 1.0, (2,), np.float32)
    observation_space = gymnasium.spaces.Box(-1.0, 1.0, (2,), np.float32)


def test_tasks_that_cannot_be_searched_in_are_refused():
    check_task(Blind(), "dense")
    with pytest.raises(UserError, match="Blind has no camera"):
        check_task(Blind(), "progress", filmed=True)
    with pytest.raises(UserError, match="never reports success"):
        check_task(Blind(), "sparse")
    endless = Blind()
    endless.action_space = gymnasium.spaces.Box(-np.inf, np.inf, (2,), np.float32)
    with pytest.raises(UserError, match="actions of finite range"):
        check_task(endless, "dense")
    timeless = Blind()
    timeless.horizon = None
    with pytest.raises(UserError, match="does not say how long"):
        check_task(timeless, "dense")


def test_frames_left_out_are_for_rewards_that_see_frames():
    FewTrialsConfig("MujocoReach-v0", "dense").refuse_ignored()
    learned = {"encoder": "run", "demos": "films"}
    FewTrialsConfig("MujocoReach-v0", "goal", film_every=2, **learned).refuse_ignored()
    with pytest.raises(UserError, match=r"--film-every is for learned .*'dense'; leave it"):
        FewTrialsConfig("MujocoReach-v0", "dense", film_every=2).refuse_ignored()

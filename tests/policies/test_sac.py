"""The learner: updates per transition, time limits, losses."""

import gymnasium
import numpy as np
import pytest
from stable_baselines3.common.vec_env import DummyVecEnv

from tcn_robot.policies.sac import last_losses, make_sac
from tests.policies.point_task import PointReach

OPTIONS = {"learning_rate": 1e-3, "batch_size": 32, "seed": 3}


def point_envs(count=2):
    return DummyVecEnv([PointReach] * count)


def small_sac(envs):
    return make_sac(
        envs,
        hidden_units=(24, 24),
        discount=0.95,
        learning_starts_steps=64,
        buffer_transitions=1000,
        **OPTIONS,
    )


@pytest.mark.parametrize("count", [1, 2, 4])
def test_one_update_per_transition_for_any_number_of_envs(count):
    learner = small_sac(point_envs(count))
    learner.learn(64 + 40)
    assert learner._n_updates == 40


def test_a_time_limit_is_no_end():
    """At the horizon the value of the next state still counts: no transition is marked as done."""
    learner = small_sac(point_envs())
    learner.learn(64)
    buffer = learner.replay_buffer
    assert buffer.dones[: buffer.pos].sum() == 4
    batch = buffer.sample(500)
    assert batch.dones.sum() == 0
    # The stored next state is the terminal one, not the first of the next episode.
    ends = np.argwhere(buffer.dones[: buffer.pos] > 0)
    for row, env in ends:
        moved = np.abs(buffer.next_observations[row, env] - buffer.observations[row, env])
        assert moved[:2].max() <= 0.2 + 1e-6
        assert (moved[2:] == 0).all()


def test_losses_are_known_after_the_first_update():
    learner = small_sac(point_envs())
    learner.learn(60)
    assert last_losses(learner) == {}
    learner.learn(70)
    losses = last_losses(learner)
    assert set(losses) == {"critic_loss", "actor_loss", "temperature"}
    assert np.isfinite(list(losses.values())).all()


def test_the_test_task_obeys_gymnasium():
    from gymnasium.utils.env_checker import check_env

    check_env(gymnasium.make("tests.policies.point_task:PointReach-v0").unwrapped)

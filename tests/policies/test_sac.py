"""The lean update against Stable-Baselines3's own."""

import gymnasium
import numpy as np
import pytest
import torch
from stable_baselines3 import SAC
from stable_baselines3.common.vec_env import DummyVecEnv

from tcn_robot.policies.sac import make_sac, sample_actions
from tests.policies.point_task import PointReach

OPTIONS = {"learning_rate": 1e-3, "batch_size": 32, "seed": 3}


def point_envs(count=2):
    return DummyVecEnv([PointReach] * count)


def original_sac(envs):
    return SAC(
        "MlpPolicy",
        envs,
        gamma=0.95,
        gradient_steps=-1,
        learning_starts=64,
        buffer_size=1000,
        policy_kwargs={"net_arch": [24, 24]},
        device="cpu",
        **OPTIONS,
    )


def lean_sac(envs):
    return make_sac(
        envs,
        hidden_units=(24, 24),
        discount=0.95,
        learning_starts_steps=64,
        buffer_transitions=1000,
        **OPTIONS,
    )


def learn_then_update(learner, updates):
    learner.learn(64)
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002  Stable-Baselines3 samples with it
    learner.train(updates, 32)
    return learner


def test_updates_equal_those_of_stable_baselines3():
    ours = learn_then_update(lean_sac(point_envs()), 20)
    theirs = learn_then_update(original_sac(point_envs()), 20)
    for name, tensor in theirs.policy.state_dict().items():
        torch.testing.assert_close(ours.policy.state_dict()[name], tensor, atol=2e-5, rtol=1e-4)
    torch.testing.assert_close(ours.log_ent_coef, theirs.log_ent_coef, atol=1e-6, rtol=1e-5)
    assert ours._n_updates == theirs._n_updates == 20


def test_sampled_actions_and_log_probabilities_equal_those_of_stable_baselines3():
    learner = lean_sac(point_envs())
    observations = torch.randn(50, 4)
    torch.manual_seed(1)
    expected_actions, expected_log = learner.actor.action_log_prob(observations)
    torch.manual_seed(1)
    actions, log_probabilities = sample_actions(learner.actor, observations)
    torch.testing.assert_close(actions, expected_actions)
    torch.testing.assert_close(log_probabilities[:, 0], expected_log, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_one_update_per_transition_for_any_number_of_envs(count):
    learner = lean_sac(point_envs(count))
    learner.learn(64 + 40)
    assert learner._n_updates == 40


def test_a_time_limit_is_no_end():
    """At the horizon the value of the next state still counts: no transition is marked as done."""
    learner = lean_sac(point_envs())
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


def test_critics_get_no_gradient_from_the_actor():
    learner = lean_sac(point_envs())
    learner.learn(66)
    assert all(parameter.requires_grad for parameter in learner.critic.parameters())


def test_a_fixed_temperature_is_kept():
    learner = lean_sac(point_envs())
    learner.ent_coef_optimizer = None
    learner.log_ent_coef = None
    learner.ent_coef_tensor = torch.tensor(0.3)
    learner.learn(70)
    assert learner.losses["temperature"] == pytest.approx(0.3)


def test_the_test_task_obeys_gymnasium():
    from gymnasium.utils.env_checker import check_env

    check_env(gymnasium.make("tests.policies.point_task:PointReach-v0").unwrapped)

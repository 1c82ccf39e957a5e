"""The algorithms: options, updates per transition, rollouts, time limits, losses."""

import warnings

import gymnasium
import numpy as np
import pytest
import torch

from tcn_robot.errors import UserError
from tcn_robot.policies.algorithms import ALGORITHMS, make_algorithm
from tcn_robot.policies.algorithms.interface import last_losses
from tcn_robot.policies.algorithms.table import further_options
from tests.policies.learners import (
    OFF_POLICY,
    advance,
    point_envs,
    small_algorithm,
    small_learner,
)
from tests.policies.point_task import HORIZON


@pytest.mark.parametrize("name", OFF_POLICY)
@pytest.mark.parametrize("count", [1, 4])
def test_one_update_per_transition_for_any_number_of_envs(name, count):
    algorithm, learner = small_learner(name, count)
    advance(algorithm, learner, 64 + 40)
    assert learner._n_updates == 40


def test_a_time_limit_is_no_end():
    """At the horizon the value of the next state still counts: no transition is marked as done."""
    learner = advance(*small_learner(), 64)
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


@pytest.mark.parametrize("name", ALGORITHMS)
def test_losses_are_known_after_the_first_update(name):
    algorithm, learner = small_learner(name)
    assert last_losses(algorithm, learner) == {}
    advance(algorithm, learner, 96)
    losses = last_losses(algorithm, learner)
    assert set(losses) == set(algorithm.losses)
    assert np.isfinite(list(losses.values())).all()


def test_rollouts_are_whole_episodes_as_equal_as_can_be():
    algorithm = make_algorithm("ppo", {}, {"rollout_steps": 100})
    assert list(algorithm.rollouts(320, round_steps=32)) == [128, 96, 96]
    assert list(algorithm.rollouts(32, round_steps=32)) == [32]
    # Episodes longer than a rollout should be: one round each.
    assert list(algorithm.rollouts(800, round_steps=400)) == [400, 400]


def test_a_rollout_begins_and_ends_with_an_episode_and_no_batch_is_a_remainder():
    algorithm, learner = small_learner("ppo", rollout_steps=96)
    sizes = []
    original = learner.rollout_buffer.get

    def watched(batch_size):
        starts = learner.rollout_buffer.episode_starts  # (steps, envs), or flat after a pass
        assert len(starts.reshape(-1)) == 96
        for batch in original(batch_size):
            sizes.append(len(batch.actions))
            yield batch

    learner.rollout_buffer.get = watched
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        advance(algorithm, learner, 192)
    # Two rollouts of 96, two epochs each, batches of 32.
    assert sizes == [32] * 12
    assert learner.num_timesteps == 192
    assert learner.rollout_buffer.n_envs == 2
    assert (learner._last_episode_starts == 1).all()
    flags = learner.rollout_buffer.episode_starts.reshape(-1)
    assert flags.sum() == 96 / HORIZON


def test_each_algorithm_has_its_own_defaults_and_further_options():
    for name, kind in ALGORITHMS.items():
        assert make_algorithm(name, {}, {}) == kind()
        assert make_algorithm(name, {"discount": 0.9}, {}).discount == 0.9
        further = further_options(kind())
        assert make_algorithm(name, {}, further) == kind()
        assert "discount" not in further
    assert further_options(ALGORITHMS["sac"]()) == {"target_rate": 0.005}


BAD_OPTIONS = [
    ("sacc", {}, {}, "did you mean 'sac'"),
    ("ppo", {"learning_starts_steps": 10}, {}, "ppo has no learning_starts_steps"),
    ("sac", {}, {"quantiles": 5}, "not an option of sac (it is for tqc)"),
    ("tqc", {}, {"quantile": 5}, "did you mean 'quantiles'"),
    ("tqc", {}, {"quantiles": "many"}, "quantiles expects int, found 'many'"),
    ("tqc", {}, {"dropped_quantiles": 25}, "must be below quantiles (25), found 25"),
    ("td3", {}, {"learning_rate": 1e-3}, "it is an option of its own"),
    ("td3", {}, {"target_noise": -1.0}, "target_noise must be at least 0"),
    ("td3", {}, {"policy_delay_updates": 0}, "policy_delay_updates must be above 0"),
    ("sac", {}, {"target_rate": 2.0}, "target_rate must be above 0 and at most 1"),
    ("crossq", {}, {"critic_hidden_units": []}, "critic_hidden_units must be 1 or more"),
    ("ppo", {}, {"clip_range": 0.0}, "clip_range must be above 0"),
    ("ppo", {"batch_size": 1}, {}, "batch_size must be at least 2"),
    ("crossq", {"batch_size": 1}, {}, "batch_size must be at least 2"),
    ("ppo", {"hidden_units": ["a"]}, {}, "hidden_units expects"),
    ("sac", {"discount": 1.0}, {}, "discount must lie between 0 and 1"),
    ("sac", {"learning_rate": float("nan")}, {}, "learning_rate must be above 0"),
]


@pytest.mark.parametrize(("name", "shared", "further", "message"), BAD_OPTIONS)
def test_bad_options_are_one_line(name, shared, further, message):
    with pytest.raises(UserError) as error:
        make_algorithm(name, shared, further)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_budgets_in_which_nothing_can_be_learnt_are_refused():
    for name in OFF_POLICY:
        algorithm = small_algorithm(name)
        algorithm.check_budget(65, HORIZON, 2)
        with pytest.raises(UserError, match="64 steps end before the first update"):
            algorithm.check_budget(64, HORIZON, 2)
    with pytest.raises(UserError, match="found 1 times 1"):
        small_algorithm("ppo").check_budget(1000, 1, 1)
    small_algorithm("ppo").check_budget(1000, 2, 1)


def test_options_reach_the_learner():
    _, tqc = small_learner("tqc", critics=3, quantiles=7, dropped_quantiles=1)
    observations, actions = torch.zeros(5, 4), torch.zeros(5, 2)
    assert tqc.critic(observations, actions).shape == (5, 3, 7)
    assert tqc.top_quantiles_to_drop_per_net == 1
    _, td3 = small_learner("td3", exploration_noise=0.3, policy_delay_updates=4, target_rate=0.5)
    assert (td3.policy_delay, td3.tau) == (4, 0.5)
    assert (td3.action_noise._sigma == 0.3).all()
    _, crossq = small_learner("crossq", critic_hidden_units=(12,), batch_norm_momentum=0.2)
    assert crossq.critic.qf0[1].out_features == 12
    assert crossq.actor.latent_pi[0].momentum == 0.2
    assert not hasattr(crossq.policy, "critic_target")
    _, ppo = small_learner("ppo", start_log_std=-1.0, entropy_weight=0.01)
    assert (ppo.policy.log_std == -1).all()
    assert ppo.ent_coef == 0.01


def test_the_test_task_obeys_gymnasium():
    from gymnasium.utils.env_checker import check_env

    check_env(gymnasium.make("tests.policies.point_task:PointReach-v0").unwrapped)


def test_a_fresh_learner_has_the_seed_of_its_own():
    first, again, other = (
        ALGORITHMS["sac"]().make(point_envs(), seed=seed, transitions=100).actor.mu.weight
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)

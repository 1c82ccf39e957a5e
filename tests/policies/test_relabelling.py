"""Relabelling keeps every transition: any batch, any number of envs, wrapped rings, open ends."""

import gymnasium
import numpy as np
import pytest
import torch
from stable_baselines3.common.buffers import ReplayBuffer

from tcn_robot.errors import UserError
from tcn_robot.policies import learner as learning
from tcn_robot.policies.environments import make_training_env
from tcn_robot.policies.learner import SeedJob, train_seed
from tcn_robot.policies.policy import load_policy
from tcn_robot.policies.relabelling import (
    EndScoredBuffer,
    relabel_buffer,
    rows_of_episodes,
    settle_cut_episodes,
)
from tcn_robot.policies.seeing import Filming, Seeing
from tcn_robot.rewards import GoalReward, TrajectoryReward
from tcn_robot.workflows import imitate
from tests.policies.point_task import GOAL_TASK, HORIZON
from tests.policies.test_learned_reward import BlueCentre, film_of_expert
from tests.workflows.point_demos import record_demos
from tests.workflows.test_imitate import TINY
from tests.workflows.test_learned_reward import save_encoder

ACTIONS = gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32)
PICTURES = gymnasium.spaces.Box(0, 255, (4, 4, 3), np.uint8)
NUMBERS = gymnasium.spaces.Box(-np.inf, np.inf, (2,), np.float32)


class MeanColour:
    image_size_px = 4
    dimension = 3

    def embed(self, frames):
        return (frames.astype(np.float64).mean(axis=(1, 2)) / 255.0).astype(np.float32)


def picture(env, step):
    """A frame that tells environment and step."""
    return np.full((4, 4, 3), (10 * env, step % 256, step // 2 % 256), np.uint8)


def filled(kind, space, num_rows, num_envs, steps, lengths, seen, **info):
    """A buffer after `steps` steps; env e has episodes of `lengths[e]`, whose end is a reset.

    Returns it with {(env, step): row} of what it still holds.
    """
    buffer = kind(num_rows * num_envs, space, ACTIONS, "cpu", n_envs=num_envs)
    for step in range(steps):
        done = np.array([(step + 1) % lengths[env] == 0 for env in range(num_envs)])
        now = np.stack([seen(env, step) for env in range(num_envs)])
        later = np.stack([seen(env, step + 1) for env in range(num_envs)])
        infos = [
            {"episode_scores": scores_of(env, step, lengths[env])} if done[env] and info else {}
            for env in range(num_envs)
        ]
        buffer.add(now, later, np.zeros((num_envs, 1)), np.zeros(num_envs), done, infos)
    held = range(max(steps - num_rows, 0), steps)
    return buffer, {(env, step): step % num_rows for env in range(num_envs) for step in held}


def scores_of(env, last, length):
    """The scores of an episode that ends at a step: each names its step."""
    return np.arange(last - length + 1, last + 1, dtype=np.float32) + 1000 * env


END = {"alignment": "transport", "scored": "end"}
CASES = [  # rows, steps, lengths of the episodes of each environment
    (200, 65, (65,)),
    (200, 130, (10,)),
    (200, 64, (7, 65, 64)),
    (64, 65, (5,)),
    (50, 117, (9, 11, 200)),
    (7, 100, (7, 3)),
    (7, 7, (7, 3)),
    (1, 5, (2,)),
]


@pytest.mark.parametrize(("rows", "steps", "lengths"), CASES)
def test_every_transition_gets_its_own_reward(rows, steps, lengths):
    goal = picture(3, 250)[None].repeat(3, axis=0)
    reward = GoalReward.fit(MeanColour(), [{"front": np.concatenate([picture(0, 0)[None], goal])}])
    buffer, held = filled(ReplayBuffer, PICTURES, rows, len(lengths), steps, lengths, picture)

    def score(episode):
        film = np.concatenate([episode.observations[:1], episode.next_observations])
        return reward.score_episode({"front": film})[1:]

    assert relabel_buffer(buffer, score) == len(held) == buffer.size() * len(lengths)
    for (env, step), row in held.items():  # one at a time, as XIRL's paper has it
        expected = reward.score_episode({"front": picture(env, step + 1)[None]})[0]
        assert buffer.rewards[row, env] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("rows", "steps", "lengths"), CASES)
def test_episodes_are_whole_in_order_and_told_apart(rows, steps, lengths):
    def numbers(env, step):
        return np.array([env, step], np.float32)

    buffer, held = filled(ReplayBuffer, NUMBERS, rows, len(lengths), steps, lengths, numbers)
    found = []

    def score(episode):
        at = episode.observations[:, 1]
        assert (episode.observations[:, 0] == episode.env).all()
        assert (np.diff(at) == 1).all()
        assert len(set(at // lengths[episode.env])) == 1
        assert episode.is_finished == ((at[-1] + 1) % lengths[episode.env] == 0)
        begins = at[0] % lengths[episode.env] == 0
        assert begins or episode.lacks_beginning
        found.extend((episode.env, int(step)) for step in at)
        return at

    relabel_buffer(buffer, score)
    assert sorted(found) == sorted(held)


def test_ends_without_done_are_told_and_bad_scores_change_nothing():
    buffer, _ = filled(ReplayBuffer, NUMBERS, 10, 1, 6, (100,), lambda e, s: np.zeros(2))
    ends = np.zeros((10, 1), bool)
    ends[1] = True
    lengths = []

    def score(episode):
        lengths.append(len(episode.rows))
        return np.ones(len(episode.rows))

    assert relabel_buffer(buffer, score, ends) == 6
    assert lengths == [2, 4]
    for wrong in (np.zeros(5), np.full(6, np.nan)):
        with pytest.raises(ValueError, match="6 finite"):
            relabel_buffer(buffer, lambda _, wrong=wrong: wrong)
    assert (buffer.rewards[:6] == 1).all()


def test_an_empty_buffer_has_no_episode():
    assert list(rows_of_episodes(np.zeros((4, 2), bool), 0, False)) == []


@pytest.mark.parametrize(("rows", "steps", "lengths"), CASES)
def test_scores_of_whole_episodes_are_written_and_only_those_are_drawn(rows, steps, lengths):
    def numbers(env, step):
        return np.array([env, step], np.float32)

    count = len(lengths)
    buffer, held = filled(EndScoredBuffer, NUMBERS, rows, count, steps, lengths, numbers, ends=True)
    settled = {(env, step) for env, step in held if step < steps // lengths[env] * lengths[env]}
    for env, step in settled:
        assert buffer.rewards[held[env, step], env] == step + 1000 * env
    np.random.seed(0)  # noqa: NPY002  what the buffer draws from
    if settled:
        drawn = buffer.sample(60 * len(settled))
        pairs = [tuple(map(int, pair)) for pair in drawn.observations.numpy()]
        assert set(pairs) == settled
        expected = [step + 1000 * env for env, step in pairs]
        np.testing.assert_array_equal(drawn.rewards.numpy()[:, 0], expected)
        assert max(pairs.count(pair) for pair in settled) < 120  # 60 each
    else:
        with pytest.raises(UserError, match="--learning-starts"):
            buffer.sample(4)
    # What is broken off is scored too: then all are drawn.
    begun = [steps // length * length for length in lengths]
    settle_cut_episodes(
        buffer, lambda env: np.arange(begun[env], steps, dtype=np.float32) + 1000 * env
    )
    assert (buffer.waiting == 0).all()
    for (env, step), row in held.items():
        assert buffer.rewards[row, env] == step + 1000 * env


def test_another_number_of_scores_is_refused():
    buffer, _ = filled(EndScoredBuffer, NUMBERS, 10, 1, 3, (100,), lambda e, s: np.zeros(2))
    with pytest.raises(ValueError, match="3 finite"):
        buffer.settle(0, np.zeros(2))


@pytest.fixture(scope="module")
def at_the_end():
    demos = [film_of_expert(seed) for seed in range(4)]
    return TrajectoryReward.fit(
        BlueCentre(), demos[:3], calibration=demos[3:], iterations=10, **END
    )


def job_of(tiny, folder, reward, algo="sac"):
    config = tiny(
        task=GOAL_TASK, reward="trajectory", encoder="e", demos="d", views=("top",), algo=algo
    )
    filming = Filming(reward, ("top",), 32)
    return SeedJob(config, 0, folder, filming, tensorboard=False, seeing=Seeing(scored=filming))


@pytest.mark.parametrize("algo", ["sac", "td3", "tqc", "crossq"])
def test_a_learner_is_paid_the_scores_of_whole_episodes(tiny, at_the_end, tmp_path, algo):
    job = job_of(tiny, tmp_path, at_the_end, algo)
    env = make_training_env(job.config, job.filming)
    learner = learning._make_learner(job, env)
    log = learning.TrainingLog("seed", 80, lambda _: None)
    # One and a half episodes of both envs: the first updates come after the first, and the
    # second is broken off.
    learning._train_segment(job, learner, 0, 3 * HORIZON, log)
    buffer = learner.replay_buffer
    assert learner._n_updates > 0
    assert buffer.size() == 3 * HORIZON // 2
    assert (buffer.rewards[: buffer.size()] != 0).all()
    assert (buffer.waiting == 0).all()
    whole = buffer.rewards[:HORIZON].sum() / (3 * HORIZON)
    assert log.mean_reward() == pytest.approx(whole, rel=1e-4)


def test_an_interrupted_seed_goes_on_as_if_it_had_not_been(tiny, at_the_end, tmp_path, monkeypatch):
    whole = train_seed(job_of(tiny, tmp_path / "whole", at_the_end), lambda _: None)
    monkeypatch.setattr(learning, "segments", lambda *_: [(0, 32)])
    monkeypatch.setattr(learning, "_finish", lambda *_: {})
    train_seed(job_of(tiny, tmp_path / "cut", at_the_end), lambda _: None)
    monkeypatch.undo()
    cut = train_seed(job_of(tiny, tmp_path / "cut", at_the_end), lambda _: None)
    assert cut["final"] == whole["final"]
    assert whole["evaluations"][-1]["training_reward_per_step"] < 0
    states = [load_policy(tmp_path / name).state_dict() for name in ("whole", "cut")]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_imitate_learns_from_the_end_and_says_what_cannot(tmp_path):
    demos, encoder = record_demos(tmp_path / "demos"), save_encoder(tmp_path / "run", 0)
    words = [GOAL_TASK, "--reward", "trajectory", "--demos", str(demos), "--no-films"]
    words += ["--reward-options", "alignment=transport", "scored=end", "iterations=10"]
    one = ["--encoder", str(encoder)]
    refusals = {
        "ppo is paid at every step": [*one, "--algo", "ppo", "--steps", "100000"],
        "give --learning-starts 32": [*one, *TINY[:8], "--learning-starts", "31"],
        "give one encoder": [*one, str(save_encoder(tmp_path / "other", 1)), "--steps", "5000"],
    }
    for said, further in refusals.items():
        with pytest.raises(UserError, match=said):
            imitate.main([*words, *further, "--out", str(tmp_path / "none")])
        assert not (tmp_path / "none").exists()
    imitate.main([*words, *one, *TINY, "--out", str(tmp_path / "policy")])
    assert (tmp_path / "policy" / "summary.json").is_file()

"""SAC with rewards computed from frames: nothing of the task's own reward reaches the learner."""

import numpy as np
import pytest
import torch

from tcn_robot.policies import learner as learning
from tcn_robot.policies.environments import make_training_env
from tcn_robot.policies.evaluation import Filming
from tcn_robot.policies.learner import SeedJob, train_seed
from tcn_robot.policies.policy import load_policy
from tcn_robot.rewards import ProgressReward
from tests.policies.point_task import GOAL_TASK, PointReach, expert


class BlueCentre:
    """Embeds a frame as the place of its blue square, in [-1, 1]²."""

    image_size_px = 32
    dimension = 2

    def embed(self, frames):
        blue = (frames[..., 2] > 128) & (frames[..., 0] < 128)  # (N, H, W)
        rows, columns = np.mgrid[-1:1:32j, -1:1:32j]
        count = np.maximum(blue.sum(axis=(1, 2)), 1)
        places = [(blue * axis).sum(axis=(1, 2)) / count for axis in (rows, columns)]
        return np.stack(places, axis=1).astype(np.float32)


def film_of_expert(seed):
    env = PointReach(fixed_target=True)
    env.reset(seed=seed)
    frames = [env.render_views(("top",), (32, 32))["top"]]
    for action in expert(env, np.random.default_rng(seed)):
        env.step(action)
        frames.append(env.render_views(("top",), (32, 32))["top"])
    return {"top": np.stack(frames)}


@pytest.fixture(scope="module")
def reward():
    demos = [film_of_expert(seed) for seed in range(20)]
    return ProgressReward.fit(BlueCentre(), demos[:15], calibration=demos[15:])


def learned_job(config, folder, reward):
    return SeedJob(config, 0, folder, Filming(reward, ("top",), 32), tensorboard=False)


@pytest.fixture
def learned(tiny):
    def make(**changes):
        given = {"task": GOAL_TASK, "reward": "progress", "encoder": "e", "demos": "d"}
        return tiny(**(given | {"views": ("top",)} | changes))

    return make


def test_the_learner_sees_the_learned_reward_and_no_frames(learned, reward):
    envs = make_training_env(learned(), Filming(reward, ("top",), 32))
    envs.seed(3)
    envs.reset()
    twin = PointReach(fixed_target=True)
    twin.reset(seed=3)
    film = [twin.render_views(("top",), (32, 32))["top"]]
    rewards = []
    rng = np.random.default_rng(0)
    for step in range(twin.horizon):
        action = rng.uniform(-1, 1, 2).astype(np.float32)
        _, step_rewards, dones, infos = envs.step(np.stack([action, action]))
        twin.step(action)
        film.append(twin.render_views(("top",), (32, 32))["top"])
        rewards.append(step_rewards[0])
        assert "views" not in infos[0]
        assert infos[0]["env_reward"] == infos[0]["reward_sparse"]
        assert dones[0] == (step == twin.horizon - 1)
    # The last frame too is that of the episode's end, although the env has been reset since.
    np.testing.assert_allclose(
        rewards, reward.score_episode({"top": np.stack(film)})[1:], rtol=1e-5, atol=1e-6
    )


def test_an_interrupted_seed_goes_on_as_if_it_had_not_been(learned, reward, tmp_path, monkeypatch):
    whole = train_seed(learned_job(learned(), tmp_path / "whole", reward), lambda _: None)
    monkeypatch.setattr(learning, "segments", lambda *_: [(0, 32)])
    monkeypatch.setattr(learning, "_finish", lambda *_: {})
    train_seed(learned_job(learned(), tmp_path / "cut", reward), lambda _: None)
    monkeypatch.undo()
    cut = train_seed(learned_job(learned(), tmp_path / "cut", reward), lambda _: None)
    assert cut["final"] == whole["final"]
    states = [load_policy(tmp_path / name).state_dict() for name in ("whole", "cut")]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


@pytest.mark.slow
def test_learns_to_reach_from_films_alone(learned, reward, tmp_path):
    config = learned(
        steps=3000,
        batch_size=128,
        hidden_units=(64, 64),
        learning_starts_steps=300,
        evaluation_interval_steps=3000,
        final_starts=50,
    )
    result = train_seed(learned_job(config, tmp_path, reward), lambda _: None)
    assert result["final"]["success"] >= 0.8
    untrained = learned_job(learned(steps=2), tmp_path / "untrained", reward)
    before = train_seed(untrained, lambda _: None)["final"]
    assert result["final"]["return_learned"] > before["return_learned"]

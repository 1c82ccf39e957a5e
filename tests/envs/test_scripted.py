"""Scripted demonstrators: they succeed, vary in time, and play does what play is for."""

from __future__ import annotations

import numpy as np
import pytest

import tcn_robot.envs as envs
from tcn_robot.errors import UserError

TASK_IDS = list(envs.TASKS)


def demonstrate(task: str, policy: str, seed: int, horizon: int | None = None) -> list[dict]:
    options = {} if horizon is None else {"horizon": horizon}
    env = envs.make_task(task, **options).unwrapped
    _, info = env.reset(seed=seed)
    moments = [{**info, "tip": env.tip_metres, "state": env.get_state()}]
    for action in envs.scripted_policy(task, policy)(env, np.random.default_rng(seed)):
        assert env.action_space.contains(action)
        *_, truncated, info = env.step(action)
        block = getattr(env, "block_metres", None)
        moments.append({**info, "tip": env.tip_metres, "block": block, "state": env.get_state()})
        if truncated:
            break
    return moments


@pytest.mark.parametrize("task", TASK_IDS)
def test_experts_succeed_at_varied_length(task):
    episodes = [demonstrate(task, "expert", seed) for seed in range(10)]
    assert sum(episode[-1]["success"] for episode in episodes) == 10
    lengths = [len(episode) for episode in episodes]
    assert max(lengths) > 1.3 * min(lengths)


@pytest.mark.slow
@pytest.mark.parametrize("task", TASK_IDS)
def test_experts_succeed_on_95_of_100_seeds(task):
    successes = [demonstrate(task, "expert", seed)[-1]["success"] for seed in range(100)]
    assert sum(successes) >= 95


@pytest.mark.parametrize("task", TASK_IDS)
def test_time_is_not_a_clock(task):
    """The share of time passed does not tell the share of the task done."""
    halves = []
    for seed in range(10):
        episode = demonstrate(task, "expert", seed)
        halves.append(episode[len(episode) // 2]["progress"])
    assert np.std(halves) > 0.08


@pytest.mark.parametrize("task", TASK_IDS)
def test_same_seed_same_demonstration(task):
    first, second = demonstrate(task, "expert", 4), demonstrate(task, "expert", 4)
    assert len(first) == len(second)
    np.testing.assert_array_equal(first[-1]["state"], second[-1]["state"])


@pytest.mark.parametrize("task", TASK_IDS)
def test_experts_beat_play_and_random(task):
    finals = {
        policy: np.mean([demonstrate(task, policy, seed)[-1]["progress"] for seed in range(3)])
        for policy in ("expert", "play", "random")
    }
    assert finals["expert"] > finals["play"] + 0.3
    assert finals["expert"] > finals["random"] + 0.3


def test_play_is_long_moves_the_block_and_leaves_the_task_undone():
    for seed in range(3):
        episode = demonstrate("tcn_robot/MujocoPush-v0", "play", seed, horizon=240)
        assert len(episode) == 241
        assert not any(moment["success"] for moment in episode)
        blocks = np.array([moment["block"] for moment in episode[1:]])
        assert np.linalg.norm(np.diff(blocks, axis=0), axis=1).sum() > 0.4


def test_play_comes_back_to_places_after_the_block_has_moved():
    """The pairs that keep an encoder from following the tool alone do occur."""
    pairs = 0
    for seed in range(3):
        episode = demonstrate("tcn_robot/MujocoPush-v0", "play", seed, horizon=240)[1:]
        tips = np.array([moment["tip"][:2] for moment in episode])
        blocks = np.array([moment["block"] for moment in episode])
        same_place = np.linalg.norm(tips[:, None] - tips[None], axis=2) < 0.005
        block_moved = np.linalg.norm(blocks[:, None] - blocks[None], axis=2) > 0.05
        pairs += int((same_place & block_moved).sum()) // 2
    assert pairs > 300


def test_in_play_the_block_is_moved_by_the_tool_and_by_the_unseen_hand():
    by_tool = by_hand = 0
    for seed in range(4):
        episode = demonstrate("tcn_robot/MujocoPush-v0", "play", seed, horizon=240)[1:]
        tips = np.array([moment["tip"][:2] for moment in episode])
        blocks = np.array([moment["block"] for moment in episode])
        moved = np.linalg.norm(np.diff(blocks, axis=0), axis=1) > 0.005
        near = np.linalg.norm(tips - blocks, axis=1)[1:] < 0.085
        resting = np.linalg.norm(np.diff(tips, axis=0), axis=1) < 0.003
        by_tool += int((moved & near & ~resting).sum())
        by_hand += int((moved & ~near & resting).sum())
    assert by_tool > 60
    assert by_hand > 60


def test_play_shows_near_misses_of_the_zone():
    """Without them a policy that stops just beside the zone is paid for success."""
    env = envs.make_task("MujocoPush-v0").unwrapped
    near_misses = 0
    for seed in range(4):
        episode = demonstrate("tcn_robot/MujocoPush-v0", "play", seed, horizon=240)[1:]
        blocks = np.array([moment["block"] for moment in episode])
        distances = np.linalg.norm(blocks - env.zone_metres, axis=1)
        near_misses += int(((distances > 0.05) & (distances < 0.09)).sum())
    assert near_misses > 40


def test_play_of_the_reach_moves_the_ball_for_the_encoder_to_see():
    env = envs.make_task("MujocoReach-v0", horizon=240).unwrapped
    env.reset(seed=0)
    balls = []
    for action in envs.scripted_policy("tcn_robot/MujocoReach-v0", "play")(
        env, np.random.default_rng(0)
    ):
        balls.append(env.ball_metres)
        if env.step(action)[3]:
            break
    assert np.ptp(np.array(balls), axis=0)[:2].min() > 0.05


def test_unknown_policy_is_named_with_the_nearest():
    with pytest.raises(UserError, match="did you mean 'expert'"):
        envs.scripted_policy("tcn_robot/MujocoPush-v0", "exprt")

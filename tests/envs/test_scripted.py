"""Scripted demonstrators: they succeed with every body, vary in time, and play does its part."""

from __future__ import annotations

import numpy as np
import pytest

import tcn_robot.envs as envs
from tcn_robot.errors import UserError
from tests.envs.support import ALL_IDS, BODIES, demonstrate

PUSH, REACH, PICK_PLACE = (f"tcn_robot/Mujoco{name}-v0" for name in ("Push", "Reach", "PickPlace"))


@pytest.mark.parametrize("embodiment", BODIES)
@pytest.mark.parametrize("task", ALL_IDS)
def test_experts_succeed_at_varied_length(task, embodiment):
    episodes = [demonstrate(task, "expert", seed, embodiment) for seed in range(10)]
    assert sum(episode[-1]["success"] for episode in episodes) >= 9
    lengths = [len(episode) for episode in episodes]
    assert max(lengths) > 1.3 * min(lengths)


@pytest.mark.slow
@pytest.mark.parametrize("embodiment", BODIES)
@pytest.mark.parametrize("task", ALL_IDS)
def test_experts_succeed_on_95_of_100_seeds(task, embodiment):
    successes = [
        demonstrate(task, "expert", seed, embodiment)[-1]["success"] for seed in range(100)
    ]
    assert sum(successes) >= 95


@pytest.mark.parametrize("task", ALL_IDS)
def test_time_is_not_a_clock(task):
    """The share of time passed does not tell the share of the task done."""
    halves = []
    for seed in range(10):
        episode = demonstrate(task, "expert", seed)
        halves.append(episode[len(episode) // 2]["progress"])
    assert np.std(halves) > 0.08


@pytest.mark.parametrize("task", ALL_IDS)
def test_same_seed_same_demonstration(task):
    first, second = demonstrate(task, "expert", 4), demonstrate(task, "expert", 4)
    assert len(first) == len(second)
    np.testing.assert_array_equal(first[-1]["state"], second[-1]["state"])


@pytest.mark.parametrize("task", ALL_IDS)
def test_experts_beat_play_and_random(task):
    num_seeds = {"expert": 3, "play": 6, "random": 3}  # play leaves things anywhere
    finals = {
        policy: np.mean([demonstrate(task, policy, seed)[-1]["progress"] for seed in range(number)])
        for policy, number in num_seeds.items()
    }
    assert finals["expert"] > finals["play"] + 0.3
    assert finals["expert"] > finals["random"] + 0.3


@pytest.mark.parametrize("embodiment", BODIES)
@pytest.mark.parametrize("task", ALL_IDS)
def test_failures_fail_and_say_how(task, embodiment):
    kinds = [name for name in policies_of(task) if name.startswith("failure-")]
    assert len(kinds) >= 3
    for kind in kinds:
        for seed in range(2):
            last = demonstrate(task, kind, seed, embodiment)[-1]
            assert not last["success"], (kind, seed)
            assert last["demonstration"] == {"failure": kind.removeprefix("failure-")}


def policies_of(task: str) -> dict:
    from tcn_robot.envs.scripted import policies_of

    return policies_of(task)


def test_a_failure_of_any_kind_draws_its_kind_from_the_randomness():
    kinds = {
        demonstrate(REACH, "failure", seed)[-1]["demonstration"]["failure"] for seed in range(12)
    }
    assert kinds == {"miss", "stop", "undo"}


@pytest.mark.parametrize("task", [PUSH, PICK_PLACE])
def test_play_is_long_moves_the_object_and_leaves_the_task_undone(task):
    for seed in range(3):
        episode = demonstrate(task, "play", seed)
        assert len(episode) == 241
        assert not any(moment["success"] for moment in episode)
        places = object_places(episode)
        assert np.linalg.norm(np.diff(places, axis=0), axis=1).sum() > 0.4


def object_places(episode: list[dict]) -> np.ndarray:
    """Return where the moved object was in each moment, (T, 2)."""
    name = next(name for name in episode[0] if name.startswith("pose_"))
    return np.array([moment[name][:2] for moment in episode])


@pytest.mark.parametrize(("task", "least"), [(PUSH, 300), (PICK_PLACE, 100)])
def test_play_comes_back_to_places_after_the_object_has_moved(task, least):
    """The pairs that keep an encoder from following the tool alone do occur."""
    pairs = 0
    for seed in range(3):
        episode = demonstrate(task, "play", seed)[1:]
        tips = np.array([moment["tip"] for moment in episode])
        blocks = object_places(episode)
        same_place = np.linalg.norm(tips[:, None] - tips[None], axis=2) < 0.005
        moved = np.linalg.norm(blocks[:, None] - blocks[None], axis=2) > 0.05
        pairs += int((same_place & moved).sum()) // 2
    assert pairs > least


def test_in_play_the_block_is_moved_by_the_tool_and_by_the_unseen_hand():
    by_tool = by_hand = 0
    for seed in range(4):
        episode = demonstrate(PUSH, "play", seed)[1:]
        tips = np.array([moment["tip"][:2] for moment in episode])
        blocks = object_places(episode)
        moved = np.linalg.norm(np.diff(blocks, axis=0), axis=1) > 0.005
        near = np.linalg.norm(tips - blocks, axis=1)[1:] < 0.085
        resting = np.linalg.norm(np.diff(tips, axis=0), axis=1) < 0.003
        by_tool += int((moved & near & ~resting).sum())
        by_hand += int((moved & ~near & resting).sum())
    assert by_tool > 60
    assert by_hand > 60


def test_play_shows_near_misses_of_the_zone():
    """Without them a policy that stops just beside the zone is paid for success."""
    env = envs.make_task(PUSH).unwrapped
    near_misses = 0
    for seed in range(4):
        blocks = object_places(demonstrate(PUSH, "play", seed)[1:])
        distances = np.linalg.norm(blocks - env.task.zone_metres, axis=1)
        near_misses += int(((distances > 0.05) & (distances < 0.09)).sum())
    assert near_misses > 40


def test_play_of_the_reach_moves_the_ball_for_the_encoder_to_see():
    env = envs.make_task(REACH, horizon=240).unwrapped
    env.reset(seed=0)
    balls = []
    for action in envs.scripted_policy(REACH, "play")(env, np.random.default_rng(0)):
        balls.append(env.task.ball_metres)
        if env.step(action)[3]:
            break
    assert np.ptp(np.array(balls), axis=0)[:2].min() > 0.05


def test_unknown_policy_is_named_with_the_nearest():
    with pytest.raises(UserError, match="did you mean 'expert'"):
        envs.scripted_policy(PUSH, "exprt")

"""A sweep over every task: the interface, determinism, randomised starts, views, states."""

from __future__ import annotations

import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env
from stable_baselines3.common.env_checker import check_env as check_env_for_sb3

import tcn_robot.envs as envs
from tcn_robot.errors import UserError

TASK_IDS = list(envs.TASKS)


@pytest.fixture(params=TASK_IDS)
def env(request):
    made = envs.make_task(request.param).unwrapped
    yield made
    made.close()


def rollout(env, seed: int, steps: int) -> list[np.ndarray]:
    generator = np.random.default_rng(seed)
    seen = [env.reset(seed=seed)[0]]
    for _ in range(steps):
        action = generator.uniform(-1, 1, env.action_space.shape)
        seen.append(env.step(action)[0])
    return seen


@pytest.mark.parametrize("task", TASK_IDS)
def test_both_checkers_find_nothing(task):
    made = gymnasium.make(task, render_mode="rgb_array").unwrapped
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(made)
        check_env_for_sb3(made)
    made.close()


def test_same_seed_same_episode_bit_for_bit(env):
    for first, second in zip(rollout(env, 3, 20), rollout(env, 3, 20), strict=True):
        np.testing.assert_array_equal(first, second)


def test_starts_differ_between_seeds_and_observations_are_not_shared(env):
    first, second = env.reset(seed=1)[0], env.reset(seed=2)[0]
    assert not np.shares_memory(first, second)
    assert np.abs(first - second).max() > 0.1
    later = env.step(np.ones(env.action_space.shape))[0]
    assert not np.array_equal(second, later)


def test_every_number_of_the_observation_moves(env):
    starts = np.array([env.reset(seed=seed)[0] for seed in range(20)])
    assert (starts.std(axis=0) > 1e-3).all()


def test_success_never_ends_an_episode_and_the_horizon_does(env):
    env.reset(seed=0)
    for step in range(env.horizon):
        _, _, terminated, truncated, _ = env.step(np.zeros(env.action_space.shape))
        assert not terminated
        assert truncated == (step == env.horizon - 1)


def test_views_differ_and_none_is_blank(env):
    env.reset(seed=0)
    pictures = env.render_views(env.view_names, size=(64, 64))
    assert len(pictures) >= 4
    for view, picture in pictures.items():
        assert picture.shape == (64, 64, 3)
        assert picture.dtype == np.uint8
        assert picture.std() > 10, view
    flat = np.array([picture.reshape(-1) for picture in pictures.values()], dtype=float)
    distances = np.abs(flat[:, None] - flat[None]).mean(axis=2)
    assert (distances[~np.eye(len(flat), dtype=bool)] > 5).all()


def test_a_picture_has_the_size_asked_for(env):
    env.reset(seed=0)
    assert env.render_views(("top",), size=(48, 96))["top"].shape == (48, 96, 3)


def test_state_brings_back_pictures_and_future(env):
    rollout(env, 5, 10)
    state = env.get_state()
    picture = env.render_views(("front",), (64, 64))["front"]
    future = env.step(np.ones(env.action_space.shape))[0]
    rollout(env, 6, 10)
    env.set_state(state)
    np.testing.assert_array_equal(env.render_views(("front",), (64, 64))["front"], picture)
    np.testing.assert_array_equal(env.step(np.ones(env.action_space.shape))[0], future)


def test_state_of_another_model_is_refused():
    reach = envs.make_task("MujocoReach-v0").unwrapped
    push = envs.make_task("MujocoPush-v0").unwrapped
    reach.reset(seed=0)
    push.reset(seed=0)
    with pytest.raises(UserError, match="another model"):
        push.set_state(reach.get_state())


def test_info_is_complete_and_in_range(env):
    _, info = env.reset(seed=0)
    generator = np.random.default_rng(0)
    for _ in range(20):
        assert info["phase"] == env.phases[info["phase_index"]]
        assert 0.0 <= info["progress"] <= 1.0
        assert 0.0 <= info["reward_dense"] <= 1.0
        assert info["reward_sparse"] == float(info["success"])
        info = env.step(generator.uniform(-1, 1, env.action_space.shape))[-1]


@pytest.mark.parametrize("reward", ["sparse", "dense"])
def test_step_returns_the_reward_asked_for(reward):
    made = envs.make_task("MujocoPush-v0", reward=reward).unwrapped
    made.reset(seed=0)
    _, value, _, _, info = made.step(np.zeros(2))
    assert value == info[f"reward_{reward}"]


def test_one_action_moves_the_tip_by_its_scale(env):
    env.reset(seed=0)
    action = np.zeros(env.action_space.shape)
    action[0] = 0.5
    start = env.tip_metres
    for _ in range(4):
        env.step(action)
    for _ in range(3):
        env.step(np.zeros(env.action_space.shape))
    moved = env.tip_metres - start
    assert moved[0] == pytest.approx(4 * 0.5 * env.action_scale_metres, abs=0.004)
    assert np.abs(moved[1:]).max() < 0.006


def test_commands_beyond_the_workspace_stay_inside(env):
    env.reset(seed=0)
    for _ in range(40):
        env.step(np.ones(env.action_space.shape))
    assert (env.tip_metres <= env.workspace_high_metres + 0.01).all()


@pytest.mark.parametrize("action", [np.full(2, np.nan), np.zeros(3), np.array([np.inf, 0.0])])
def test_bad_actions_are_refused_in_one_line(action):
    made = envs.make_task("MujocoPush-v0").unwrapped
    made.reset(seed=0)
    with pytest.raises(UserError, match="finite action of shape"):
        made.step(action)


def project(env, view: str, point_metres: np.ndarray, size_px: int) -> np.ndarray:
    """Return where a point (3,) appears in a square picture, (column, row) in px."""
    parameters = env.camera_parameters(view, (size_px, size_px))
    seen = np.array(parameters["extrinsics"]) @ np.append(point_metres, 1.0)
    pixel = np.array(parameters["intrinsics"]) @ seen[:3]
    return pixel[:2] / pixel[2]


def test_every_fixed_view_sees_tip_and_object_from_start_to_goal(env):
    goal_metres = np.append(env.zone_metres, 0.0) if hasattr(env, "zone_metres") else None
    for seed in range(20):
        env.reset(seed=seed)
        thing = env.ball_metres if goal_metres is None else env.body_metres("block")
        points = [env.tip_metres, thing, thing if goal_metres is None else goal_metres]
        for view in env.view_names:
            for point in points:
                column, row = project(env, view, point, 64)
                assert 0 < column < 64, (view, point)
                assert 0 < row < 64, (view, point)


def test_the_workspace_fills_the_picture(env):
    """Small things stay small where the camera wastes its pixels on the surroundings."""
    env.reset(seed=0)
    low, high = env.workspace_low_metres, env.workspace_high_metres
    corners = [np.where(bits, high, low) for bits in np.ndindex(2, 2, 2)]
    for view in env.view_names:
        places = np.array([project(env, view, corner, 64) for corner in corners])
        assert np.ptp(places, axis=0).max() > 44, view


def test_projection_of_the_tip_lies_where_the_picture_shows_it():
    env = envs.make_task("MujocoReach-v0").unwrapped
    env.reset(seed=4)
    column, row = np.round(project(env, "front", env.ball_metres, 240)).astype(int)
    red, green, blue = env.render_views(("front",), (240, 240))["front"][row, column].astype(int)
    assert red > 150  # the ball is yellow
    assert green > 100
    assert blue < 80
    env.close()


def test_unknown_names_get_the_nearest():
    with pytest.raises(UserError, match="did you mean 'tcn_robot/MujocoPush-v0'"):
        envs.make_task("tcn_robot/MujocoPsh-v0")
    with pytest.raises(UserError, match="did you mean 'dense'"):
        envs.make_task("MujocoPush-v0", reward="dens")
    with pytest.raises(UserError, match="horizn"):
        envs.make_task("MujocoPush-v0", horizn=3)
    made = envs.make_task("MujocoPush-v0").unwrapped
    made.reset(seed=0)
    with pytest.raises(UserError, match="did you mean 'front'"):
        made.render_views(("frnt",))


def test_a_task_of_ones_own_gets_the_nearest_name_too(tmp_path, monkeypatch):
    (tmp_path / "tcn_robot_own.py").write_text(
        "import gymnasium\n"
        "gymnasium.register('HighReach-v0', entry_point='tcn_robot.envs.reach:MujocoReach')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    try:
        assert envs.task_id("tcn_robot_own:HighReach-v0") == "tcn_robot_own:HighReach-v0"
        with pytest.raises(UserError, match="did you mean 'tcn_robot_own:HighReach-v0'"):
            envs.task_id("tcn_robot_own:HighReac-v0")
    finally:
        gymnasium.registry.pop("HighReach-v0", None)


def test_tasks_travel_to_other_processes(env):
    """What a spawned worker needs is the id and the options, as JSON."""
    again = EnvSpec.from_json(env.spec.to_json()).make().unwrapped
    np.testing.assert_array_equal(again.reset(seed=1)[0], env.reset(seed=1)[0])

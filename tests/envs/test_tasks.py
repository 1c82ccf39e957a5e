"""A sweep over every task: the interface, determinism, randomised starts, views, states."""

from __future__ import annotations

import pickle  # noqa: TID251 - how worker processes get their environments
import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env
from stable_baselines3.common.env_checker import check_env as check_env_for_sb3

import tcn_robot.envs as envs
from tcn_robot.errors import UserError
from tests.envs.support import ALL_IDS, BODIES, project, rollout


@pytest.fixture(params=ALL_IDS)
def env(request):
    made = envs.make_task(request.param).unwrapped
    yield made
    made.close()


@pytest.mark.parametrize("task", ALL_IDS)
@pytest.mark.parametrize("options", [{}, {"embodiment": "hand", "control": "joint_positions"}])
def test_both_checkers_find_nothing(task, options):
    made = gymnasium.make(task, render_mode="rgb_array", **options).unwrapped
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(made)
        check_env_for_sb3(made)
    made.close()


def test_same_seed_same_episode_bit_for_bit(env):
    for first, second in zip(rollout(env, 3, 20), rollout(env, 3, 20), strict=True):
        np.testing.assert_array_equal(first, second)


def test_two_environments_do_the_same_bit_for_bit(env):
    other = pickle.loads(pickle.dumps(env.spec)).make().unwrapped
    for first, second in zip(rollout(env, 4, 20), rollout(other, 4, 20), strict=True):
        np.testing.assert_array_equal(first, second)
    other.close()


def test_starts_differ_between_seeds_and_observations_are_not_shared(env):
    first, second = env.reset(seed=1)[0], env.reset(seed=2)[0]
    assert not np.shares_memory(first, second)
    assert np.abs(first - second).max() > 0.1
    later = env.step(np.ones(env.action_space.shape))[0]
    assert not np.array_equal(second, later)


def test_every_number_of_the_observation_moves(env):
    """Whether at the start or while the task is done: none is constant."""
    expert = envs.scripted_policy(env.spec.id, "expert")
    seen = []
    for seed in range(3):
        seen.append(env.reset(seed=seed)[0])
        for action in expert(env, np.random.default_rng(seed)):
            observation, _, _, truncated, _ = env.step(action)
            seen.append(observation)
            if truncated:
                break
    assert (np.array(seen).std(axis=0) > 2e-4).all()


def test_observations_are_about_unit_scale(env):
    seen = np.array([rollout(env, seed, 20)[-1] for seed in range(5)])
    assert np.abs(seen).max() < 10.0  # nothing is cut off
    assert 0.2 < np.sqrt((seen**2).mean()) < 5.0


def test_success_never_ends_an_episode_and_the_horizon_does(env):
    env.reset(seed=0)
    for step in range(env.horizon):
        _, _, terminated, truncated, _ = env.step(np.zeros(env.action_space.shape))
        assert not terminated
        assert truncated == (step == env.horizon - 1)
    assert env.horizon <= 100


def test_doing_nothing_moves_nothing(env):
    """No drift and no creeping: what is seen after three seconds is what was there."""
    start = env.reset(seed=0)[0]
    for _ in range(5):
        start = env.step(np.zeros(env.action_space.shape))[0]
    for _ in range(25):
        later = env.step(np.zeros(env.action_space.shape))[0]
    assert np.abs(later - start).max() < 0.05


def test_views_differ_and_none_is_blank(env):
    env.reset(seed=0)
    pictures = env.render_views(env.view_names, size=(64, 64))
    assert len(pictures) >= 6
    for view, picture in pictures.items():
        assert picture.shape == (64, 64, 3)
        assert picture.dtype == np.uint8
        assert picture.std() > 5, view
    flat = np.array([picture.reshape(-1) for picture in pictures.values()], dtype=float)
    distances = np.abs(flat[:, None] - flat[None]).mean(axis=2)
    assert (distances[~np.eye(len(flat), dtype=bool)] > 5).all()


def test_a_view_is_rendered_once_until_something_moves(env, monkeypatch):
    env.reset(seed=0)
    rendered: list[str] = []
    render = env.world.render

    def counting(views, size):
        rendered.extend(views)
        return render(views, size)

    monkeypatch.setattr(env.world, "render", counting)
    first = env.render_views(("front", "top"), (32, 32))
    first["front"][:] = 0  # a caller's scribbles stay his own
    again = env.render_views(("front", "left"), (32, 32))
    assert rendered == ["front", "top", "left"]
    assert again["front"].std() > 0
    env.step(np.ones(env.action_space.shape))
    env.render_views(("front",), (32, 32))
    assert rendered == ["front", "top", "left", "front"]


def test_a_picture_has_the_size_asked_for(env):
    env.reset(seed=0)
    assert env.render_views(("top",), size=(48, 96))["top"].shape == (48, 96, 3)


def test_state_brings_back_pictures(env):
    rollout(env, 5, 10)
    state = env.get_state()
    pictures = env.render_views(("front", "wrist"), (64, 64))
    rollout(env, 6, 10)
    env.set_state(state)
    for view, picture in env.render_views(("front", "wrist"), (64, 64)).items():
        np.testing.assert_array_equal(picture, pictures[view])


def test_a_copy_through_pickle_goes_on_alike(env):
    rollout(env, 5, 10)
    copy = pickle.loads(pickle.dumps(env))
    action = np.full(env.action_space.shape, 0.5)
    for _ in range(3):
        ours, theirs = env.step(action), copy.step(action)
        np.testing.assert_array_equal(ours[0], theirs[0])
    assert ours[-1].keys() == theirs[-1].keys()
    assert copy.reset(seed=3)[0].tolist() == env.reset(seed=3)[0].tolist()
    copy.close()


def test_info_is_complete_and_in_range(env):
    _, info = env.reset(seed=0)
    generator = np.random.default_rng(0)
    for _ in range(20):
        assert info["phase"] == env.task.phases[info["phase_index"]]
        assert 0.0 <= info["progress"] <= 1.0
        assert 0.0 <= info["reward_dense"] <= 1.0
        assert info["reward_sparse"] == float(info["success"])
        for thing in env.task.reported():
            assert info[f"pose_{thing}"].shape == (7,)
        info = env.step(generator.uniform(-1, 1, env.action_space.shape))[-1]


@pytest.mark.parametrize("reward", ["sparse", "dense"])
def test_step_returns_the_reward_asked_for(reward):
    made = envs.make_task("MujocoPush-v0", reward=reward).unwrapped
    made.reset(seed=0)
    _, value, _, _, info = made.step(np.zeros(2))
    assert value == info[f"reward_{reward}"]


@pytest.mark.parametrize("embodiment", BODIES)
@pytest.mark.parametrize("task", ALL_IDS)
def test_one_action_moves_the_tip_by_its_scale(task, embodiment):
    env = envs.make_task(task, embodiment=embodiment).unwrapped
    env.reset(seed=0)
    action = np.zeros(env.action_space.shape)
    action[0] = 0.5
    start = env.world.tip_metres
    for _ in range(4):
        env.step(action)
    for _ in range(3):
        env.step(np.zeros(env.action_space.shape))
    moved = env.world.tip_metres - start
    assert moved[0] == pytest.approx(4 * 0.5 * env.task.action_scale_metres, abs=0.004)
    assert np.abs(moved[1:]).max() < 0.006
    env.close()


@pytest.mark.parametrize("task", ALL_IDS)
def test_fingers_and_roll_move_by_their_scale(task):
    env = envs.make_task(task).unwrapped
    env.reset(seed=0)
    action = np.zeros(env.action_space.shape)
    if env.task.grips:
        action[-1] = -1.0 if env.world.opening > 0.5 else 1.0
        before = env.world.opening
        for _ in range(2):
            env.step(action)
        assert abs(env.world.opening - before) == pytest.approx(2 * env.task.grip_scale, abs=0.08)
    if env.task.rolls:
        action[:] = 0.0
        action[len(env.task.axes)] = 1.0
        before = env.world.roll_radians
        for _ in range(4):
            env.step(action)
        turned = env.world.roll_radians - before
        assert turned == pytest.approx(4 * env.task.roll_scale_radians, abs=0.06)
    env.close()


def test_commands_beyond_the_workspace_stay_inside(env):
    env.reset(seed=0)
    for _ in range(40):
        env.step(np.ones(env.action_space.shape))
    assert (env.world.tip_metres <= env.task.workspace_high_metres + 0.01).all()
    for _ in range(60):
        env.step(-np.ones(env.action_space.shape))
    assert (env.world.tip_metres >= env.task.workspace_low_metres - 0.01).all()


@pytest.mark.parametrize("embodiment", BODIES)
def test_joint_control_moves_one_joint_by_its_scale(embodiment):
    env = envs.make_task(
        "MujocoPickPlace-v0", embodiment=embodiment, control="joint_positions"
    ).unwrapped
    env.reset(seed=0)
    carrier = env.world.scene.body.carrier
    assert env.action_space.shape == (carrier.num_joints + 1,)
    action = np.zeros(env.action_space.shape)
    action[1] = 0.5
    before = env.world.joints
    for _ in range(3):
        env.step(action)
    env.step(np.zeros(env.action_space.shape))
    moved = (env.world.joints - before) / carrier.joint_scale
    assert moved[1] == pytest.approx(1.5, abs=0.1)
    assert np.abs(np.delete(moved, 1)).max() < 0.1
    env.close()


@pytest.mark.parametrize("action", [np.full(2, np.nan), np.zeros(3), np.array([np.inf, 0.0])])
def test_bad_actions_are_refused_in_one_line(action):
    made = envs.make_task("MujocoPush-v0").unwrapped
    made.reset(seed=0)
    with pytest.raises(UserError, match="finite action of shape"):
        made.step(action)


def test_actions_out_of_range_are_clipped(env):
    one = rollout(env, 0, 1)
    ones = np.ones(env.action_space.shape)
    first = env.reset(seed=0)[0], env.step(ones)[0]
    second = env.reset(seed=0)[0], env.step(7 * ones)[0]
    np.testing.assert_array_equal(first[0], one[0])
    np.testing.assert_array_equal(first[1], second[1])


def test_every_fixed_view_sees_the_things_and_the_tip_at_the_start(env):
    assert env.task.seen
    for seed in range(10):
        env.reset(seed=seed)
        points = {thing: env.world.position(thing) for thing in env.task.seen}
        points["tip"] = env.world.tip_metres
        for view in env.fixed_views:
            for name, point in points.items():
                column, row = project(env, view, point, 64)
                assert 0 < column < 64, (view, name)
                assert 0 < row < 64, (view, name)


def test_the_workspace_fills_the_picture(env):
    """Small things stay small where the camera wastes its pixels on the surroundings."""
    env.reset(seed=0)
    low, high = env.task.workspace_low_metres, env.task.workspace_high_metres
    corners = [np.where(bits, high, low) for bits in np.ndindex(2, 2, 2)]
    for view in env.fixed_views:
        places = np.array([project(env, view, corner, 64) for corner in corners])
        assert np.ptp(places, axis=0).max() > 44, view


@pytest.mark.parametrize("task", [task for task in ALL_IDS if "Reach" in str(task)])
def test_projection_of_the_ball_lies_where_the_picture_shows_it(task):
    env = envs.make_task(task).unwrapped
    env.reset(seed=4)
    column, row = np.round(project(env, "front", env.task.ball_metres, 240)).astype(int)
    red, green, blue = env.render_views(("front",), (240, 240))["front"][row, column].astype(int)
    assert red > 150  # the ball is yellow
    assert green > 100
    assert blue < 80
    env.close()


def test_state_of_another_model_is_refused(env):
    env.reset(seed=0)
    state = env.get_state()
    for wrong in (state[:-1], np.append(state, 0.0), np.full_like(state, np.nan)):
        with pytest.raises(UserError, match="another model"):
            env.set_state(wrong)
    env.set_state(state)


def test_unknown_names_get_the_nearest():
    for options, told in (
        ({"reward": "dens"}, "did you mean 'dense'"),
        ({"horizn": 3}, "horizn"),
        ({"embodiment": "hnd"}, "did you mean 'hand'"),
        ({"control": "joint_position"}, "did you mean 'joint_positions'"),
        ({"simulator": "mujco"}, "did you mean 'mujoco'"),
        ({"horizon": 0}, "horizon must be at least 1"),
    ):
        with pytest.raises(UserError, match=told):
            envs.make_task("MujocoPush-v0", **options)
    with pytest.raises(UserError, match="did you mean 'tcn_robot/MujocoPush-v0'"):
        envs.make_task("tcn_robot/MujocoPsh-v0")
    made = envs.make_task("MujocoPush-v0").unwrapped
    made.reset(seed=0)
    with pytest.raises(UserError, match="did you mean 'front'"):
        made.render_views(("frnt",))


def test_a_task_of_ones_own_gets_the_nearest_name_too(tmp_path, monkeypatch):
    (tmp_path / "tcn_robot_own.py").write_text(
        "import gymnasium\n"
        "from tcn_robot.envs.tasks.reach import Reach\n"
        "class HighReach(Reach):\n"
        "    '''Reach higher.'''\n"
        "gymnasium.register('HighReach-v0', entry_point='tcn_robot.envs.task_env:TaskEnv',\n"
        "                   kwargs={'task': 'tcn_robot_own:HighReach'})\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    try:
        assert envs.task_id("tcn_robot_own:HighReach-v0") == "tcn_robot_own:HighReach-v0"
        made = envs.make_task("tcn_robot_own:HighReach-v0").unwrapped
        assert type(made.task).__name__ == "HighReach"
        with pytest.raises(UserError, match="did you mean 'tcn_robot_own:HighReach-v0'"):
            envs.task_id("tcn_robot_own:HighReac-v0")
    finally:
        gymnasium.registry.pop("HighReach-v0", None)


def test_tasks_travel_to_other_processes(env):
    """What a spawned worker needs is the id and the options, as JSON."""
    again = EnvSpec.from_json(env.spec.to_json()).make().unwrapped
    np.testing.assert_array_equal(again.reset(seed=1)[0], env.reset(seed=1)[0])
    again.close()

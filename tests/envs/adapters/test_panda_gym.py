"""panda-gym in PyBullet: cameras by position, episodes that repeat, states."""

import itertools
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from tcn_robot import cli, envs
from tcn_robot.errors import UserError
from tcn_robot.recordings import open_recording

pytestmark = pytest.mark.skipif(
    find_spec("panda_gym") is None or find_spec("pybullet") is None,
    reason="the extra panda-gym is not installed (PyBullet needs Python below 3.12)",
)
PUSH, STACK = "panda_gym/PandaPush-v3", "panda_gym/PandaStack-v3"


def observations(env, seed: int, steps: int) -> np.ndarray:
    """Return what is observed (T, D) under random actions."""
    seen = [env.reset(seed=seed)[0]]
    actions = envs.scripted_policy(env.task, "random")(env, np.random.default_rng(seed))
    seen += [env.step(next(actions))[0] for _ in range(steps)]
    return np.array(seen)


@pytest.fixture(scope="module")
def push():
    env = envs.make_task(PUSH).unwrapped
    yield env
    env.close()


@pytest.mark.parametrize("task", [PUSH, STACK])
def test_the_seed_alone_draws_the_episode(task: str) -> None:
    """PyBullet remembers contacts of earlier episodes, and the package draws from entropy."""
    env = envs.make_task(task).unwrapped
    first = observations(env, 1, 50)
    for seed in (2, 3):
        assert np.abs(observations(env, seed, 50)[0] - first[0]).max() > 0.01
    np.testing.assert_array_equal(observations(env, 1, 50), first)
    elsewhere = envs.make_task(task).unwrapped
    np.testing.assert_array_equal(observations(elsewhere, 1, 50), first)
    unseeded = env.reset()[0]
    elsewhere.reset(seed=1)
    env.reset(seed=1)
    np.testing.assert_array_equal(env.reset()[0], elsewhere.reset()[0])
    assert not np.array_equal(unseeded, first[0])
    env.close()
    elsewhere.close()


def test_it_satisfies_gymnasium(push) -> None:
    check_env(push, skip_render_check=True)
    observation, info = push.reset(seed=0)
    order = ("observation", "achieved_goal", "desired_goal")
    parts = push.package_observation
    np.testing.assert_array_equal(observation, np.concatenate([parts[name] for name in order]))
    assert (push.horizon, push.control_hz, push.simulator) == (50, 25.0, "pybullet")
    assert info["success"] is False


def test_success_holds_the_world_still_instead_of_ending_the_episode() -> None:
    env = envs.make_task("panda_gym/PandaReach-v3").unwrapped
    env.reset(seed=0)
    rows, states = [], []
    for _ in range(env.horizon):
        parts = env.package_observation
        towards = 10 * (parts["desired_goal"] - parts["achieved_goal"])
        rows.append(env.step(np.clip(towards, -1, 1).astype(np.float32)))
        states.append(env.get_state())
    done = [row[4]["success"] for row in rows]
    first = done.index(True)
    assert first < 45
    assert all(done[first:])
    assert not any(row[2] for row in rows)
    assert [row[3] for row in rows] == [False] * (env.horizon - 1) + [True]
    np.testing.assert_array_equal(states[-1], states[first])
    assert env.simulation_time_seconds == env.horizon / env.control_hz
    env.close()


def test_views_show_object_and_goal_in_their_places(push) -> None:
    push.reset(seed=3)  # the arm hides neither
    assert len(push.view_names) >= 4
    pictures = push.render_views(push.view_names, (128, 128))
    parts = push.package_observation
    coloured = ((1, parts["achieved_goal"]), (0, parts["desired_goal"]))  # green block, red goal
    for view, (colour, place) in itertools.product(push.view_names, coloured):
        picture = pictures[view].astype(int)
        others = [channel for channel in range(3) if channel != colour]
        seen = np.nonzero(picture[..., colour] - picture[..., others].max(axis=-1) > 60)
        parameters = push.camera_parameters(view, (128, 128))
        camera = np.array(parameters["extrinsics"]) @ [*place, 1.0]
        pixel = np.array(parameters["intrinsics"]) @ camera[:3]
        np.testing.assert_allclose((seen[1].mean(), seen[0].mean()), pixel[:2] / pixel[2], atol=2)


def test_a_state_brings_back_the_picture_and_the_goal(push) -> None:
    push.reset(seed=1)
    for _ in range(8):
        push.step(np.array([0.5, 0.2, -1.0], np.float32))
    state = push.get_state()
    picture = push.render_views(("front",), (64, 64))["front"]
    push.reset(seed=2)
    push.set_state(state)
    np.testing.assert_array_equal(push.render_views(("front",), (64, 64))["front"], picture)
    np.testing.assert_allclose(push.get_state(), state, atol=1e-9)
    with pytest.raises(UserError, match="another task or version"):
        push.set_state(state[:-1])


def test_record_and_render_again(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pictures = ["--size", "32", "--lossless"]
    command = ["record", PUSH, "--policy", "random", "--out", str(tmp_path / "a"), *pictures]
    assert cli.main([*command, "--episodes", "1", "--views", "left"]) == 0
    assert "argv" not in capfd.readouterr().out  # PyBullet talks to itself
    assert open_recording(tmp_path / "a")[0].success is False
    command = ["rerender", str(tmp_path / "a"), "--out", str(tmp_path / "b"), *pictures]
    assert cli.main([*command, "--views", "left"]) == 0
    film = Path("episode_000000") / "left.mp4"
    assert (tmp_path / "a" / film).read_bytes() == (tmp_path / "b" / film).read_bytes()

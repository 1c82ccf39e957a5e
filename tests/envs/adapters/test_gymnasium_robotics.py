"""Gymnasium-Robotics: Fetch, hands, mazes, the kitchen."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from tcn_robot import cli, envs
from tcn_robot.recordings import open_recording

pytestmark = pytest.mark.skipif(
    find_spec("gymnasium_robotics") is None,
    reason="the extra gymnasium-robotics is not installed",
)
PUSH = "gymnasium_robotics/FetchPush-v4"


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


def test_the_seed_alone_draws_the_episode(push) -> None:
    first = observations(push, 1, 30)
    other = observations(push, 2, 50)
    np.testing.assert_array_equal(observations(push, 1, 30), first)
    assert np.abs(first[0] - other[0]).max() > 0.01
    elsewhere = envs.make_task(PUSH).unwrapped
    np.testing.assert_array_equal(observations(elsewhere, 1, 30), first)
    assert elsewhere.model_xml == push.model_xml
    elsewhere.close()


def test_its_goal_environment_becomes_flat(push) -> None:
    check_env(push, skip_render_check=True)
    observation, info = push.reset(seed=3)
    parts = push.package_observation
    order = ("observation", "achieved_goal", "desired_goal")
    np.testing.assert_allclose(observation, np.concatenate([parts[name] for name in order]))
    assert (push.horizon, push.control_hz, info["success"]) == (50, 25.0, False)


def test_the_goal_is_seen(push) -> None:
    """It is drawn as a red ball, which the package places only when it renders itself."""
    push.reset(seed=3)
    picture = push.render_views(("top",), (200, 200))["top"].astype(int)
    rows, columns = np.nonzero((picture[..., 0] > 120) & (picture[..., 1:].max(axis=-1) < 80))
    parameters = push.camera_parameters("top", (200, 200))
    goal = [*push.package_observation["desired_goal"], 1.0]
    pixel = np.array(parameters["intrinsics"]) @ (np.array(parameters["extrinsics"]) @ goal)[:3]
    seen = (columns.mean(), rows.mean())
    np.testing.assert_allclose(seen, pixel[:2] / pixel[2], atol=3)


def test_record_and_render_again(tmp_path: Path) -> None:
    pictures = ["--size", "32", "--lossless"]
    command = ["record", PUSH, "--policy", "random", "--out", str(tmp_path / "a"), *pictures]
    assert cli.main([*command, "--episodes", "1", "--views", "front"]) == 0
    episode = open_recording(tmp_path / "a")[0]
    assert len(episode.frames("front")) == 51
    assert episode.frames("front").std() > 10
    command = ["rerender", str(tmp_path / "a"), "--out", str(tmp_path / "b"), *pictures]
    assert cli.main([*command, "--views", "front"]) == 0
    film = Path("episode_000000") / "front.mp4"
    assert (tmp_path / "a" / film).read_bytes() == (tmp_path / "b" / film).read_bytes()


def test_one_task_has_one_name() -> None:
    for name in ("gymnasium_robotics:FetchPush-v4", "FetchPush-v4", PUSH):
        assert envs.task_id(name) == PUSH


@pytest.mark.parametrize(
    "name",
    [
        "FetchReach-v4",
        "PointMaze_UMaze-v3",
        pytest.param("FetchSlide-v4", marks=pytest.mark.slow),
        pytest.param("FetchPickAndPlace-v4", marks=pytest.mark.slow),
        pytest.param("HandReach-v3", marks=pytest.mark.slow),
        pytest.param("HandManipulateBlock-v1", marks=pytest.mark.slow),
        pytest.param("AdroitHandDoor-v1", marks=pytest.mark.slow),
        pytest.param("AntMaze_UMaze-v5", marks=pytest.mark.slow),
        pytest.param("FrankaKitchen-v1", marks=pytest.mark.slow),
    ],
)
def test_other_tasks_repeat_themselves_and_are_stored_whole(name: str) -> None:
    env = envs.make_task(f"gymnasium_robotics/{name}").unwrapped
    first = observations(env, 1, 20)
    observations(env, 2, 20)
    np.testing.assert_array_equal(observations(env, 1, 20), first)
    assert env.simulator == "mujoco"
    view = env.view_names[0]
    picture = env.render_views((view,), (64, 64))[view]
    assert picture.std() > 5
    state = env.get_state()
    observations(env, 2, 3)
    env.set_state(state)
    np.testing.assert_array_equal(env.render_views((view,), (64, 64))[view], picture)
    env.close()

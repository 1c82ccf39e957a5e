"""Meta-World's own tasks, experts and cameras."""

import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from tcn_robot import cli, envs
from tcn_robot.envs.adapters.metaworld_tasks import STEPS_AFTER_SUCCESS
from tcn_robot.errors import UserError
from tcn_robot.policies.config import ImitateConfig
from tcn_robot.policies.environments import make_env
from tcn_robot.recordings import open_recording

pytestmark = pytest.mark.skipif(
    find_spec("metaworld") is None, reason="the extra metaworld is not installed"
)
DRAWER = "metaworld/drawer-open-v3"


def act(env, seed: int, steps: int, policy: str = "expert") -> tuple[np.ndarray, bool]:
    """Return observations (T, D) of an episode, and whether it ever succeeded."""
    observations = [env.reset(seed=seed)[0]]
    succeeded = False
    actions = envs.scripted_policy(env.task, policy)(env, np.random.default_rng(seed))
    for _, action in zip(range(steps), actions, strict=False):
        observation, *_, info = env.step(action)
        observations.append(observation)
        succeeded |= info["success"]
    return np.array(observations), succeeded


@pytest.fixture(scope="module")
def drawer():
    env = envs.make_task(DRAWER).unwrapped
    yield env
    env.close()


def test_the_seed_alone_draws_the_start(drawer) -> None:
    first, _ = act(drawer, 1, 30)
    other, _ = act(drawer, 2, 300)
    again, _ = act(drawer, 1, 30)
    np.testing.assert_array_equal(first, again)
    assert np.abs(first[0] - other[0]).max() > 0.01
    elsewhere = envs.make_task(DRAWER).unwrapped
    np.testing.assert_array_equal(act(elsewhere, 1, 30)[0], first)
    assert elsewhere.model_xml == drawer.model_xml
    elsewhere.close()
    starts = {tuple(drawer.reset(seed=seed)[0][4:7]) for seed in range(5)}
    assert len(starts) == 5


def test_the_hand_is_felt_and_no_thing(drawer) -> None:
    observation, _ = drawer.reset(seed=1)
    felt = drawer.proprioception()
    assert drawer.proprioception_space.contains(felt)
    assert np.isfinite(drawer.proprioception_space.low).all()
    np.testing.assert_array_equal(felt[:4], observation[:4])
    # Another start moves the drawer, not the hand.
    other, _ = drawer.reset(seed=2)
    assert np.abs(other[4:7] - observation[4:7]).max() > 0.01
    np.testing.assert_allclose(drawer.proprioception()[:4], felt[:4], atol=0.02)


def test_the_expert_stops_shortly_after_success(drawer) -> None:
    observations, succeeded = act(drawer, 5, 500)
    assert succeeded
    assert STEPS_AFTER_SUCCESS < len(observations) < 200
    assert drawer.success


def test_the_goal_is_observed_and_success_never_ends(drawer) -> None:
    observation, info = drawer.reset(seed=0)
    assert drawer.observation_space.contains(observation)
    np.testing.assert_allclose(observation[36:], drawer._scene._simulation._target_pos, atol=1e-6)
    assert info["success"] is False
    assert info["reward_sparse"] == 0.0
    assert {"obj_to_target", "grasp_success"} <= set(info)
    short = envs.make_task(DRAWER, horizon=4, reward="dense").unwrapped
    short.reset(seed=0)
    ends = [short.step(np.zeros(4, np.float32))[2:4] for _ in range(4)]
    assert ends == [(False, False)] * 3 + [(False, True)]
    short.close()


def test_no_camera_stands_on_its_head(drawer) -> None:
    drawer.reset(seed=0)
    assert {"corner", "corner2", "corner3", "corner4", "topview"} <= set(drawer.view_names)
    for view in ("corner", "corner2", "corner3", "corner4"):
        to_camera = np.array(drawer.camera_parameters(view, (64, 64))["extrinsics"])[:3, :3]
        assert to_camera[1, 2] < -0.1, view  # the world's up points up in the picture
    pictures = drawer.render_views(drawer.view_names, (64, 64))
    for view, picture in pictures.items():
        assert picture.std() > 10, view
    # The table's wood (red above blue) lies below, the grey wall above.
    redness = pictures["corner"][..., 0].astype(int) - pictures["corner"][..., 2]
    assert redness[40:, :40].mean() > 20 > redness[:16, :16].mean()


@pytest.mark.slow
def test_record_just_works(tmp_path: Path) -> None:
    assert cli.main(["record", DRAWER, "--out", str(tmp_path / "a"), "--episodes", "1"]) == 0
    episode = open_recording(tmp_path / "a")[0]
    assert episode.views == ("corner", "corner4", "topview")
    assert episode.success is True
    assert np.ptp(episode.steps["reward_dense"]) > 1.0


def test_record_and_render_again_without_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "brief.py").write_text(
        "from itertools import islice\n"
        "from tcn_robot.envs import scripted_policy\n"
        "def expert(env, generator):\n"
        "    return islice(scripted_policy(env.task, 'expert')(env, generator), 8)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    pictures = ["--size", "32", "--lossless"]
    command = ["record", DRAWER, "--policy", "brief:expert", "--out", str(tmp_path / "a")]
    assert cli.main([*command, "--episodes", "1", "--views", "corner", *pictures]) == 0
    monkeypatch.setitem(sys.modules, "metaworld", None)  # importing it fails now
    command = ["rerender", str(tmp_path / "a"), "--out", str(tmp_path / "b"), *pictures]
    assert cli.main([*command, "--views", "corner"]) == 0
    film = Path("episode_000000") / "corner.mp4"
    assert (tmp_path / "a" / film).read_bytes() == (tmp_path / "b" / film).read_bytes()


def test_names_that_it_has_not() -> None:
    with pytest.raises(UserError, match=r"of the 50 tasks of metaworld .*: metaworld/drawer-open"):
        envs.task_id("metaworld/drawr-open-v3")
    with pytest.raises(UserError, match=r"'play' \(known: expert, random\)"):
        envs.scripted_policy(DRAWER, "play")


def test_a_policy_learns_on_its_own_or_the_sparse_reward() -> None:
    rewards = {}
    for reward in ("sparse", "dense"):
        env = make_env(ImitateConfig(task=DRAWER, reward=reward, steps=10, horizon=5), reward)
        env.reset(seed=0)
        rewards[reward] = env.step(np.zeros(4, np.float32))[1]
        env.close()
    assert rewards["sparse"] == 0.0
    assert rewards["dense"] > 0.0


@pytest.mark.slow
def test_every_task_repeats_itself_and_its_expert_succeeds() -> None:
    from tcn_robot.envs.adapters.metaworld_tasks import metaworld_ids

    failed, ids = [], metaworld_ids()
    assert len(ids) == 50
    for name in ids:
        env = envs.make_task(f"metaworld/{name}").unwrapped
        first, succeeded = act(env, 11, 500)
        act(env, 12, 100)
        np.testing.assert_array_equal(act(env, 11, 40)[0], first[:41], err_msg=name)
        picture = env.render_views(("corner",), (64, 64))["corner"]
        assert picture.std() > 10, name
        if not succeeded:
            failed.append(name)
        env.close()
    assert len(failed) <= 2, failed

"""Paired episodes: the same things at the same times, another body in the same place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import tcn_robot
from tcn_robot import cli
from tcn_robot.envs.bodies import make_body
from tcn_robot.envs.bodies.body import OPEN_METRES, roll_of
from tcn_robot.envs.simulator import mujoco
from tests.envs.support import NEEDS_BULLET

TASK = "MujocoPickPlace-v0"
STATE = mujoco.mjtState.mjSTATE_INTEGRATION
VIEWS = ("front", "left")


def command(*words: object) -> int:
    return cli.main([str(word) for word in words])


def record(out: Path, task: str = TASK, *options: object) -> Path:
    options = ("--episodes", 1, "--size", 32, "--views", *VIEWS, *options)
    assert command("record", task, "--out", out, *options) == 0
    return out


def pair(source: Path, out: Path, *options: object, embodiment: str = "hand") -> int:
    options = ("--size", 48, "--embodiment", embodiment, *options)
    return command("rerender", source, "--out", out, "--views", *VIEWS, *options)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A robot's episodes with everything randomised, and the hand's that are paired with them."""
    folder = tmp_path_factory.mktemp("paired")
    robot = record(folder / "robot", TASK, "--randomise", "all", "--moving-cameras")
    assert pair(robot, folder / "hand") == 0
    return robot, folder / "hand"


def poses(folder: Path, embodiment: str) -> dict[str, np.ndarray]:
    """Return what each state of the first episode says of things, tip, roll and opening."""
    episode = tcn_robot.open_recording(folder)[0]
    name = episode.metadata["simulator"]["model"]
    model = mujoco.MjModel.from_xml_path(str(folder / "assets" / name))
    data = mujoco.MjData(model)
    travel = make_body(embodiment, "down").effector.fingers[0].travel
    found: dict[str, list] = {"cube": [], "mocap": [], "tip": [], "roll": [], "gap": [], "time": []}
    assert episode.steps is not None
    for state in episode.steps["state"]:
        mujoco.mj_setState(model, data, state.copy(), STATE)
        mujoco.mj_kinematics(model, data)
        found["cube"].append(data.joint("cube").qpos.copy())
        found["mocap"].append(np.concatenate([data.mocap_pos, data.mocap_quat], axis=1))
        found["tip"].append(data.site("tip").xpos.copy())
        found["roll"].append(roll_of(data.site("tip").xmat.reshape(3, 3), "down"))
        fingers = [data.joint(finger).qpos[0] for finger in ("finger1", "finger2")]
        found["gap"].append(np.mean(fingers) / travel * OPEN_METRES)
        found["time"].append(data.time)
    return {name: np.array(values) for name, values in found.items()}


def test_things_to_the_bit_and_the_body_in_the_same_place(folders: tuple[Path, Path]) -> None:
    robot, hand = poses(folders[0], "robot"), poses(folders[1], "hand")
    for name in ("cube", "mocap", "time"):
        np.testing.assert_array_equal(hand[name], robot[name])
    assert np.ptp(robot["cube"], axis=0)[:3].max() > 0.1
    assert np.linalg.norm(hand["tip"] - robot["tip"], axis=1).max() < 1e-3
    np.testing.assert_allclose(hand["roll"], robot["roll"], atol=1e-6)
    np.testing.assert_allclose(hand["gap"], robot["gap"], atol=1e-9)


def test_same_steps_and_timing_and_it_says_what_it_is(folders: tuple[Path, Path]) -> None:
    robot, hand = (tcn_robot.open_recording(folder)[0] for folder in folders)
    assert (hand.id, hand.split, hand.seed) == (robot.id, robot.split, robot.seed)
    for view in VIEWS:
        np.testing.assert_array_equal(hand.timestamps(view), robot.timestamps(view))
    assert robot.steps is not None
    assert hand.steps is not None
    for name in robot.steps.keys() - {"state"}:
        np.testing.assert_array_equal(hand.steps[name], robot.steps[name])
    assert hand.metadata["embodiment"] == "hand"
    assert hand.metadata["kinematic"] is True
    paired_with = {"embodiment": "robot", "content_hash": robot.content_hash}
    assert hand.metadata["paired_with"] == paired_with
    drawn, before = hand.metadata["randomisation"], robot.metadata["randomisation"]
    assert "skin" in drawn
    assert drawn["light"] == before["light"]
    assert drawn["camera"]["front"] == before["camera"]["front"]
    for view in VIEWS:  # the size differs
        cameras = (one.metadata["cameras"][view] for one in (hand, robot))
        assert len({str(camera["extrinsics"]) for camera in cameras}) == 1


def test_a_pair_of_another_look_is_traced_to_what_was_recorded(tmp_path: Path) -> None:
    robot = record(tmp_path / "robot", "MujocoReach-v0")
    options = ("--randomise", "light", "--no-proof")
    for source, out in (("robot", "looks"), ("looks", "again")):
        source, out = tmp_path / source, tmp_path / out
        assert command("rerender", source, "--out", out, *options) == 0
    assert pair(tmp_path / "again", tmp_path / "tongs", embodiment="tongs") == 0
    recorded, looks, again, tongs = (
        tcn_robot.open_recording(tmp_path / name)[0]
        for name in ("robot", "looks", "again", "tongs")
    )
    assert recorded.ancestors == ()
    assert looks.ancestors == (recorded.content_hash,)
    assert again.ancestors == (looks.content_hash, recorded.content_hash)
    assert tongs.ancestors[:1] == (again.content_hash,)
    assert set(tongs.ancestors) == {again.content_hash, *again.ancestors}
    assert "ancestors" not in looks.metadata["rerendered_from"]
    assert robot.is_dir()


def test_it_renders_again_and_goes_on(
    folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    again = ("--out", tmp_path / "again", "--views", "front", "--size", 48)
    assert command("rerender", folders[1], *again) == 0
    old, new = (tcn_robot.open_recording(path)[0] for path in (folders[1], tmp_path / "again"))
    np.testing.assert_array_equal(old.frames("front"), new.frames("front"))
    assert new.metadata["kinematic"] is True
    assert pair(*folders) == 0
    capsys.readouterr()
    assert pair(*folders, embodiment="tongs") == 2
    assert "already holds an episode of embodiment hand" in capsys.readouterr().err


def test_nobody_learns_from_it(
    folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (
        ("train", folders[0], folders[1], "--objective", "tcn", "--out", tmp_path / "run"),
        (
            "rerender",
            folders[1],
            "--embodiment",
            "tongs",
            "--views",
            "top",
            "--out",
            tmp_path / "b",
        ),
    ):
        assert command(*words) == 2
        told = capsys.readouterr().err
        assert "holds paired episodes (first: 0), which are for measuring only" in told
        assert told.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("task", ["MujocoDrawer-v0", "MujocoReach-v0"])
def test_every_kind_of_thing_comes_along_and_the_robot_too(task: str, tmp_path: Path) -> None:
    hand = record(tmp_path / "hand", task, "--embodiment", "hand", "--policy", "failure")
    assert pair(hand, tmp_path / "robot", embodiment="robot") == 0
    episode = tcn_robot.open_recording(tmp_path / "robot")[0]
    assert "skin" not in episode.metadata["randomisation"]
    assert episode.frames("front").std() > 5


@NEEDS_BULLET
def test_bullet_and_unknown_bodies_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bullet = record(tmp_path / "bullet", "BulletReach-v0")
    assert pair(bullet, tmp_path / "out") == 2
    assert "paired episodes need MuJoCo recordings" in capsys.readouterr().err
    mujoco_reach = record(tmp_path / "mujoco", "MujocoReach-v0")
    assert pair(mujoco_reach, tmp_path / "out", embodiment="hnd") == 2
    assert "did you mean 'hand'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()

"""`tcn-robot record` on the real tasks: same bytes, append, resume, interruption, bad input."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tcn_robot import cli
from tcn_robot.recordings import DatasetWriter, open_recording

REACH = ["MujocoReach-v0", "--policy", "random", "--size", "32", "--views", "front", "top"]
NUDGE = """
import numpy as np


def nudge(env, randomness):
    for _ in range(4):
        yield randomness.uniform(-1, 1, env.action_space.shape)


number = 3
"""


def record(out: Path, *options: str, policy: str = "nudge_policy:nudge") -> int:
    task = ["MujocoReach-v0", "--size", "32", "--views", "front", "top", "--policy", policy]
    return cli.main(["record", *task, "--out", str(out), *options])


def content(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


@pytest.fixture
def nudge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A policy of the user's own, in the working folder; four steps long."""
    (tmp_path / "nudge_policy.py").write_text(NUDGE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "nudge_policy", raising=False)
    return "nudge_policy:nudge"


def test_record_push_with_its_expert(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        cli.main(["record", "MujocoPush-v0", "--out", str(tmp_path / "d"), "--episodes", "1"]) == 0
    )
    assert "1 episodes of tcn_robot/MujocoPush-v0" in capsys.readouterr().out
    recording = open_recording(tmp_path / "d")
    assert recording.task == "tcn_robot/MujocoPush-v0"
    episode = recording[0]
    assert episode.views == ("front", "left", "right")
    assert episode.success is True
    frames = episode.frames("left")
    steps = episode.steps
    assert steps is not None
    assert frames.shape == (len(steps["action"]), 84, 84, 3)
    assert frames[-1].astype(int).std() > 10
    assert (frames[0] != frames[-1]).any()
    wanted = {
        "time_seconds", "action", "reward_sparse", "reward_dense", "phase", "phase_index",
        "progress", "success", "state", "observation",
    }  # fmt: skip
    assert wanted <= set(steps)
    assert steps["reward_sparse"][-1] == 1.0


def test_workers_appending_and_resuming_give_the_same_bytes(tmp_path: Path, nudge: str) -> None:
    assert record(tmp_path / "a", "--episodes", "4", "--seed", "5") == 0
    assert record(tmp_path / "b", "--episodes", "4", "--seed", "5", "--workers", "2") == 0
    assert content(tmp_path / "a") == content(tmp_path / "b")
    assert record(tmp_path / "c", "--episodes", "1", "--seed", "5") == 0
    assert record(tmp_path / "c", "--episodes", "3", "--seed", "5") == 0
    in_two = content(tmp_path / "c")
    in_two.pop("request.json")
    assert in_two == {k: v for k, v in content(tmp_path / "a").items() if k != "request.json"}


def test_resume_completes_the_last_request(
    tmp_path: Path, nudge: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "a"
    assert record(out, "--episodes", "3") == 0
    whole = content(out)
    for name in ("frames.parquet", "steps.parquet", "episode.json", "front.mp4", "top.mp4"):
        (out / "episode_000001" / name).unlink()
    (out / "episode_000001").rmdir()
    assert open_recording(out).ids == (0, 2)
    assert record(out, "--episodes", "3", "--resume") == 0
    assert content(out) == whole
    capsys.readouterr()
    assert record(out, "--episodes", "3", "--resume") == 0
    assert "nothing to do" in capsys.readouterr().out
    for other in (["--episodes", "4"], ["--episodes", "3", "--seed", "1"]):
        assert record(out, *other, "--resume") == 2
        assert "--resume completes the last request" in capsys.readouterr().err
    assert content(out) == whole


def test_splits_never_share_a_start(tmp_path: Path, nudge: str) -> None:
    seeds = set()
    for split in ("train", "valid", "test"):
        assert record(tmp_path / split, "--episodes", "2", "--split", split) == 0
        assert len(open_recording(tmp_path / split).select(split=split)) == 2
        seeds |= {episode.seed for episode in open_recording(tmp_path / split)}
    assert len(seeds) == 6


def test_lossless_films_render_again_to_the_same_pixels(tmp_path: Path, nudge: str) -> None:
    assert record(tmp_path / "a", "--episodes", "1", "--lossless") == 0
    command = ["rerender", str(tmp_path / "a"), "--out", str(tmp_path / "b"), "--lossless"]
    assert cli.main([*command, "--size", "32", "--views", "top", "left"]) == 0
    old, new = open_recording(tmp_path / "a")[0], open_recording(tmp_path / "b")[0]
    np.testing.assert_array_equal(old.frames("top"), new.frames("top"))
    assert old.metadata["cameras"]["top"] == new.metadata["cameras"]["top"]
    assert new.views == ("top", "left")
    assert (new.frames("left") != new.frames("top")).any()


def test_a_refused_view_leaves_no_folder_behind(tmp_path: Path, nudge: str, capsys) -> None:
    assert record(tmp_path / "a", "--episodes", "1") == 0
    command = ["rerender", str(tmp_path / "a"), "--out", str(tmp_path / "b"), "--views", "topp"]
    assert cli.main(command) == 2
    assert "did you mean 'top'" in capsys.readouterr().err
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["record", "MujocoPusch-v0"], "did you mean 'tcn_robot/MujocoPush-v0'"),
        (["record", "MujocoPush-v0", "--views", "front", "topp"], "did you mean 'top'"),
        (["record", "MujocoPush-v0", "--policy", "expart"], "did you mean 'expert'"),
        (["record", "MujocoPush-v0", "--embodiment", "robott"], "did you mean 'robot'"),
        (["record", "MujocoPush-v0", "--policy", "nowhere:to"], "cannot import 'nowhere'"),
        (["record", "MujocoPush-v0", "--policy", "math:sinn"], "did you mean 'sin'"),
        (["record", "MujocoPush-v0", "--views", "top", "top"], "twice"),
        (["record", "MujocoPush-v0", "--size", "0"], "--size must be at least"),
        (["record", "MujocoPush-v0", "--workers", "0"], "--workers must be at least"),
        (["record", "MujocoPush-v0", "--seed", "-1"], "--seed must be at least"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    assert cli.main([*options, "--out", str(tmp_path / "d"), "--episodes", "1"]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert not (tmp_path / "d").exists()


def test_other_task_and_busy_dataset_are_refused(
    tmp_path: Path, nudge: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with DatasetWriter(tmp_path / "d", "tcn_robot/MujocoPush-v0"):
        assert record(tmp_path / "d", "--episodes", "1") == 2
        assert "dataset of task 'tcn_robot/MujocoPush-v0'" in capsys.readouterr().err
    with DatasetWriter(tmp_path / "e", "tcn_robot/MujocoReach-v0"):
        assert record(tmp_path / "e", "--episodes", "1") == 2
        assert "another recorder" in capsys.readouterr().err


def start_recorder(out: Path, *options: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tcn_robot", "record", *REACH, "--out", str(out), *options]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)


def wait_for_episode(process: "subprocess.Popen[str]", out: Path, id: int) -> None:
    while process.poll() is None and not (out / f"episode_{id:06d}").exists():
        pass
    assert process.returncode is None


WORKERS = ["1", pytest.param("2", marks=pytest.mark.slow)]


@pytest.mark.parametrize("workers", WORKERS)
def test_ctrl_c_keeps_what_is_whole_and_says_so(tmp_path: Path, workers: str) -> None:
    out = tmp_path / "d"
    process = start_recorder(out, "--episodes", "500", "--workers", workers)
    wait_for_episode(process, out, 1)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert "episodes are whole" in errors
    assert "--resume" in errors
    assert not [name for name in os.listdir(out) if name.startswith(".partial-")]
    assert cli.main(["check", str(out)]) == 0


@pytest.mark.parametrize("workers", WORKERS)
def test_a_killed_recorder_is_resumed(tmp_path: Path, workers: str) -> None:
    out = tmp_path / "d"
    process = start_recorder(out, "--episodes", "4", "--workers", workers)
    wait_for_episode(process, out, 0)
    process.kill()
    process.communicate()
    command = ["record", *REACH, "--episodes", "4", "--out"]
    assert cli.main([*command, str(out), "--resume"]) == 0
    assert cli.main([*command, str(tmp_path / "straight")]) == 0
    assert content(out) == content(tmp_path / "straight")


@pytest.mark.parametrize("workers", WORKERS)
def test_a_full_disk_is_one_line_and_whole_episodes_stay(
    tmp_path: Path, nudge: str, workers: str
) -> None:
    """A limit on file size stands for the full disk: only the long episodes pass it."""
    out = tmp_path / "d"
    assert record(out, "--episodes", "1") == 0
    code = (
        "import resource, sys\n"
        "from tcn_robot import cli\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (8_000, -1))\n"
        "if __name__ == '__main__':\n"
        "    sys.exit(cli.main(sys.argv[1:]))\n"
    )
    (tmp_path / "limited.py").write_text(code)
    options = ["--episodes", "3", "--lossless", "--workers", workers, "--out", str(out)]
    command = [sys.executable, str(tmp_path / "limited.py"), "record", *REACH, *options]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert "is full" in done.stderr
    assert open_recording(out).ids == (0,)
    assert not [name for name in os.listdir(out) if name.startswith(".partial-")]


def test_request_is_written_down(tmp_path: Path, nudge: str) -> None:
    assert record(tmp_path / "d", "--episodes", "1", "--seed", "9") == 0
    request = json.loads((tmp_path / "d" / "request.json").read_text())
    assert request == {
        "first_id": 0,
        "episodes": 1,
        "task": "tcn_robot/MujocoReach-v0",
        "views": ["front", "top"],
        "size_px": 32,
        "embodiment": "robot",
        "policy": nudge,
        "seed": 9,
        "split": "train",
        "codec": "h264",
        "randomise": [],
        "moving_cameras": False,
    }

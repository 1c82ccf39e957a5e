"""A trained run as demonstrator: the same films for any number of workers, sizes checked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tcn_robot import cli
from tcn_robot.policies.policy import Policy
from tcn_robot.recordings import open_recording


def save_policy(folder: Path, observation_size: int, action_size: int) -> Path:
    torch.manual_seed(0)
    policy = Policy(observation_size, action_size, (16,))
    policy.save(folder / "seed_0" / "policy", {"task": "MujocoReach-v0", "seed": 0})
    return folder


def record(out: Path, run: Path, *options: str) -> int:
    command = ["record", "MujocoReach-v0", "--out", str(out), "--episodes", "2", "--size", "32"]
    return cli.main([*command, "--views", "front", "--policy", str(run), *options])


def test_it_acts_as_the_policy_does(tmp_path: Path) -> None:
    run = save_policy(tmp_path / "run", 9, 3)
    assert record(tmp_path / "one", run) == 0
    assert record(tmp_path / "two", run, "--workers", "2") == 0
    one, two = open_recording(tmp_path / "one"), open_recording(tmp_path / "two")
    assert [e.content_hash for e in one] == [e.content_hash for e in two]
    assert one[0].metadata["policy"].startswith("run/seed_0 sha256:")
    steps = one[0].steps
    assert steps is not None
    from tcn_robot.policies.policy import load_policy

    expected = load_policy(run).act(steps["observation"][:-1])
    np.testing.assert_allclose(steps["action"][:-1], expected, atol=1e-6)
    assert not np.array_equal(steps["action"][0], one[1].steps["action"][0])  # type: ignore[index]


@pytest.mark.parametrize(
    ("sizes", "line"), [((9, 4), "with 4 actions, this one has 3"), ((5, 3), "of length 5")]
)
def test_another_task_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], sizes: tuple[int, int], line: str
) -> None:
    run = save_policy(tmp_path / "run", *sizes)
    assert record(tmp_path / "d", run) == 2
    assert line in capsys.readouterr().err


def test_a_folder_without_a_policy_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    assert record(tmp_path / "d", tmp_path / "empty") == 2
    assert "holds no policy" in capsys.readouterr().err
    assert not (tmp_path / "d").exists()


def test_a_folder_called_as_a_scripted_policy_does_not_hide_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert record(Path("random"), Path("random")) == 0  # recording makes the folder
    assert record(Path("random"), Path("random"), "--resume") == 0
    assert {one.metadata["policy"] for one in open_recording("random")} == {"random"}

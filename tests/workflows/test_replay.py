"""Episodes played back: exact where they must be, and honest where they cannot."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tcn_robot import cli
from tcn_robot.recordings import DatasetWriter
from tests.support.corpus import edit_table
from tests.support.films import moving_square


def record(path: Path, task: str, *options: str) -> Path:
    command = ["record", task, "--out", str(path), "--episodes", "2", "--size", "32"]
    assert cli.main([*command, "--views", "front", "top", "--lossless", *options]) == 0
    return path


def replayed(path: Path, *options: str) -> list[dict[str, float]]:
    out = path.parent / "replay.json"
    assert cli.main(["replay", str(path), "--json", str(out), *options]) == 0
    return json.loads(out.read_text())["episodes"]


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--embodiment", "hand", "--policy", "random"),
        ("--randomise", "all", "--moving-cameras"),
        ("--randomise", "friction", "mass"),
    ],
)
@pytest.mark.parametrize("play", ["actions", "states"])
def test_mujoco_repeats_to_the_last_bit(
    tmp_path: Path, options: tuple[str, ...], play: str
) -> None:
    path = record(tmp_path / "d", "MujocoPush-v0", *options)
    for one in replayed(path, "--play", play, "--episodes", "1"):
        assert one["state"] == (0.0 if play == "actions" else None)
        assert one["things_metres"] == 0.0
        assert one["pictures"] == 0
        assert one["success_agrees"] is (True if play == "actions" else None)


def test_pybullet_is_measured(tmp_path: Path) -> None:
    pytest.importorskip("pybullet")
    path = record(tmp_path / "d", "BulletPush-v0")
    for one in replayed(path, "--play", "actions", "--episodes", "0"):
        assert one["things_metres"] < 0.02
        assert one["success_agrees"] is True
    for one in replayed(path, "--play", "states", "--episodes", "0"):
        assert one["pictures"] == 0


def test_another_action_shows_from_its_step_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = record(tmp_path / "d", "MujocoPush-v0")

    def change(columns: dict[str, list[list[float]]]) -> None:
        columns["action"][4] = [-value for value in columns["action"][4]]

    edit_table(path, "steps.parquet", change, id=1)
    assert cli.main(["replay", str(path)]) == 0
    first, second = capsys.readouterr().out.strip().splitlines()[-2:]
    assert "every state to the last bit" in first
    assert "states differ from step 5 on" in second
    with pytest.raises(SystemExit) as ended:
        cli.main(["replay", str(path), "--tolerance-metres", "1e-6"])
    assert ended.value.code == 1


def test_films_and_unknown_views_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with DatasetWriter(tmp_path / "d", "pour", kind="film") as writer, writer.episode(10) as e:
        for index, frame in enumerate(moving_square(3)):
            e.add_frames(index / 10, {"front": np.asarray(frame)})
    assert cli.main(["replay", str(tmp_path / "d")]) == 2
    assert "has no states and actions" in capsys.readouterr().err
    path = record(tmp_path / "r", "MujocoReach-v0")
    assert cli.main(["replay", str(path), "--view", "fron"]) == 2
    assert "did you mean 'front'" in capsys.readouterr().err


def test_edited_episodes_are_played_as_they_were_recorded(tmp_path: Path) -> None:
    path, cut = record(tmp_path / "d", "MujocoPush-v0"), tmp_path / "cut"
    assert (
        cli.main(["edit", str(path), "relabel", "--embodiment", "hand", "--success", "false"]) == 0
    )
    assert cli.main(["edit", str(path), "relabel", "--task", "tea"]) == 0
    assert cli.main(["edit", str(path), "trim", "--start-seconds", "0.5", "--out", str(cut)]) == 0
    for one in replayed(path, "--episodes", "0"):
        assert (one["state"], one["success_agrees"]) == (0.0, True)


def test_a_trimmed_episode_starts_from_its_first_state(tmp_path: Path) -> None:
    path, cut = record(tmp_path / "d", "MujocoPush-v0"), tmp_path / "cut"
    options = ["--start-seconds", "0.5", "--stop-seconds", "2", "--out", str(cut)]
    assert cli.main(["edit", str(path), "trim", *options]) == 0
    for one in replayed(cut):
        # Not to the last bit: where the controller was going is no part of the state.
        assert one["state"] < 1e-9
        assert one["things_metres"] < 1e-9
        assert one["pictures"] == 0

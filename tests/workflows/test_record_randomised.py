"""Recording with randomisation and moving cameras, and rendering it again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import tcn_robot
from tcn_robot import cli
from tests.envs.support import NEEDS_BULLET

TASKS = ["MujocoPush-v0", pytest.param("BulletPush-v0", marks=NEEDS_BULLET)]
VIEWS = ("front", "wrist")


def command(*words: object) -> int:
    return cli.main([str(word) for word in words])


def record(out: Path, task: str, *options: object, randomise: tuple[str, ...] = ("all",)) -> int:
    options = ("--size", 40, "--views", *VIEWS, "--lossless", "--embodiment", "hand", *options)
    options += ("--randomise", *randomise, "--moving-cameras", "--policy", "failure-stop")
    return command("record", task, "--out", out, *options)


@pytest.mark.parametrize("task", TASKS)
def test_lossless_films_come_out_again_bit_for_bit(task: str, tmp_path: Path) -> None:
    first, again = tmp_path / "first", tmp_path / "again"
    assert record(first, task, "--episodes", 2) == 0
    size = ("--size", 40, "--lossless")
    assert command("rerender", first, "--out", again, "--views", *VIEWS, "top", *size) == 0
    pairs = zip(tcn_robot.open_recording(first), tcn_robot.open_recording(again), strict=True)
    drawn = []
    for old, new in pairs:
        for view in VIEWS:
            np.testing.assert_array_equal(old.frames(view), new.frames(view))
            assert old.metadata["cameras"][view] == new.metadata["cameras"][view]
            assert old.metadata["cameras"][view]["moving"] is True
        assert new.metadata["randomisation"] == old.metadata["randomisation"]
        assert new.metadata["cameras"]["top"]["moving"] is True
        drawn.append(old.metadata["randomisation"])
        assert old.steps is not None
        assert "randomisation" not in old.steps
    assert drawn[0]["light"] != drawn[1]["light"]
    assert {"skin", "camera", "distractors", "mass"} <= set(drawn[0])


def test_it_is_part_of_the_request(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    task, few = "MujocoPush-v0", ("--episodes", 1)
    names = ("mass", "light")
    assert record(tmp_path / "a", task, *few, randomise=names) == 0
    assert record(tmp_path / "a", task, *few, "--resume", randomise=names[::-1]) == 0
    assert record(tmp_path / "a", task, *few, "--resume", randomise=("light",)) == 2
    assert "had randomise ['light', 'mass']" in capsys.readouterr().err
    assert record(tmp_path / "b", task, *few, randomise=("lihgt",)) == 2
    assert "did you mean 'light'" in capsys.readouterr().err
    assert not (tmp_path / "b").exists()

"""Recorded episodes rendered again: the same pictures, in either simulator."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import tcn_robot
from tcn_robot.envs.stored_model import open_stored_model
from tcn_robot.errors import UserError
from tcn_robot.workflows.record import main as record
from tcn_robot.workflows.rerender import main as rerender
from tests.envs.support import NEEDS_BULLET

TASKS = ["MujocoPush-v0", pytest.param("BulletPush-v0", marks=NEEDS_BULLET)]


@pytest.mark.parametrize("task", TASKS)
def test_the_same_views_come_out_bit_for_bit_and_others_too(task: str, tmp_path: Path) -> None:
    first, again = str(tmp_path / "first"), str(tmp_path / "again")
    asked = [task, "--out", first, "--episodes", "2", "--size", "48", "--embodiment", "hand"]
    record([*asked, "--policy", "failure-stop", "--views", "front", "wrist", "--lossless"])
    rerender(
        [first, "--out", again, "--size", "48", "--views", "front", "wrist", "top", "--lossless"]
    )
    for old, new in zip(
        tcn_robot.open_recording(first), tcn_robot.open_recording(again), strict=True
    ):
        for view in ("front", "wrist"):
            np.testing.assert_array_equal(old.frames(view), new.frames(view))
            assert old.metadata["cameras"][view] == new.metadata["cameras"][view]
        assert new.frames("top").shape == old.frames("front").shape
        assert new.frames("top").std() > 5
        assert new.metadata["demonstration"] == {"failure": "stop"}
        assert new.metadata["embodiment"] == "hand"


@NEEDS_BULLET
def test_a_damaged_scene_is_told_in_one_line() -> None:
    with pytest.raises(UserError, match="the stored model is damaged"):
        open_stored_model('{"bodies": [')

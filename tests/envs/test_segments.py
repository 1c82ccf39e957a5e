"""What each pixel shows, against what is drawn there and where the simulator has it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tcn_robot.envs as envs
from tcn_robot.envs.segments import segment_classes, segment_name
from tcn_robot.envs.stored_model import open_stored_model

SIZE = (96, 96)
SIMULATORS = ("Mujoco", "Bullet")


def test_names_of_classes() -> None:
    assert [segment_name(n) for n in ("", "world", "floor", "table", "distractor3")] == [
        "background"
    ] * 5
    assert [segment_name(n) for n in ("base", "palm", "body")] == ["body"] * 3
    assert [segment_name(n) for n in ("bead07", "cup", "drawer/stand")] == ["bead", "cup", "drawer"]
    names, of_root = segment_classes(["table", "palm", "bead00", "bead01", "cup"])
    assert names == ("background", "body", "bead", "cup")
    assert of_root == {"table": 0, "palm": 1, "bead00": 2, "bead01": 2, "cup": 3}


def stored(task: str, **options: Any) -> tuple[Any, Any]:
    """Return an environment after a reset, and its stored model in the same state."""
    env: Any = envs.make_task(task, **options).unwrapped
    env.reset(seed=3)
    model: Any = open_stored_model(env.model_xml)
    model.apply(env.randomisation)
    model.set_state(env.get_state())
    return env, model


def pixel_of(model: Any, view: str, point_metres: np.ndarray) -> tuple[int, int]:
    """Return row and column where a point of the world is seen."""
    camera = model.camera_parameters(view, SIZE)
    at = np.array(camera["extrinsics"]) @ np.append(point_metres, 1.0)
    x, y, depth = np.array(camera["intrinsics"]) @ at[:3]
    return int(y / depth), int(x / depth)


@pytest.mark.parametrize("simulator", SIMULATORS)
@pytest.mark.parametrize("randomise", [(), ("all",)])
def test_a_thing_has_the_pixels_that_change_when_it_is_taken_away(
    simulator: str, randomise: tuple[str, ...]
) -> None:
    env, model = stored(f"{simulator}Push-v0", randomise=randomise)
    block = model.segment_names.index("block")
    views = ("front", "left", "top")
    pictures, masks = model.render_views(views, SIZE), model.segment_views(views, SIZE)
    for view in views:
        np.testing.assert_array_equal(pictures[view], env.render_views(views, SIZE)[view])
        assert masks[view].shape == SIZE
        assert masks[view].dtype == np.uint8
        assert {0, block} <= set(np.unique(masks[view])) <= set(range(len(model.segment_names)))
    row, column = pixel_of(model, "top", env.world.position("block"))
    assert masks["top"][row, column] == block

    env.world.place("block", (0.0, 0.0, -5.0))
    model.set_state(env.get_state())
    without = model.render_views(views, SIZE)
    for view in views:
        change = np.abs(pictures[view].astype(int) - without[view]).max(axis=2)
        is_block = masks[view] == block
        assert (change[is_block] > 0).mean() > 0.97
        # Only its edges, which pictures smooth and masks do not, change beside it.
        assert (change > 0).sum() < 1.6 * is_block.sum() + 8
        assert not (model.segment_views((view,), SIZE)[view] == block).any()
    env.close()
    model.close()


@pytest.mark.parametrize("simulator", SIMULATORS)
def test_a_pixel_has_what_is_seen_in_its_middle(simulator: str) -> None:
    env, model = stored(f"{simulator}Pour-v0")
    assert set(model.segment_names) == {"background", "body", "tray", "bowl", "cup", "bead"}
    small = model.segment_views(("front",), SIZE)["front"]
    large = model.segment_views(("front",), (3 * SIZE[0], 3 * SIZE[1]))["front"]
    assert (small == large[1::3, 1::3]).mean() > 0.99
    shares = np.bincount(small.reshape(-1), minlength=6) / small.size
    assert shares[0] > 0.4
    assert shares[1] > 0.05
    env.close()
    model.close()


@pytest.mark.parametrize("simulator", SIMULATORS)
def test_distractors_are_background(simulator: str) -> None:
    env, model = stored(f"{simulator}Push-v0", randomise=("distractors",))
    assert set(model.segment_names) == {"background", "body", "zone", "block"}
    for view in ("front", "top"):
        mask = model.segment_views((view,), SIZE)[view]
        for drawn in env.randomisation["distractors"].values():
            row, column = pixel_of(model, view, np.array(drawn["at_metres"]))
            if 0 <= row < SIZE[0] and 0 <= column < SIZE[1]:
                assert mask[row, column] in (0, 1)  # the arm may stand before it
    env.close()
    model.close()

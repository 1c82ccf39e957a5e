"""New looks of recorded episodes: what is named is drawn anew, all else stays as it was."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import tcn_robot.envs as envs
from tcn_robot.envs.looks import LOOKS, LookDrawer, look_names
from tcn_robot.envs.stored_model import StoredBulletModel, StoredMujocoModel, open_stored_model
from tcn_robot.errors import UserError
from tests.envs.support import NEEDS_BULLET

TASK = "tcn_robot/MujocoPush-v0"
TASKS = [TASK, pytest.param("tcn_robot/BulletPush-v0", marks=NEEDS_BULLET)]


def recorded(task: str, seed: int, **options: Any) -> tuple[dict[str, Any], np.ndarray, str]:
    """Return what was drawn, a state and the model's text."""
    env: Any = envs.make_task(task, embodiment="hand", **options).unwrapped
    _, info = env.reset(seed=seed)
    found = info["randomisation"], env.get_state(), env.model_xml
    env.close()
    return found


def test_names() -> None:
    assert look_names(("skin", "light")) == ("light", "skin")
    assert look_names(("all",)) == LOOKS
    assert look_names(()) == ()
    with pytest.raises(UserError, match="the recorded motion depends on it"):
        look_names(("friction",))
    with pytest.raises(UserError, match="did you mean 'texture'"):
        look_names(("textur",))
    with pytest.raises(UserError, match="nothing to randomise"):
        LookDrawer("metaworld/drawer-open-v3", "robot")
    with pytest.raises(UserError, match="did you mean 'hand'"):
        LookDrawer(TASK, "hnd")


@pytest.mark.parametrize("name", LOOKS)
def test_one_name_changes_only_itself(name: str) -> None:
    drawn, _, _ = recorded(TASK, 1, randomise="all")
    before = json.dumps(drawn)
    look = LookDrawer(TASK, "hand").draw(drawn, (name,), False, np.random.default_rng(0))
    assert json.dumps(drawn) == before
    assert {one for one in look if look[one] != drawn.get(one)} == {name}
    again = LookDrawer(TASK, "hand").draw(drawn, LOOKS, False, np.random.default_rng(0))
    assert again[name] == look[name]  # whatever else is drawn
    assert json.loads(json.dumps(look)) == look


def test_what_an_episode_has_not_is_left_out() -> None:
    drawn, _, _ = recorded(TASK, 1)
    drawer = LookDrawer(TASK, "robot")
    assert drawer.drawable({}) == ("light", "colour", "texture", "camera")
    assert set(drawer.draw({}, LOOKS, False, np.random.default_rng(0))) == {*LOOKS[:4]}
    assert "skin" in LookDrawer(TASK, "hand").drawable(drawn)


def test_cameras_go_on_drifting_and_can_be_set_off() -> None:
    still, _, _ = recorded(TASK, 1, randomise=("camera",))
    moving, _, _ = recorded(TASK, 1, randomise=("camera",), moving_cameras=True)
    drawer = LookDrawer(TASK, "hand")

    def draw(drawn: dict[str, Any], names: tuple[str, ...], moves: bool) -> dict[str, Any]:
        return drawer.draw(drawn, names, moves, np.random.default_rng(0))["camera"]["front"]

    assert not draw(still, ("camera",), False)["waves"]
    old, new = moving["camera"]["front"], draw(moving, ("camera",), False)
    assert new["waves"]
    assert new["waves"] != old["waves"]
    assert new["at_metres"] != old["at_metres"]
    for drawn in (still, moving):  # the same place, other waves
        old, new = drawn["camera"]["front"], draw(drawn, (), True)
        assert new["at_metres"] == old["at_metres"]
        assert new["waves"]
        assert new["waves"] != old["waves"]
    assert draw({}, (), True)["waves"]


@pytest.mark.parametrize("task", TASKS)
def test_distractors_are_put_where_they_were_drawn_and_nothing_else_moves(task: str) -> None:
    drawn, state, text = recorded(task, 1, randomise=("distractors",))
    look = LookDrawer(task, "hand").draw(drawn, LOOKS, False, np.random.default_rng(0))
    model: Any = open_stored_model(text)
    assert isinstance(model, StoredMujocoModel | StoredBulletModel)
    try:
        model.apply(look)
        new = model.restage(state)
        shown = model.render_views(("top",), (64, 64))["top"]
        model.apply(drawn)
        np.testing.assert_allclose(model.restage(state), state, rtol=0, atol=1e-15)
        model.apply(look)
        model.set_state(new)
        np.testing.assert_array_equal(model.render_views(("top",), (64, 64))["top"], shown)
    finally:
        model.close()
    assert new.shape == state.shape
    for entry in look["distractors"].values():
        nearest = np.lib.stride_tricks.sliding_window_view(new, 3) - np.array(entry["at_metres"])
        assert np.abs(nearest).max(axis=1).min() < 1e-6
    num_distractors = 6
    assert 0 < (new != state).sum() <= 7 * num_distractors
    is_moved = np.flatnonzero(new != state)
    assert is_moved[-1] - is_moved[0] < 7 * num_distractors * (2 if "Mujoco" in task else 1)

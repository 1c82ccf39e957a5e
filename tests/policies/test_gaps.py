"""Gaps: what follows from their names, and demonstrations that do not show them."""

import dataclasses

import pytest

from tcn_robot.envs.table import TASKS, is_same_task, same_task_in
from tcn_robot.errors import UserError
from tcn_robot.policies.gaps import GAPS, Acting, Shown, refuse_gap_without_effect

SHOWN = Shown("MujocoPush-v0", ("robot",), ("front", "left"))
CLONED = {"reward": "none", "algo": "bc", "demos": "d", "learning_starts_steps": None}
ACTING = Acting("robot", ("front", "left", "right", "top"))


@pytest.fixture
def push(tiny):
    def make(**changes):
        return tiny(task="MujocoPush-v0", **changes)

    return make


def test_what_follows_from_each_name(push):
    for name, expected in {
        "same-body": {},
        "other-camera": {"views": ("front",), "scored_views": ("right",)},
        "other-simulator": {"task": "tcn_robot/BulletPush-v0"},
        "randomised-scene": {"randomise": ("all",)},
        "one-demonstration": {"max_demos": 1},
    }.items():
        changed = GAPS[name](push(), SHOWN, ACTING)
        assert changed == dataclasses.replace(push(), **expected)
    hand = Shown("MujocoPush-v0", ("hand",), ("front",))
    assert GAPS["other-body"](push(), hand, ACTING) == push()


def test_what_is_given_is_kept(push):
    cameras = {"views": ("left",), "scored_views": ("top",)}
    assert GAPS["other-camera"](push(**cameras), SHOWN, ACTING) == push(**cameras)
    light = push(randomise=("light",))
    assert GAPS["randomised-scene"](light, SHOWN, ACTING) == light
    bullet = Shown("BulletPush-v0", ("robot",), ("front",))
    assert GAPS["other-simulator"](push(), bullet, ACTING) == push()


@pytest.mark.parametrize(
    ("name", "options", "shown", "line"),
    [
        ("same-body", {}, Shown("MujocoPush-v0", ("hand",), ("front",)), "found hand"),
        ("same-body", {}, Shown("MujocoPush-v0", ("",), ("front",)), "no named body"),
        ("other-body", {}, SHOWN, "another body than robot"),
        ("one-demonstration", {"max_demos": 3}, SHOWN, "found 3"),
        ("other-camera", {"views": ("front",), "scored_views": ("front",)}, SHOWN, "other cameras"),
        ("other-simulator", {}, Shown("", ("robot",), ("front",)), "that name their task"),
        ("other-simulator", {"task": "MujocoDrawer-v0"}, Shown("MujocoDrawer-v0", (), ()), "one"),
    ],
)
def test_what_does_not_show_the_gap_is_one_line(tiny, name, options, shown, line):
    config = tiny(**({"task": "MujocoPush-v0"} | options))
    with pytest.raises(UserError, match=line) as error:
        GAPS[name](config, shown, ACTING)
    assert "\n" not in str(error.value)


def test_a_task_without_another_camera(push):
    with pytest.raises(UserError, match="found none"):
        GAPS["other-camera"](push(), SHOWN, Acting("robot", ("front",)))


def test_the_same_task_in_both_simulators():
    assert same_task_in("tcn_robot/MujocoPour-v0", "pybullet") == "tcn_robot/BulletPour-v0"
    assert same_task_in("tcn_robot/MujocoStack-v0", "pybullet") is None
    assert same_task_in("metaworld/drawer-open-v3", "mujoco") is None
    for task in TASKS:
        assert is_same_task(task, task)
    assert is_same_task("tcn_robot/BulletPush-v0", "tcn_robot/MujocoPush-v0")
    assert not is_same_task("tcn_robot/BulletPush-v0", "tcn_robot/MujocoReach-v0")
    assert not is_same_task("one-v0", "other-v0")


@pytest.mark.parametrize(
    ("gap", "options"),
    [
        ("other-camera", {"reward": "dense"}),
        ("one-demonstration", {"reward": "sparse"}),
        ("other-body", {"reward": "dense"}),
        ("other-camera", CLONED),
    ],
)
def test_a_gap_that_nothing_would_notice_is_refused(tiny, gap, options):
    with pytest.raises(UserError, match=f"gap {gap} .*leave --gap out"):
        refuse_gap_without_effect(tiny(**options, gap=gap))


@pytest.mark.parametrize(
    ("gap", "options"),
    [
        ("randomised-scene", {"reward": "dense"}),
        ("other-simulator", {"reward": "sparse"}),
        ("one-demonstration", CLONED),
        ("other-camera", {"reward": "dense", "observation": "embedding", "encoder": "runs/push"}),
        ("other-camera", {"reward": "progress", "encoder": "runs/push", "demos": "data/push"}),
    ],
)
def test_a_gap_that_is_noticed_changes_something(push, gap, options):
    config = push(**options, gap=gap)
    refuse_gap_without_effect(config)
    assert GAPS[gap](config, SHOWN, ACTING) != config

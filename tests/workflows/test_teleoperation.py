"""A person at the keyboard: what keys mean, the pace, and real keys in a real window."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest

from tcn_robot import cli
from tcn_robot.envs import make_task
from tcn_robot.recordings import find_faults, open_recording
from tcn_robot.workflows.gamepad import GamepadState
from tcn_robot.workflows.teleoperation import Ended, Teleoperator, ThrownAway
from tcn_robot.workflows.teleoperation_keys import (
    MOVES,
    Directions,
    HeldSpeeds,
    action_of,
    directions_of,
    gamepad_speeds,
    tip_task_of,
)
from tests.support.display import press, virtual_display

PLAIN = Directions(np.array([0.0, -1.0, 0.0]), np.array([1.0, 0.0, 0.0]), np.array([0, 0, 1.0]))


class Gripping:
    axes, rolls, grips = (0, 1, 2), True, True


class Pushing:
    axes, rolls, grips = (0, 1), False, False


def test_keys_move_as_the_viewer_sees_it() -> None:
    still = dict.fromkeys(MOVES, 0.0)
    action = action_of(Gripping(), {**still, "right": 1.0, "up": 0.5}, PLAIN, closes=True)
    np.testing.assert_allclose(action, [0, -1, 0.5, 0, -1])
    action = action_of(Gripping(), {**still, "away": -1.0, "turn": 1.0}, PLAIN, closes=False)
    np.testing.assert_allclose(action, [-1, 0, 0, 1, 1])
    action = action_of(Pushing(), {**still, "away": 1.0, "right": 1.0, "up": 1.0}, PLAIN, True)
    np.testing.assert_allclose(action, [1, -1])


@pytest.mark.parametrize("view", ["front", "left", "right", "top", "corner"])
def test_directions_are_those_of_the_view(view: str) -> None:
    """A point that moves right is further right in the picture; away is smaller or higher."""
    source: Any = make_task("MujocoReach-v0").unwrapped
    source.reset(seed=0)
    camera = source.camera_parameters(view, (84, 84))
    source.close()
    found = directions_of(camera)
    extrinsics, intrinsics = np.array(camera["extrinsics"]), np.array(camera["intrinsics"])

    def seen(point: np.ndarray) -> np.ndarray:
        place = intrinsics @ (extrinsics @ np.append(point, 1.0))[:3]
        return place[:2] / place[2]

    middle = np.array([0.56, 0.0, 0.1])
    right, away = seen(middle + 0.05 * found.right), seen(middle + 0.05 * found.away)
    assert right[0] > seen(middle)[0] + 1
    assert away[1] < seen(middle)[1]
    assert abs(found.right @ found.away) < 1e-9


def test_held_keys_speed_up_and_opposite_ones_cancel() -> None:
    speeds = HeldSpeeds()
    found = [speeds.update(frozenset({"left"}), 0.1)["right"] for _ in range(8)]
    assert found == sorted(found, reverse=True)
    assert -0.6 < found[0] < 0
    assert found[-1] == -1.0
    assert speeds.update(frozenset({"left", "d"}), 0.1)["right"] == 0.0
    assert speeds.update(frozenset(), 0.1) == dict.fromkeys(MOVES, 0.0)


def test_sticks_push_away_and_missing_axes_are_still() -> None:
    assert gamepad_speeds((0.5, -1.0))["away"] == 1.0
    assert gamepad_speeds((0.5, -1.0))["up"] == 0.0
    assert gamepad_speeds((0.5,))["right"] == 0.5


def test_a_task_from_elsewhere_is_refused() -> None:
    from tcn_robot.errors import UserError

    with pytest.raises(UserError, match="module:function"):
        tip_task_of(object())


class ScriptedWindow:
    """A window whose keys were written down before."""

    def __init__(self, presses: list[list[str]], held: set[str] | None = None) -> None:
        self._presses = list(presses)
        self._held = frozenset(held or ())
        self.texts: list[str] = []
        self.pad: GamepadState | None = None

    def show(self, frames: Mapping[str, np.ndarray], status: Mapping[str, str]) -> list[str]:
        self.texts.append(status["state"])
        return self._presses.pop(0) if self._presses else []

    def held(self) -> frozenset[str]:
        return self._held

    def gamepad(self) -> GamepadState | None:
        return self.pad


class Clock:
    """A clock that only sleeping moves, and every look by a little."""

    def __init__(self, look_seconds: float = 0.0) -> None:
        self.now_seconds = 0.0
        self._look_seconds = look_seconds

    def __call__(self) -> float:
        self.now_seconds += self._look_seconds
        return self.now_seconds

    def sleep(self, seconds: float) -> None:
        self.now_seconds += seconds


@pytest.fixture
def source() -> Any:
    source: Any = make_task("MujocoPickPlace-v0").unwrapped
    source.reset(seed=0)
    yield source
    source.close()


def drive(source: Any, window: ScriptedWindow, clock: Clock, device: str = "keyboard") -> Any:
    person = Teleoperator(window, device, ("front",), 32, "episode 1 of 1", clock, clock.sleep)
    return person, person(source, np.random.default_rng(0))


def test_pace_fingers_and_end(source: Any) -> None:
    clock = Clock()
    window = ScriptedWindow([[], ["return"], [], ["space"], [], ["return"]], held={"up"})
    person, actions = drive(source, window, clock)
    found = list(actions)
    assert [action[3] for action in found] == [1.0, -1.0, -1.0]
    assert clock.now_seconds == pytest.approx(0.02 + 3 * 0.1)
    assert person.late_steps == 0
    assert "Enter starts" in window.texts[0]
    assert "step 0 of" in window.texts[2]


def test_a_slow_machine_is_told(source: Any) -> None:
    window = ScriptedWindow([["return"], [], [], [], ["return"]])
    person, actions = drive(source, window, Clock(look_seconds=0.2))
    assert len(list(actions)) == 3
    assert person.late_steps == 3


@pytest.mark.parametrize(("key", "error"), [("backspace", ThrownAway), ("escape", Ended)])
def test_throwing_away_and_ending(source: Any, key: str, error: type[Exception]) -> None:
    _, actions = drive(source, ScriptedWindow([["return"], [], [key]]), Clock())
    next(actions)
    with pytest.raises(error):
        next(actions)


def test_the_gamepad_moves_and_toggles_once_per_press(source: Any) -> None:
    window = ScriptedWindow([["return"]])
    window.pad = GamepadState((0.0, -0.5), frozenset({0}))
    _, actions = drive(source, window, Clock(), "gamepad")
    first, second = next(actions), next(actions)
    assert first[3] == second[3] == -1.0  # held down, not pressed again
    assert np.abs(first[:2]).max() > 0.3


def test_real_keys_in_a_real_window_make_a_dataset(tmp_path: Path) -> None:
    path = tmp_path / "d"
    options = ["--policy", "keyboard", "--episodes", "3", "--views", "front", "top"]
    command = [sys.executable, "-m", "tcn_robot", "record", "MujocoReach-v0", "--out", str(path)]
    with virtual_display() as environment:
        process = subprocess.Popen(
            [*command, *options], env=environment, stderr=subprocess.PIPE, text=True
        )
        assert process.stderr is not None
        wait_for(process.stderr, "episode 1 of 3: Enter")
        press(environment, "key", "Return")
        press(environment, "keydown", "Left")
        time.sleep(1.2)
        press(environment, "keyup", "Left")
        press(environment, "key", "Return")  # kept
        wait_for(process.stderr, "episode 2 of 3: Enter")
        press(environment, "key", "Return")
        time.sleep(0.4)
        press(environment, "key", "BackSpace")
        wait_for(process.stderr, "episode 1: thrown away")
        wait_for(process.stderr, "episode 2 of 3: Enter")
        press(environment, "key", "Escape")  # that is all
        assert process.wait(timeout=30) == 0
        process.stderr.close()
    recording = open_recording(path)
    assert recording.ids == (0,)
    assert not [f for _, found in find_faults(recording) for f in found if f.is_fault]
    assert recording[0].metadata["policy"] == "keyboard"
    steps = recording[0].steps
    assert steps is not None
    right = directions_of(recording[0].metadata["cameras"]["front"]).right
    moved = np.nan_to_num(steps["action"])[:, :3] @ right
    assert moved.min() < -0.9  # left, at full speed in the end
    assert moved.max() <= 0.0


def wait_for(lines: IO[str], text: str) -> None:
    for line in lines:
        if text in line:
            time.sleep(0.3)  # until the window is on the screen
            return
    raise AssertionError(f"never said {text!r}")


def test_one_person_needs_one_process_and_a_display(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("SDL_VIDEODRIVER", "x11")
    command = ["record", "MujocoReach-v0", "--out", str(tmp_path / "d"), "--episodes", "1"]
    assert cli.main([*command, "--policy", "keyboard", "--workers", "2"]) == 2
    assert "is one person" in capsys.readouterr().err
    assert cli.main([*command, "--policy", "keyboard"]) == 2
    assert "no window can be opened" in capsys.readouterr().err

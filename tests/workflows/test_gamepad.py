"""Gamepads, plugged in through SDL's own virtual joystick."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tcn_robot import cli
from tcn_robot.recordings import open_recording
from tcn_robot.workflows.gamepad import without_dead_zone
from tcn_robot.workflows.view_window import ViewWindow
from tests.support.virtual_gamepad import virtual_gamepad


@pytest.fixture
def window(monkeypatch: pytest.MonkeyPatch) -> Iterator[ViewWindow]:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")  # SDL's own, without a screen
    window = ViewWindow("test")
    yield window
    window.close()


def test_dead_zone_has_no_step() -> None:
    values = [without_dead_zone(x) for x in np.linspace(-1, 1, 401)]
    assert values[200] == without_dead_zone(0.1) == 0.0
    assert values[0] == -1.0
    assert values[-1] == 1.0
    assert np.abs(np.diff(values)).max() < 0.01


def test_sticks_and_buttons_of_a_gamepad_that_comes_and_goes(window: ViewWindow) -> None:
    window.show({}, {})
    assert window.gamepad() is None
    with virtual_gamepad() as pad:
        window.show({}, {})
        state = window.gamepad()
        assert state is not None
        assert state.axes == (0.0, 0.0, 0.0, 0.0)
        pad.move(0, 1.0)
        pad.move(1, -0.56)
        pad.press(0)
        pad.press(3)
        window.show({}, {})
        state = window.gamepad()
        assert state is not None
        assert state.axes == pytest.approx((1.0, -0.5, 0.0, 0.0), abs=1e-3)
        assert state.buttons == {0, 3}
        pad.press(3, False)
        window.show({}, {})
        state = window.gamepad()
        assert state is not None
        assert state.buttons == {0}
    window.show({}, {})
    assert window.gamepad() is None


def test_a_trigger_is_never_taken_for_a_stick(window: ViewWindow) -> None:
    """Many pads number the left trigger between the sticks, and it rests at -1."""
    layout = "leftx:a0,lefty:a1,lefttrigger:a2,rightx:a3,righty:a4,righttrigger:a5,a:b1,b:b0"
    with virtual_gamepad(layout) as pad:
        pad.move(2, -1.0)
        pad.move(4, 1.0)
        pad.press(1)
        window.show({}, {})
        state = window.gamepad()
        assert state is not None
        assert state.axes == pytest.approx((0.0, 0.0, 0.0, 1.0), abs=1e-3)
        assert state.buttons == {0}


DRIVE = """
import sys
from tcn_robot import cli
from tcn_robot.workflows import teleoperation, view_window
from tests.support.virtual_gamepad import virtual_gamepad

import pygame
pygame.display.init()
pygame.joystick.init()
with virtual_gamepad() as pad:
    shown = 0
    original = view_window.ViewWindow.show

    def show(window, frames, status):  # a person at the pad, who looks at the window
        global shown
        shown += 1
        pad.move(0, 1.0 if "step" in status["state"] else 0.0)
        if shown == 3 or "step 12 of" in status["state"]:
            pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=pygame.K_RETURN))
        return original(window, frames, status)

    view_window.ViewWindow.show = show
    sys.exit(cli.main(sys.argv[1:]))
"""


def test_a_demonstration_by_gamepad(tmp_path: Path, root: Path) -> None:
    path = tmp_path / "d"
    options = ["--out", str(path), "--episodes", "1", "--policy", "gamepad", "--views", "front"]
    done = subprocess.run(
        [sys.executable, "-c", DRIVE, "record", "MujocoReach-v0", *options],
        env={"PATH": "/usr/bin:/bin", "SDL_VIDEODRIVER": "dummy", "MUJOCO_GL": "egl"},
        cwd=root,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    episode = open_recording(path)[0]
    assert episode.metadata["policy"] == "gamepad"
    assert episode.length("front") == 13
    assert episode.steps is not None
    # The stick was held to one side all the time: the tip went there, seen from the first view.
    moved = episode.steps["action"][:12, :3].mean(0)
    assert np.abs(moved).max() > 0.3


def test_without_a_gamepad_it_is_said_before_an_episode_begins(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    options = ["--out", str(tmp_path / "d"), "--episodes", "1", "--policy", "gamepad"]
    assert cli.main(["record", "MujocoReach-v0", *options]) == 2
    assert "no gamepad is connected" in capsys.readouterr().err

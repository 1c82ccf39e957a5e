"""The window on a real X server, with keys that come from outside."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest

from tcn_robot.workflows.view_window import layout
from tests.support.display import press, virtual_display

SHOW = """
import json, sys, time
import numpy as np
from tcn_robot.workflows.view_window import ViewWindow

rng = np.random.default_rng(0)
frames = {"front": np.zeros((84, 84, 3), np.uint8), "left": np.full((48, 64, 3), 90, np.uint8)}
frames["front"][20:40, 30:60] = (220, 40, 30)
window = ViewWindow("tcn-robot test")
keys, held = [], set()
print("ready", flush=True)
while "q" not in keys and not window.closed:
    status = {"state": "recording 3.2 s", "front": "96 frames", "step": "7 of 100"}
    keys += window.show(frames, status)
    held |= window.held()
    time.sleep(0.01)
window.save(sys.argv[1])
window.close()
print(json.dumps([keys, sorted(held)]), flush=True)
"""


@pytest.fixture
def display() -> Iterator[dict[str, str]]:
    with virtual_display() as environment:
        yield environment


def test_keys_and_pictures(tmp_path: Path, display: dict[str, str]) -> None:
    picture = tmp_path / "window.png"
    command = [sys.executable, "-c", SHOW, str(picture)]
    process = subprocess.Popen(command, env=display, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "ready"
    time.sleep(0.3)
    press(display, "key", "space")
    press(display, "keydown", "Left")
    time.sleep(0.1)
    press(display, "keyup", "Left")
    press(display, "key", "Return")
    press(display, "key", "q")
    keys, held = json.loads(process.stdout.readline())
    assert process.wait(timeout=20) == 0
    process.stdout.close()
    assert keys == ["space", "left", "return", "q"]
    assert "left" in held
    shown = cv2.imread(str(picture))[..., ::-1]
    red = (shown[..., 0] > 200) & (shown[..., 1] < 60)
    assert red.mean() > 0.02


@pytest.mark.parametrize("driver", [{}, {"SDL_VIDEODRIVER": "x11"}])
def test_without_a_display_it_is_one_line(driver: dict[str, str]) -> None:
    code = "from tcn_robot.workflows.view_window import ViewWindow; ViewWindow('x')"
    environment = {"PATH": "/usr/bin:/bin", **driver}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    assert "UserError: no window can be opened" in done.stderr
    assert "--preview page" in done.stderr


def test_views_stand_side_by_side_and_fit() -> None:
    places, (width, height) = layout({"a": (640, 480), "b": (84, 84)})
    (left_a, _, width_a, height_a), (left_b, _, width_b, height_b) = places.values()
    assert left_a + width_a < left_b
    assert height_a == height_b == 360
    assert (width_a, width_b) == (480, 360)
    assert left_b + width_b < width
    _, (width, height) = layout({str(i): (640, 480) for i in range(8)})
    assert width <= 1_620
    assert height < 360

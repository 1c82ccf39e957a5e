"""No display, no EGL, a wrong variable: one line with the remedy, whatever library complains."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="GL backends of Linux")

FAULTS = {
    "no driver": (
        {"MUJOCO_GL": "egl", "__EGL_VENDOR_LIBRARY_FILENAMES": "/nonexistent.json"},
        "no EGL driver could be started; try: unset __EGL_VENDOR_LIBRARY_FILENAMES",
    ),
    "no screen": ({"MUJOCO_GL": "glfw"}, "needs a screen and there is none"),
    "switched off": ({"MUJOCO_GL": "off"}, "rendering is switched off; try: unset MUJOCO_GL"),
    "no number": ({"MUJOCO_EGL_DEVICE_ID": "gpu"}, "MUJOCO_EGL_DEVICE_ID, found 'gpu'; unset it"),
    "unknown": ({"MUJOCO_GL": "eggl"}, "unknown MUJOCO_GL backend 'eggl'; did you mean 'egl'?"),
    "contradiction": (
        {"MUJOCO_GL": "egl", "PYOPENGL_PLATFORM": "osmesa"},
        "try: unset PYOPENGL_PLATFORM",
    ),
}


@pytest.mark.parametrize(("fault", "workers"), [*((name, 1) for name in FAULTS), ("no screen", 2)])
def test_recording_without_a_renderer(fault: str, workers: int, tmp_path: Path) -> None:
    environment, told = FAULTS[fault]
    kept = {name: value for name, value in os.environ.items() if not name.endswith("DISPLAY")}
    kept = {name: value for name, value in kept.items() if name != "PYOPENGL_PLATFORM"}
    command = ["record", "MujocoReach-v0", "--out", str(tmp_path / "data"), "--episodes", "2"]
    command += ["--workers", str(workers)]
    done = subprocess.run(
        [sys.executable, "-m", "tcn_robot", *command],
        capture_output=True,
        text=True,
        env={**kept, **environment},
    )
    assert done.returncode == 2
    assert done.stderr.startswith("tcn-robot: error: ")
    assert done.stderr.count("\n") == 1
    assert told in done.stderr

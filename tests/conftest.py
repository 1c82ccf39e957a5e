"""What every test shares: one thread per process, reproducible property tests, a renderer."""

from __future__ import annotations

import ctypes.util
import os
import signal
import sys
from pathlib import Path

# Before torch and OpenCV are imported: several test processes share the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "agg")

import pytest
from hypothesis import settings

# A shell that starts a job in the background has it ignore Ctrl-C, and so would the commands that
# the tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parents[1]
SOURCE_FOLDERS = ("tcn_robot", "envs", "policies", "recordings")

settings.register_profile("tcn_robot", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("tcn_robot")


def pytest_configure(config: pytest.Config) -> None:
    """Say once what is missing instead of failing in every test that renders."""
    settled = "MUJOCO_GL" in os.environ or not sys.platform.startswith("linux")
    if not settled and not any(map(ctypes.util.find_library, ("EGL", "OSMesa"))):
        pytest.exit("no OpenGL library for rendering without a screen: run `make system`", 2)


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT

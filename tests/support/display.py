"""A display of its own for a test: Xvfb, and xdotool for keys as a person presses them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def virtual_display() -> Iterator[dict[str, str]]:
    """Start an X server without a screen; yield the environment that leads to it."""
    if not shutil.which("Xvfb") or not shutil.which("xdotool"):
        pytest.skip("needs Xvfb and xdotool (apt-get install xvfb xdotool)")
    receiver, sender = os.pipe()
    command = ["Xvfb", "-displayfd", str(sender), "-screen", "0", "1280x800x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[sender], stderr=subprocess.DEVNULL)
    os.close(sender)
    try:
        with os.fdopen(receiver) as pipe:
            number = pipe.readline().strip()
        yield {**os.environ, "DISPLAY": f":{number}", "SDL_VIDEODRIVER": "x11"}
    finally:
        server.terminate()
        server.wait()


def press(environment: dict[str, str], *arguments: str) -> None:
    """Let xdotool do something, such as `key space` or `keydown Left`."""
    subprocess.run(["xdotool", *arguments], env=environment, check=True, timeout=20)

"""Single keys from a terminal, read without waiting and without showing them."""

from __future__ import annotations

import os
import select
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager

NAMES = {"\n": "return", "\r": "return", " ": "space", "\x7f": "backspace", "\x1b": "escape"}


@contextmanager
def terminal_keys() -> Iterator[Callable[[], list[str]]]:
    """Switch echo and line editing of the terminal off, and put it back as it was in the end.

    Ctrl-C still interrupts.

    Yields:
        A function that returns the keys pressed since its last call: "return", "space",
        "backspace", "escape" or the letter.
    """
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    tty.setcbreak(descriptor)
    try:
        yield lambda: _pressed(descriptor)
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _pressed(descriptor: int) -> list[str]:
    keys: list[str] = []
    while select.select([descriptor], [], [], 0.0)[0]:
        content = os.read(descriptor, 64).decode(errors="ignore")
        if not content:
            break
        keys += [NAMES.get(letter, letter.lower()) for letter in content]
    return keys

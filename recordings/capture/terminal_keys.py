"""Single keys from a terminal, read without waiting and without showing them."""

from __future__ import annotations

import os
import select
import sys
import termios
import tty
from types import TracebackType
from typing import Any

NAMES = {"\n": "return", "\r": "return", " ": "space", "\x7f": "backspace", "\x1b": "escape"}


class TerminalKeys:
    """Gives the keys pressed since the last look; a context manager that restores the terminal."""

    def __init__(self, descriptor: int | None = None) -> None:
        """Use a terminal's file descriptor, that of stdin when None."""
        self._descriptor = sys.stdin.fileno() if descriptor is None else descriptor
        self._before: list[Any] | None = None

    def __enter__(self) -> TerminalKeys:
        """Switch echo and line editing off; Ctrl-C still interrupts."""
        self._before = termios.tcgetattr(self._descriptor)
        tty.setcbreak(self._descriptor)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Put the terminal back as it was."""
        if self._before is not None:
            termios.tcsetattr(self._descriptor, termios.TCSADRAIN, self._before)

    def pressed(self) -> list[str]:
        """Return names of keys: "return", "space", "backspace", "escape" or the letter."""
        keys = []
        while select.select([self._descriptor], [], [], 0.0)[0]:
            content = os.read(self._descriptor, 64).decode(errors="ignore")
            if not content:
                break
            keys += [NAMES.get(letter, letter.lower()) for letter in content]
        return keys

"""Ctrl-C between two steps instead of in the middle of one."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType


class DeferredInterrupt:
    """While it is open, the first Ctrl-C only sets `pressed`; the second one interrupts at once.

    In other threads than the main one, which never sees Ctrl-C, it does nothing.
    """

    def __init__(self) -> None:
        """Nothing is pressed yet."""
        self.pressed = False

    def _press(self, number: int, frame: FrameType | None) -> None:
        if self.pressed:
            raise KeyboardInterrupt
        self.pressed = True

    def __enter__(self) -> DeferredInterrupt:
        """Take over Ctrl-C."""
        self._in_main_thread = threading.current_thread() is threading.main_thread()
        if self._in_main_thread:
            self._before = signal.signal(signal.SIGINT, self._press)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Give Ctrl-C back."""
        if self._in_main_thread:
            signal.signal(signal.SIGINT, self._before)

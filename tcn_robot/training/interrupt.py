"""Ctrl-C, or the end that a machine's scheduler announces, between two steps and not in one."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class DeferredInterrupt:
    """While it is open, the first Ctrl-C only sets `pressed`; the second one interrupts at once.

    SIGTERM counts as Ctrl-C: schedulers send it before they take a machine back, and torchrun hands
    it on. In other threads than the main one, which never sees signals, it does nothing.
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
            self._before = {number: signal.signal(number, self._press) for number in _SIGNALS}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Give Ctrl-C back."""
        if self._in_main_thread:
            for number, before in self._before.items():
                signal.signal(number, before)

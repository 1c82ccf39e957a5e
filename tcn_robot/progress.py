"""Progress of long work: a bar on a terminal, plain lines with rate and time left in a log."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, TypeVar

Item = TypeVar("Item")

LOG_INTERVAL_SECONDS = 10.0
UNKNOWN_WIDTH_COLUMNS = 80


class Progress:
    """Counts finished units of work and shows rate and time left.

    Use as a context manager with `advance`, or wrap an iterable with `progress`.
    """

    def __init__(self, total: int, description: str, unit: str = "it") -> None:
        """Start the display; `total` is the number of units expected."""
        self._description = description
        self._unit = unit
        self._total = total
        self._done = 0
        self._note = ""
        self._start_seconds = self._last_log_seconds = time.monotonic()
        self._bar: Any = None
        if sys.stderr.isatty():
            from tqdm import tqdm  # here, because the training core must run without it

            # Some pseudo terminals do not know their width; tqdm would then draw nothing.
            has_width = os.get_terminal_size(sys.stderr.fileno()).columns > 0
            self._bar = tqdm(
                total=total,
                desc=description,
                unit=unit,
                dynamic_ncols=has_width,
                ncols=None if has_width else UNKNOWN_WIDTH_COLUMNS,
            )

    def advance(self, count: int = 1, note: str = "") -> None:
        """Count `count` more units as done; `note` is a short text shown beside the rate."""
        self._done += count
        self._note = note or self._note
        if self._bar is not None:
            if note:
                self._bar.set_postfix_str(note, refresh=False)
            self._bar.update(count)
            return
        now = time.monotonic()
        if self._done >= self._total or now - self._last_log_seconds >= LOG_INTERVAL_SECONDS:
            self._last_log_seconds = now
            self._log(now - self._start_seconds)

    def _log(self, elapsed_seconds: float) -> None:
        rate = self._done / max(elapsed_seconds, 1e-9)
        left_seconds = (self._total - self._done) / max(rate, 1e-9)
        note = f", {self._note}" if self._note else ""
        print(
            f"{self._description}: {self._done}/{self._total} {self._unit}, "
            f"{rate:.1f} {self._unit}/s, {left_seconds:.0f} s left{note}",
            file=sys.stderr,
            flush=True,
        )

    def __enter__(self) -> Progress:
        """Return the display itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the bar, also after an interruption."""
        if self._bar is not None:
            self._bar.close()


def progress(
    items: Iterable[Item], total: int, description: str, unit: str = "it"
) -> Iterator[Item]:
    """Yield the items of an iterable and show how far it has come."""
    with Progress(total, description, unit) as display:
        for item in items:
            yield item
            display.advance()


def say(line: str) -> None:
    """Print a line about long work where its progress is shown, such as that it has to wait."""
    print(line, file=sys.stderr, flush=True)

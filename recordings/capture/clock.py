"""The one clock of a capture: monotonic seconds, tied to UTC once."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timezone

NUM_READINGS = 64


def now_seconds() -> float:
    """Return the time that every frame and every robot message is stamped with."""
    return time.monotonic()


@dataclass(frozen=True)
class UtcAnchor:
    """Where the monotonic clock's zero lies in UTC.

    Attributes:
        zero_utc: UTC time of the clock's zero, ISO 8601 with microseconds.
        uncertainty_seconds: Half the time that reading both clocks took.
    """

    zero_utc: str
    uncertainty_seconds: float


def measure_utc_anchor() -> UtcAnchor:
    """Read both clocks several times and keep the reading that took the least time."""
    readings = []
    for _ in range(NUM_READINGS):
        before = time.monotonic_ns()
        utc = time.time_ns()
        after = time.monotonic_ns()
        readings.append((after - before, utc - (before + after) // 2))
    width_ns, zero_ns = min(readings)
    zero = datetime.fromtimestamp(zero_ns / 1e9, timezone.utc)
    return UtcAnchor(zero.isoformat(timespec="microseconds"), 0.5 * width_ns / 1e9)

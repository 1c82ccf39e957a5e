"""A span of time around a frame, in measured seconds or in frames of its film."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from tcn_robot.errors import UserError
from tcn_robot.matching import TIME_TOLERANCE_SECONDS

Array = TypeVar("Array")


@dataclass(frozen=True)
class Reach:
    """How far something reaches in time.

    Measured seconds mean the same at every frame rate and after a dropped frame; frames are what
    the papers' configurations are written in.

    Attributes:
        seconds: The span in seconds; not looked at when there is one in frames.
        frames: The span in frames, each view counting its own.
    """

    seconds: float
    frames: int | None = None

    @property
    def limit(self) -> float:
        """Largest difference of two clock readings that is still within reach."""
        return self.frames if self.frames is not None else self.seconds + TIME_TOLERANCE_SECONDS

    @property
    def span(self) -> float:
        """The span itself, in its own unit."""
        return self.seconds if self.frames is None else self.frames

    @property
    def unit(self) -> str:
        """The unit, as the names of options end: seconds or frames."""
        return "seconds" if self.frames is None else "frames"

    def clock(self, time_seconds: Array, frame: Array) -> Array:
        """Return what differences are taken of: the times, or the numbers of the frames."""
        return time_seconds if self.frames is None else frame


@dataclass(frozen=True)
class Radii:
    """How far in time partners and strangers are, both in one unit.

    Attributes:
        positive: A positive is at most this far from its anchor.
        excluded: A negative of the same film is further than this.
    """

    positive: Reach = Reach(0.2)
    excluded: Reach = Reach(0.4)

    def check(self) -> None:
        """Raise a UserError unless 0 < positive <= excluded."""
        positive, excluded = self.positive, self.excluded
        if positive.unit != excluded.unit:
            raise UserError(
                f"expected positive radius and exclusion in one unit, found {positive.unit} and "
                f"{excluded.unit}; give both in seconds or both in frames"
            )
        if not 0 < positive.span <= excluded.span:
            raise UserError(
                f"expected 0 < --positive-radius-{positive.unit} <= --exclusion-{excluded.unit}, "
                f"found {positive.span:g} and {excluded.span:g}"
            )

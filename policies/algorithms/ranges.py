"""Which numbers the options of an algorithm can be, refused in one line where they cannot."""

from __future__ import annotations

import math
from collections.abc import Iterable

from tcn_robot.errors import UserError


def above_zero(options: object, *names: str) -> None:
    """Raise UserError unless these fields are finite and above 0."""
    for name in names:
        value = getattr(options, name)
        if not (value > 0 and math.isfinite(value)):
            raise UserError(f"{name} must be above 0, found {value}")


def not_below(options: object, smallest: float, *names: str) -> None:
    """Raise UserError unless these fields are finite and not below a number."""
    for name in names:
        value = getattr(options, name)
        if not (value >= smallest and math.isfinite(value)):
            raise UserError(f"{name} must be at least {smallest:g}, found {value}")


def inside_unit(options: object, *names: str) -> None:
    """Raise UserError unless these fields lie between 0 and 1, both excluded."""
    for name in names:
        value = getattr(options, name)
        if not 0 < value < 1:
            raise UserError(f"{name} must lie between 0 and 1, found {value}")


def at_most_one(options: object, *names: str) -> None:
    """Raise UserError unless these fields lie in (0, 1]."""
    for name in names:
        value = getattr(options, name)
        if not 0 < value <= 1:
            raise UserError(f"{name} must be above 0 and at most 1, found {value}")


def widths(options: object, *names: str) -> None:
    """Raise UserError unless these fields are one width of 1 or more per layer."""
    for name in names:
        value: Iterable[int] = getattr(options, name)
        if not value or min(value) < 1:
            raise UserError(f"{name} must be 1 or more each, found {value}")

"""Which numbers options can be, refused in one line where they cannot. A leaf of all parts."""

from __future__ import annotations

import math

from tcn_robot.errors import UserError


def flag(name: str) -> str:
    """Return the option of a field as it is typed."""
    return f"--{name.replace('_', '-')}"


def expect_at_least(options: object, smallest: float, *names: str) -> None:
    """Raise UserError unless these fields are finite and not below a number, or None.

    Args:
        options: Has the fields.
        smallest: What they may be at least.
        names: The fields.
    """
    for name in names:
        value = getattr(options, name)
        if value is not None and not (value >= smallest and math.isfinite(value)):
            raise UserError(f"{flag(name)} must be at least {smallest:g}{_finite(value)}")


def expect_within(options: object, smallest: float, largest: float, *names: str) -> None:
    """Raise UserError unless these fields lie from one number to another."""
    for name in names:
        value = getattr(options, name)
        if not smallest <= value <= largest:
            raise UserError(f"{flag(name)} must be from {smallest:g} to {largest:g}, found {value}")


def expect_above_zero(options: object, *names: str) -> None:
    """Raise UserError unless these fields are finite and above 0, or None."""
    for name in names:
        value = getattr(options, name)
        if value is not None and not (value > 0 and math.isfinite(value)):
            raise UserError(f"{flag(name)} must be above 0{_finite(value)}")


def _finite(value: float) -> str:
    return f"{'' if math.isfinite(value) else ' and finite'}, found {value}"


def expect_read(
    options: object, chooser: str, readers: dict[str, tuple[object, ...]], defaults: object
) -> None:
    """Raise UserError for an option that was changed although what was chosen does not read it.

    Args:
        options: Has the fields.
        chooser: Field whose value decides.
        readers: By field, the values of the chooser with which it is read.
        defaults: The same options as they are when nothing is said.
    """
    chosen = getattr(options, chooser)
    for name, choices in readers.items():
        value = getattr(options, name)
        if value != getattr(defaults, name) and chosen not in choices:
            wanted = " or ".join(str(choice) for choice in choices)
            raise UserError(
                f"{flag(name)} {value} is for {flag(chooser)} {wanted}, found {flag(chooser)} "
                f"{chosen}; leave {flag(name)} out"
            )

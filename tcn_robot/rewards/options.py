"""Options of a reward as they come from a command line, checked against its dataclass."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any, TypeVar

from tcn_robot.errors import UserError, unknown_name

Options = TypeVar("Options")

_KINDS: dict[type, tuple[type, str]] = {
    int: (Integral, "a whole number"),
    float: (Real, "a number"),
    str: (str, "a word"),
    bool: (bool, "true or false"),
}


def stored_options(
    reward: str, kind: type[Options], values: Mapping[str, Any], complete: bool = False
) -> Options:
    """Return a dataclass of options as they were saved with a fitted reward.

    Args:
        reward: Name of the reward, for errors.
        kind: As in `checked_options`.
        values: Field name to value; one at least.
        complete: Whether no field may be missing. Else those that are younger than the file have
            their defaults.

    Raises:
        KeyError: A field is missing that has to be there, or all are.
        UserError: As from `checked_options`.
    """
    names = [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
    missing = [name for name in names if name not in values]
    if missing and (complete or len(missing) == len(names)):
        raise KeyError(missing[0])
    return checked_options(reward, kind, values)


def checked_options(reward: str, kind: type[Options], values: Mapping[str, Any]) -> Options:
    """Return a dataclass of options filled with values of the types of its defaults.

    Args:
        reward: Name of the reward, for errors.
        kind: A dataclass in which every field has a default.
        values: Field name to value.

    Raises:
        UserError: An unknown name (with the nearest one), or a value of another type.
    """
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for name, value in values.items():
        if name not in fields:
            raise unknown_name(f"option of the {reward} reward", name, fields)
        expected, words = _KINDS[type(fields[name].default)]
        # A truth value is a whole number to Python.
        if isinstance(value, bool) != (expected is bool) or not isinstance(value, expected):
            raise UserError(
                f"option {name!r} of the {reward} reward expects {words}, found {value!r}"
            )
    return kind(**values)

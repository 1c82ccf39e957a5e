"""Frozen dataclasses from JSON, strictly: every key known, none missing, each of its type."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from functools import cache
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from tcn_robot.errors import UserError, unknown_name

Options = TypeVar("Options")


def options_from_json(
    kind: type[Options],
    values: Any,
    where: str,
    optional: Iterable[str] = (),
    **parts: Any,
) -> Options:
    """Return the dataclass that `dataclasses.asdict` made `values` of, by way of JSON.

    Args:
        kind: A dataclass of int, float, bool, str, Literal, tuple, dict, None, and of such
            dataclasses.
        values: Field name to value.
        where: File they stand in, for the error.
        optional: Fields that may be missing; they keep their defaults.
        parts: Fields that are made already, by name.

    Raises:
        UserError: If a name is unknown, missing, or its value of another type.
    """
    if not isinstance(values, dict):
        raise UserError(f"{where} expects the options of {kind.__name__}, found {values!r:.60}")
    names = [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
    for name in values:
        if name not in names:
            raise unknown_name(f"key in {where}", name, names)
    if missing := [name for name in names if name not in {*values, *optional}]:
        raise UserError(f"{where} lacks {', '.join(missing)}; it was not written by tcn_robot")
    read = dict(parts)
    for name in values.keys() - parts.keys():
        hint = _hints(kind)[name]  # type: ignore[arg-type]
        if isinstance(hint, type) and dataclasses.is_dataclass(hint):
            read[name] = options_from_json(hint, values[name], where)
        else:
            read[name] = fitting_value(kind, name, values[name], where)
    return kind(**read)


def fitting_value(kind: type, name: str, value: Any, where: str = "") -> Any:
    """Return a value as a field has it: lists as tuples, whole numbers as floats where wanted.

    Args:
        kind: The dataclass.
        name: The field.
        value: What JSON or a caller has for it.
        where: Where it stands, for the error.

    Raises:
        UserError: If it is of another type.
    """
    hint = _hints(kind)[name]
    found = _converted(hint, value)
    if found is _MISFIT:
        place = f"{where}: " if where else ""
        raise UserError(f"{place}{name} expects {_in_words(hint)}, found {value!r}")
    return found


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


_MISFIT = object()


def _converted(hint: Any, value: Any) -> Any:
    """Return the value as its type, `_MISFIT` if it is none."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return value
    if origin is Literal:
        return value if value in arguments else _MISFIT
    if origin in (Union, UnionType):
        fitting = (_converted(argument, value) for argument in arguments)
        return next((found for found in fitting if found is not _MISFIT), _MISFIT)
    if origin is tuple:
        return _converted_tuple(arguments, value)
    if origin is dict:
        return dict(value) if isinstance(value, dict) else _MISFIT
    if hint is float and type(value) is int:
        return float(value)
    return value if type(value) is hint else _MISFIT


def _converted_tuple(arguments: tuple[Any, ...], value: Any) -> Any:
    if not isinstance(value, list | tuple):
        return _MISFIT
    if arguments[-1:] == (Ellipsis,):
        arguments = arguments[:1] * len(value)
    if len(arguments) != len(value):
        return _MISFIT
    found = tuple(_converted(a, v) for a, v in zip(arguments, value, strict=True))
    return _MISFIT if any(each is _MISFIT for each in found) else found


def _in_words(hint: Any) -> str:
    """Return a type as a user reads it."""
    if get_origin(hint) is Literal:
        return "one of " + ", ".join(map(repr, get_args(hint)))
    return hint.__name__ if isinstance(hint, type) and not get_args(hint) else str(hint)

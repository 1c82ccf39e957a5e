"""Flat names over nested frozen dataclasses: `batch_frames` for `config.batch.batch_frames`.

Every name occurs once in a config, so that the command line needs no prefixes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from tcn_robot.errors import unknown_name
from tcn_robot.typed_options import fitting_value

Config = TypeVar("Config")


def _is_part(value: Any) -> bool:
    return dataclasses.is_dataclass(value) and not isinstance(value, type)


def leaves(config: Any) -> Iterator[tuple[str, Any]]:
    """Yield (name, value) of every option of a config and its parts."""
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if _is_part(value):
            yield from leaves(value)
        else:
            yield field.name, value


def with_values(config: Config, values: Mapping[str, Any], where: str = "") -> Config:
    """Return a config with some options changed, wherever in it they stand.

    Args:
        config: Frozen dataclass with frozen dataclasses in it.
        values: Flat name to value; lists become tuples.
        where: Where the values come from, for the error.

    Raises:
        UserError: If a name is unknown or a value is of the wrong type.
    """
    known = [name for name, _ in leaves(config)]
    for name in values:
        if name not in known:
            raise unknown_name(f"option{f' in {where}' if where else ''}", name, known)
    return _changed(config, dict(values), where)


def _changed(config: Config, values: dict[str, Any], where: str) -> Config:
    changes: dict[str, Any] = {}
    for field in dataclasses.fields(config):  # type: ignore[arg-type]
        value = getattr(config, field.name)
        if _is_part(value):
            changes[field.name] = _changed(value, values, where)
        elif field.name in values:
            changes[field.name] = fitting_value(type(config), field.name, values[field.name], where)
    return dataclasses.replace(config, **changes)  # type: ignore[type-var]

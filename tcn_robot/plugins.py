"""Names of parts that other people may add: a table of ours, an entry point, or "module:Class".

A leaf that every part may import; it imports nothing of ours but the errors.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import sys
from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any

from tcn_robot.errors import UserError, unknown_name

GROUPS = ("tcn_robot.objectives", "tcn_robot.rewards", "tcn_robot.formats")


def known_names(table: Iterable[str], group: str) -> list[str]:
    """Return the names of a table of ours, then those that installed plug-ins add.

    Args:
        table: Our own names.
        group: Entry-point group, one of `GROUPS`.
    """
    ours = list(table)
    added = {point.name for point in importlib.metadata.entry_points(group=group)}
    return ours + sorted(added - set(ours))


def resolve(
    kind: str, name: str, table: Mapping[str, Any], group: str, needs: Iterable[str] = ()
) -> Any:
    """Return the part that a name stands for.

    A name of ours wins over a plug-in's. Nothing is imported but what was asked for.

    Args:
        kind: What the name stands for in an error, such as "objective".
        name: A key of the table, the name of an entry point, or "package.module:Class".
        table: Our own parts by name.
        group: Entry-point group, one of `GROUPS`.
        needs: Attributes that a part from elsewhere must have.

    Raises:
        UserError: There is no such name (with the nearest one), or what it names cannot be
            imported or is no such part.
    """
    if name in table:
        return table[name]
    for point in importlib.metadata.entry_points(group=group):
        if point.name == name:
            return _fit(kind, point.value, needs)
    if ":" in name:
        return _fit(kind, name, needs)
    raise unknown_name(kind, name, known_names(table, group))


def import_module(kind: str, address: str, module_name: str) -> ModuleType:
    """Import a module that the user has named; the working folder is looked in too.

    Args:
        kind: What the module is for, such as "task".
        address: What the user wrote, for the error.
        module_name: The module's dotted name.

    Raises:
        UserError: It cannot be imported.
    """
    # A console script has its own folder on the path, not the one it is called from.
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    try:
        return importlib.import_module(module_name)
    except ImportError as error:
        raise UserError(
            f"{kind} {address!r}: cannot import {module_name!r} ({error}); "
            "run from the folder it is in, or put that on PYTHONPATH"
        ) from error


def _fit(kind: str, address: str, needs: Iterable[str]) -> Any:
    """Return the object at an address after a look at what it must have."""
    found = _imported(kind, address)
    if lacking := [name for name in needs if not hasattr(found, name)]:
        raise UserError(
            f"{address!r} is no {kind}: it lacks {', '.join(lacking)}; CONTRIBUTING.md says what "
            "one looks like"
        )
    return found


def _imported(kind: str, address: str) -> Any:
    """Return the object at "package.module:Class"."""
    module_name, _, attributes = address.partition(":")
    if not module_name or not attributes:
        raise UserError(f"{kind} {address!r}: expected package.module:Class")
    found: Any = import_module(kind, address, module_name)
    for attribute in attributes.split("."):
        if not hasattr(found, attribute):
            names = [name for name in vars(found) if not name.startswith("_")]
            raise unknown_name(f"name in {module_name}", attribute, names)
        found = getattr(found, attribute)
    return found

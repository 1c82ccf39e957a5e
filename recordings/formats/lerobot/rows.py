"""LeRobot's columns as steps of an episode: what the robot did and felt, one value a row."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from tcn_robot.recordings.formats.lerobot import layout
from tcn_robot.recordings.formats.lerobot.columns import feature_name
from tcn_robot.recordings.tables import STEP_TYPES

_NAMES = {layout.ACTION: "action", layout.STATE: "observation"}
# In front of columns of LeRobot whose names mean something else here.
_FOREIGN_PREFIX = "lerobot."


@dataclass
class Steps:
    """The columns of an episode's rows.

    Attributes:
        columns: Under our names.
        features: By our name, LeRobot's, where an export would call it otherwise.
        notes: What is worth saying.
    """

    columns: dict[str, list[Any]] = field(default_factory=dict)
    features: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def read_steps(
    table: pa.Table,
    skipped: Iterable[str],
    tasks: Mapping[int, str],
    known: Mapping[str, str] | None = None,
) -> Steps:
    """Return the columns of an episode's rows.

    Args:
        table: The rows of one episode, in order.
        skipped: Columns that are no steps: cameras.
        tasks: What task numbers mean.
        known: By name of a feature, what the column was called before our export.
    """
    left_out = {*skipped, *layout.DEFAULT_FEATURES, layout.TIME_COLUMN}
    found = Steps()
    steps, notes, known = found.columns, found.notes, known or {}
    shown = _tasks_shown(table, tasks)
    # What is added by us, and what only a simulator says, in a form that its model knows.
    reserved = {"time_seconds", *(["task"] if shown else [])}
    for name in table.column_names:
        if name in left_out:
            continue
        column = table[name].combine_chunks()
        values = _values(column)
        if values is None:
            notes.append(f"the column {name!r} is of type {column.type}, which has no place")
            continue
        if _depth(column.type) > 1:
            notes.append(f"{name}: rows of several dimensions were laid flat")
        kept, num_odd = _finite(values)
        if num_odd:
            notes.append(f"{name}: {num_odd} rows with a number that is not finite became absent")
        if name in _NAMES and pa.types.is_float64(_innermost(column.type)):
            notes.append(f"{name}: float64 was rounded to float32, which the format has for it")
        if name in _NAMES:  # lists there, whatever they are here
            kept = [[one] if isinstance(one, (int, float)) else one for one in kept]
        wanted = known.get(name) or _NAMES.get(name, name.removeprefix(layout.OUR_PREFIX))
        own = _free_name(name, wanted, kept, {*steps, *reserved})
        if own != wanted:
            notes.append(
                f"the column {name!r} is called {own!r}: {wanted!r} is something else here"
            )
        if feature_name(own, True) != name:
            found.features[own] = name
        steps[own] = kept
    if shown:
        steps["task"] = shown
    return found


def _tasks_shown(table: pa.Table, tasks: Mapping[int, str]) -> list[str]:
    """Return the task of each row where there are several; nothing where there is one."""
    indices = table["task_index"].to_pylist() if "task_index" in table.column_names else []
    if len(set(map(str, indices))) < 2:
        return []
    known = {str(index): text for index, text in tasks.items()}
    return [known.get(str(index), str(index)) for index in indices]


def _free_name(name: str, wanted: str, values: list[Any], taken: set[str]) -> str:
    """Return what a column can be called, so that it is neither lost nor taken for another."""
    candidates = [wanted, name, _FOREIGN_PREFIX + name]
    candidates += [f"{_FOREIGN_PREFIX}{name}_{number}" for number in range(2, len(taken) + 3)]
    # A state of a simulator; a robot's is called so too, and means something else.
    foreign = {"state"} if name == "state" else set()
    free = (one for one in candidates if one not in taken | foreign)
    return next(one for one in free if _fits(one, values))


def _fits(own: str, values: list[Any]) -> bool:
    """Whether values are of the type that the format has for a column of this name."""
    if own not in STEP_TYPES:
        return True
    if STEP_TYPES[own] == pa.int64() and any(isinstance(one, float) for one in values):
        return False  # it would be cut off without a word
    try:
        pa.array(values, STEP_TYPES[own])
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return False
    return True


def _is_list(kind: pa.DataType) -> bool:
    types = pa.types
    return types.is_list(kind) or types.is_fixed_size_list(kind) or types.is_large_list(kind)


def _innermost(kind: pa.DataType) -> pa.DataType:
    while _is_list(kind):
        kind = kind.value_type
    return kind


def _depth(kind: pa.DataType) -> int:
    if isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    return 1 + _depth(kind.value_type) if _is_list(kind) else 0


def _values(column: pa.Array) -> list[Any] | None:
    """Return numbers, text, truth values or flat lists of numbers; None for anything else."""
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    inner = _innermost(column.type)
    is_number = pa.types.is_integer(inner) or pa.types.is_floating(inner)
    if inner == column.type:
        is_text = pa.types.is_string(inner) or pa.types.is_large_string(inner)
        known = is_number or is_text or pa.types.is_boolean(inner)
        return column.to_pylist() if known else None
    if not (is_number or pa.types.is_boolean(inner)):
        return None
    kind = np.float32 if pa.types.is_float32(inner) else None
    rows = [
        None if row is None else np.array(row, dtype=kind).reshape(-1) for row in column.to_pylist()
    ]
    widths = {len(row) for row in rows if row is not None}
    if len(widths) > 1 or any(row is not None and row.dtype == object for row in rows):
        return None
    if widths == {1}:
        return [None if row is None else row[0].item() for row in rows]
    return rows


def _finite(values: list[Any]) -> tuple[list[Any], int]:
    """Return the values with None in place of what is not finite, and how many that were."""
    kept, num_odd = [], 0
    for value in values:
        is_odd = isinstance(value, float) and not math.isfinite(value)
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            is_odd = not bool(np.isfinite(value).all())
        kept.append(None if is_odd else value)
        num_odd += is_odd
    return kept, num_odd

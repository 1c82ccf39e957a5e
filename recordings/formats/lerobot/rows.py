"""LeRobot's columns as steps of an episode: what the robot did and felt, one value a row."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from tcn_robot.recordings.formats.lerobot import layout

_NAMES = {layout.ACTION: "action", layout.STATE: "observation"}


def read_steps(
    table: pa.Table, skipped: Iterable[str], tasks: Mapping[int, str]
) -> tuple[dict[str, list[Any]], list[str]]:
    """Return the columns of an episode's rows under our names, and what is worth saying.

    Args:
        table: The rows of one episode, in order.
        skipped: Columns that are no steps: cameras.
        tasks: What task numbers mean.
    """
    left_out = {*skipped, *layout.DEFAULT_FEATURES, layout.TIME_COLUMN}
    steps: dict[str, list[Any]] = {}
    notes = []
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
        own = _NAMES.get(name, name.removeprefix(layout.OUR_PREFIX))
        steps[own if own not in steps else name] = kept
    indices = table["task_index"].to_pylist() if "task_index" in table.column_names else []
    if len(set(map(str, indices))) > 1:
        steps["task"] = [tasks.get(index, str(index)) for index in indices]
    return steps, notes


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

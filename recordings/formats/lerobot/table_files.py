"""Parquet files of LeRobot: read once, and the rows of an episode found without looking at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tcn_robot.errors import UserError

# Further off no clock is; beyond it, times cannot be counted in microseconds.
MOST_SECONDS = 1e11


def read_columns(path: Path, is_wanted: Callable[[str], bool] = lambda name: True) -> pa.Table:
    """Return the columns of a Parquet file that are wanted; the others are not read.

    Raises:
        UserError: If it is missing or damaged.
    """
    try:
        with path.open("rb") as file:
            source = pq.ParquetFile(file)
            names = [name for name in source.schema_arrow.names if is_wanted(name)]
            table = source.read(columns=names).select(names)
            table.validate(full=True)  # text that is no text would fail much later
            return table
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing; restore it") from error
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{path} is damaged ({said}); restore it") from error


@lru_cache(maxsize=2)
def _read_rows(
    path: Path, size_bytes: int, changed_ns: int
) -> tuple[pa.Table, Mapping[int, np.ndarray]]:
    table = read_columns(path)
    indices = numbers(table, "episode_index", path)
    order = np.argsort(indices, kind="stable")
    found, starts = np.unique(indices[order], return_index=True)
    groups = np.split(order, starts[1:])
    return table, {int(index): rows for index, rows in zip(found, groups, strict=True)}


def rows_of_episode(path: Path, index: int) -> pa.Table:
    """Return the rows of one episode; the last two files are remembered, many lie in one.

    Raises:
        UserError: If the file is missing or damaged.
    """
    try:
        stat = path.stat()
    except OSError as error:
        raise UserError(f"{path} is missing; restore it") from error
    table, places = _read_rows(path, stat.st_size, stat.st_mtime_ns)
    rows = places.get(index, np.empty(0, np.int64))
    if rows.size and rows[-1] - rows[0] + 1 == rows.size and (np.diff(rows) == 1).all():
        return table.slice(int(rows[0]), rows.size)
    return table.take(rows)


def numbers(table: pa.Table, name: str, path: Path) -> np.ndarray:
    """Return a column of single numbers, float64 (T,).

    Raises:
        UserError: If there is none, or something else stands in it.
    """
    if name not in table.column_names:
        raise UserError(f"{path} lacks the column {name!r}; restore it")
    column = table[name]
    is_plain = pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
    if is_plain and not column.null_count:
        values = column.to_numpy().astype(np.float64)
    else:
        one_by_one = [_only(one) for one in column.to_pylist()]
        if not all(isinstance(one, (int, float)) for one in one_by_one):
            raise UserError(f"{path}: the column {name!r} should hold numbers only")
        values = np.array(one_by_one, np.float64)
    if not np.isfinite(values).all():
        raise UserError(f"{path}: the column {name!r} should hold numbers only")
    return values


def _only(value: Any) -> Any:
    return value[0] if isinstance(value, list) and len(value) == 1 else value

"""`frames.parquet` and `steps.parquet`: columns in, columns out; same content, same bytes."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tcn_robot.errors import UserError

STEP_TYPES: dict[str, pa.DataType] = {
    "time_seconds": pa.float64(),
    "action": pa.list_(pa.float32()),
    "reward_sparse": pa.float64(),
    "reward_dense": pa.float64(),
    "phase": pa.string(),
    "phase_index": pa.int64(),
    "progress": pa.float64(),
    "success": pa.bool_(),
    "state": pa.list_(pa.float64()),
    "observation": pa.list_(pa.float32()),
}


def _write(path: Path, table: pa.Table) -> None:
    # Through memory: a full disk is then an OSError of Python's own, with its number.
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    path.write_bytes(buffer.getbuffer())


def _read(path: Path) -> pa.Table:
    try:
        return pq.read_table(io.BytesIO(path.read_bytes()))
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing; restore it or remove its episode's folder") from error
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(
            f"{path} is damaged ({str(error).splitlines()[0]}); restore it or remove its "
            "episode's folder"
        ) from error


def write_frames_table(path: Path, times_seconds: Mapping[str, Sequence[float]]) -> None:
    """Write one row per frame: view, frame (its index in the film), time_seconds.

    Args:
        path: File to write.
        times_seconds: Capture times of each view, ascending.
    """
    views = [view for view, times in times_seconds.items() for _ in times]
    frames = [index for times in times_seconds.values() for index in range(len(times))]
    times = [time for times in times_seconds.values() for time in times]
    table = pa.table(
        {
            "view": pa.array(views, pa.string()),
            "frame": pa.array(frames, pa.int32()),
            "time_seconds": pa.array(times, pa.float64()),
        }
    )
    _write(path, table)


def read_frames_table(path: Path) -> dict[str, np.ndarray]:
    """Return the capture times of each view, float64 (T,) seconds.

    Raises:
        UserError: If the file is missing, damaged or lacks a column.
    """
    table = _read(path)
    missing = {"view", "frame", "time_seconds"} - set(table.column_names)
    if missing:
        raise UserError(
            f"{path} lacks the column {sorted(missing)[0]!r}; restore it or remove its "
            "episode's folder"
        )
    views = np.array(table["view"].to_pylist(), dtype=object)
    order = table["frame"].to_numpy()
    times = table["time_seconds"].to_numpy()
    by_view: dict[str, np.ndarray] = {}
    for view in dict.fromkeys(views):
        rows = np.flatnonzero(views == view)
        by_view[view] = times[rows[np.argsort(order[rows], kind="stable")]]
    return by_view


def has_numbered_frames(path: Path) -> bool:
    """Return whether the rows of each view in a readable `frames.parquet` are 0, 1, 2 and so on."""
    table = _read(path)
    views = np.array(table["view"].to_pylist(), dtype=object)
    numbers = table["frame"].to_numpy()
    return all(
        np.array_equal(np.sort(numbers[views == view]), np.arange((views == view).sum()))
        for view in set(views)
    )


def write_steps_table(path: Path, columns: Mapping[str, Sequence[Any]]) -> None:
    """Write one row per control step; columns the format does not name get their own type.

    Args:
        path: File to write.
        columns: Values by column: numbers, text, truth values, 1-D arrays or None.
    """
    arrays = {name: pa.array(values, STEP_TYPES.get(name)) for name, values in columns.items()}
    _write(path, pa.table(arrays))


def copy_steps_table(
    source: Path,
    target: Path,
    replaced: Mapping[str, Sequence[Any]] | None = None,
    rows: slice | None = None,
    has_last_action: bool = True,
) -> int:
    """Write the rows of another `steps.parquet`, some columns replaced; return their number.

    Args:
        source: File to read.
        target: File to write.
        replaced: New values by column, one for each row.
        rows: Which rows; all when None.
        has_last_action: Keep the action of the last row; else it is null.

    Raises:
        UserError: If the file is missing or damaged.
    """
    table = _read(source)
    start, stop, _ = (rows or slice(None)).indices(table.num_rows)
    is_cut = (start, stop) != (0, table.num_rows)
    if not replaced and not is_cut:
        target.write_bytes(source.read_bytes())
        return int(table.num_rows)
    table = table.slice(start, stop - start)
    replaced = dict(replaced or {})
    if is_cut and not has_last_action and "action" in table.column_names:
        replaced["action"] = [*table["action"].to_pylist()[:-1], None]
    for name, values in replaced.items():
        column = pa.array(values, STEP_TYPES.get(name))
        table = table.set_column(table.column_names.index(name), name, column)
    _write(target, table)
    return int(table.num_rows)


def read_steps_table(path: Path) -> dict[str, np.ndarray]:
    """Return the columns of `steps.parquet`.

    Returns:
        Numbers and truth values as (T,), text as object (T,), lists as (T, D) of their own type
        with rows of NaN where the value is null.

    Raises:
        UserError: If the file is missing or damaged.
    """
    table = _read(path)
    return {name: _column_array(table[name], name, path) for name in table.column_names}


def rows_not_finite(path: Path) -> dict[str, np.ndarray]:
    """Return, for each column that has any, the rows with a number that is not finite, int64 (N,).

    A value that is absent (null, as the last action) is none of them.

    Raises:
        UserError: If the file is missing or damaged.
    """
    table = _read(path)
    found = {}
    for name in table.column_names:
        column = table[name].combine_chunks()
        parents = np.arange(len(column))
        if pa.types.is_list(column.type):
            parents = pc.list_parent_indices(column).to_numpy()
            column = column.flatten()
        if pa.types.is_floating(column.type):
            values = column.to_numpy(zero_copy_only=False)
            present = column.is_valid().to_numpy(zero_copy_only=False)
            rows = np.unique(parents[present & ~np.isfinite(values)])
            if rows.size:
                found[name] = rows
    return found


def _column_array(column: pa.ChunkedArray, name: str, path: Path) -> np.ndarray:
    if not pa.types.is_list(column.type):
        if pa.types.is_string(column.type):
            return np.array(column.to_pylist(), dtype=object)
        return np.array(column.to_numpy())
    values = column.combine_chunks()
    lengths = np.diff(values.offsets.to_numpy())
    present = values.is_valid().to_numpy(zero_copy_only=False)
    widths = np.unique(lengths[present])
    if widths.size > 1:
        raise UserError(
            f"{path}: column {name!r} should have rows of one length, found {widths.tolist()}"
        )
    width = int(widths[0]) if widths.size else 0
    flat = values.flatten().to_numpy(zero_copy_only=False)  # a number in a list may be absent
    flat = flat.reshape(int(present.sum()), width)
    if present.all():
        return flat.copy()  # Arrow's own memory is read-only
    rows = np.full((len(values), width), np.nan, np.result_type(flat.dtype, np.float32))
    rows[present] = flat
    return rows

"""Steps of an episode as LeRobot's columns, one value for each row of the pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from tcn_robot.recordings.formats.alignment import Rows
from tcn_robot.recordings.formats.lerobot.layout import ACTION, DEFAULT_FEATURES, OUR_PREFIX, STATE
from tcn_robot.recordings.formats.losses import Losses
from tcn_robot.recordings.reader import Episode

_SAME_MOMENT_SECONDS = 1e-6
# Of no use without the simulator's model, and wide.
_LEFT_OUT = ("state",)
_TAKEN = {"task", *DEFAULT_FEATURES}
_NAMES = {"action": ACTION, "observation": STATE}


@dataclass(frozen=True)
class Column:
    """One feature of an episode.

    Attributes:
        values: (T,) or (T, D): numbers, truth values or text.
        dtype: LeRobot's name of their type.
    """

    values: np.ndarray
    dtype: str

    @property
    def feature(self) -> dict[str, Any]:
        """What `meta/info.json` says of it."""
        is_vector = self.values.ndim == 2 and self.values.shape[1] > 1
        width = self.values.shape[1] if is_vector else 1
        names = [f"value_{index}" for index in range(width)] if is_vector else None
        return {"dtype": self.dtype, "shape": [width], "names": names}

    def array(self) -> pa.Array:
        """Return the values for Parquet: vectors as lists of one fixed length."""
        kind = pa.string() if self.dtype == "string" else pa.from_numpy_dtype(self.dtype)
        if self.values.ndim == 2 and self.values.shape[1] > 1:
            flat = pa.array(self.values.reshape(-1), kind)
            return pa.FixedSizeListArray.from_arrays(flat, self.values.shape[1])
        return pa.array(self.values.reshape(-1), kind)


def feature_name(column: str, is_lerobots: bool = False) -> str:
    """Return LeRobot's name of a column of `steps.parquet`.

    Args:
        column: Our name.
        is_lerobots: Whether it came from LeRobot, where it has this name.
    """
    own = column if is_lerobots and column not in _TAKEN else OUR_PREFIX + column
    return _NAMES.get(column, own).replace("/", ".")


def step_columns(
    episode: Episode, rows: Rows, reference: str, losses: Losses
) -> tuple[dict[str, Column], bool]:
    """Return the columns of an episode's rows, and whether the last action was made up.

    Args:
        episode: The episode.
        rows: Its rows.
        reference: The view whose frames a simulator's steps belong to.
        losses: Takes what cannot be held.
    """
    steps = episode.steps
    if not steps:
        return {}, False
    picked = _rows_of_steps(episode, steps, rows, reference, losses)
    origin = episode.metadata.get("imported_from") or {}
    is_lerobots = str(origin.get("format")).startswith("lerobot")
    columns = {}
    is_made_up = False
    for name, values in steps.items():
        if name == "time_seconds":
            continue
        if name in _LEFT_OUT:
            losses.add("states", episode.id, name)
            continue
        if name == "action" and values.ndim == 2 and values.shape[1] and len(values) > 1:
            values, is_made_up = _with_last_action(values)
            if is_made_up:
                losses.add("last action", episode.id, f"row {len(values) - 1}")
        column = _column(values[picked])
        if column is None:
            losses.add("columns", episode.id, name)
            continue
        if column.values.dtype.kind == "f" and not np.isfinite(column.values).all():
            losses.add("numbers", episode.id, name)
        columns[feature_name(name, is_lerobots)] = column
    return columns, is_made_up


def _rows_of_steps(
    episode: Episode,
    steps: Mapping[str, np.ndarray],
    rows: Rows,
    reference: str,
    losses: Losses,
) -> np.ndarray:
    """Return which row of the steps belongs to each row, int64 (T,)."""
    frames = rows.frames[reference]
    seen = episode.timestamps(reference)
    count = len(next(iter(steps.values())))
    own = steps.get("time_seconds")
    if own is None or (
        count == len(seen) and float(np.abs(own - seen).max()) <= _SAME_MOMENT_SECONDS
    ):
        return np.minimum(frames, count - 1)
    losses.add("robot", episode.id, f"{count} messages for {len(seen)} frames")
    last = np.searchsorted(own, rows.times_seconds[reference], side="right") - 1
    return np.maximum(last, 0)


def _with_last_action(values: np.ndarray) -> tuple[np.ndarray, bool]:
    """Return actions whose last row repeats the one before, if nothing was done there."""
    if not np.isnan(values[-1]).all() or np.isnan(values[-2]).any():
        return values, False
    return np.concatenate([values[:-1], values[-2:-1]]), True


def _column(values: np.ndarray) -> Column | None:
    """Return values as a column, None if they are of no type that LeRobot has."""
    if values.dtype.kind in "fiu" and values.ndim <= 2 and values.size:
        kind = {"f": values.dtype.name, "i": "int64", "u": "int64"}[values.dtype.kind]
        return Column(values.astype(kind), kind)
    if values.dtype.kind == "b" and values.ndim == 1:
        return Column(values, "bool")
    if values.dtype == object and all(isinstance(one, str) or one is None for one in values):
        return Column(np.array([one or "" for one in values], object), "string")
    if values.dtype == object and all(isinstance(one, bool | None) for one in values):
        known = [np.nan if one is None else float(one) for one in values]
        return Column(np.array(known, np.float64), "float64")
    return None

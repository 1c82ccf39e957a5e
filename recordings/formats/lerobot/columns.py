"""Steps of an episode as LeRobot's columns, one value for each row of the pictures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from tcn_robot.recordings.formats.alignment import Rows
from tcn_robot.recordings.formats.lerobot.layout import (
    ACTION,
    CAMERA_PREFIX,
    COLUMNS_FIELD,
    DEFAULT_FEATURES,
    OUR_PREFIX,
    STATE,
    TIME_COLUMN,
)
from tcn_robot.recordings.formats.losses import Losses
from tcn_robot.recordings.reader import Episode

_SAME_MOMENT_SECONDS = 1e-6
# Of no use without the simulator's model, and wide.
_SIMULATORS = ("state",)
_ABSENT = "absent"
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


def feature_names(
    episode: Episode, steps: Mapping[str, np.ndarray], losses: Losses
) -> dict[str, str]:
    """Return LeRobot's name of each column, no two the same: as it was there, or as is usual.

    Args:
        episode: The episode.
        steps: Its columns.
        losses: Takes which of them got a number.
    """
    origin = episode.metadata.get("imported_from")
    is_lerobots = isinstance(origin, dict) and str(origin.get("format")).startswith("lerobot")
    known = episode.metadata.get(COLUMNS_FIELD)
    known = known if isinstance(known, dict) else {}
    names: dict[str, str] = {}
    taken = {*_TAKEN, TIME_COLUMN, *(CAMERA_PREFIX + view for view in episode.views)}
    for column in steps:
        if column in ("time_seconds", *_left_out(episode)):
            continue
        said = known.get(column)
        base = said if isinstance(said, str) and said else feature_name(column, is_lerobots)
        base = base.replace("/", ".")
        name, number = base, 2
        while name in taken:
            name, number = f"{base}_{number}", number + 1
        if name != base:
            losses.add("names", episode.id, f"{column} is {name}")
        names[column] = name
        taken.add(name)
    return names


def unusual_names(names: Mapping[str, str]) -> dict[str, str]:
    """Return, by LeRobot's name, ours where it cannot be told from that."""
    usual = {there: here for here, there in _NAMES.items()}
    return {
        called: own
        for called, own in names.items()
        if usual.get(called, called.removeprefix(OUR_PREFIX)) != own
    }


def _left_out(episode: Episode) -> tuple[str, ...]:
    return _SIMULATORS if episode.is_simulated else ()


def settled_kinds(episodes: Iterable[Episode]) -> dict[str, str]:
    """Return, by column, the type that holds what it has in all episodes.

    A number that is absent makes a column one of floats, in one episode and so in all.
    """
    kinds: dict[str, str] = {}
    for episode in episodes:
        for name, values in (episode.steps or {}).items():
            kind = _kind(values)
            if kind is not None:
                kinds[name] = _both(kinds[name], kind) if name in kinds else kind
    return kinds


def _both(one: str, other: str) -> str:
    """Return the type that holds two; the first where none does."""
    if one == other or ("string" in (one, other) and _ABSENT not in (one, other)):
        return one
    if _ABSENT in (one, other):
        known = other if one == _ABSENT else one
        return known if known == "string" or known.startswith("float") else "float64"
    return str(np.result_type(one, other).name)


@dataclass(frozen=True)
class StepColumns:
    """The columns of an episode.

    Attributes:
        columns: By LeRobot's name.
        names: By LeRobot's name, ours.
        is_action_made_up: Whether the last action only repeats the one before.
    """

    columns: dict[str, Column]
    names: dict[str, str]
    is_action_made_up: bool


def step_columns(
    episode: Episode, rows: Rows, reference: str, kinds: Mapping[str, str], losses: Losses
) -> StepColumns:
    """Return the columns of an episode's rows.

    Args:
        episode: The episode.
        rows: Its rows.
        reference: The view whose frames a simulator's steps belong to.
        kinds: As `settled_kinds` gave them.
        losses: Takes what cannot be held.
    """
    steps = episode.steps
    if not steps:
        return StepColumns({}, {}, False)
    picked = _rows_of_steps(episode, steps, rows, reference, losses)
    names = feature_names(episode, steps, losses)
    found = StepColumns({}, {}, False)
    for name in _left_out(episode):
        if name in steps:
            losses.add("states", episode.id, name)
    for name, called in names.items():
        values = steps[name]
        if name == "action" and values.ndim == 2 and values.shape[1] and len(values) > 1:
            values, is_made_up = _with_last_action(values)
            is_made_up = is_made_up and int(picked[-1]) == len(values) - 1
            found = replace(found, is_action_made_up=is_made_up)
            if is_made_up:
                losses.add("last action", episode.id, f"row {len(values) - 1}")
        column = _column(values[picked], kinds.get(name))
        if column is None:
            losses.add("columns", episode.id, name)
            continue
        if column.values.dtype.kind == "f" and not np.isfinite(column.values).all():
            losses.add("numbers", episode.id, name)
        if column.dtype == "string" and any(one is None for one in values[picked]):
            losses.add("texts", episode.id, name)
        found.columns[called] = column
        found.names[called] = name
    return found


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
        again, left = rows.repeated_and_left_out(reference)
        if again or left:
            losses.add("steps", episode.id, f"{again} repeated, {left} skipped")
        return np.minimum(frames, count - 1)
    losses.add("robot", episode.id, f"{count} messages for {len(seen)} frames")
    last = np.searchsorted(own, rows.times_seconds[reference], side="right") - 1
    return np.maximum(last, 0)


def _with_last_action(values: np.ndarray) -> tuple[np.ndarray, bool]:
    """Return actions whose last row repeats the one before, if nothing was done there."""
    if not np.isnan(values[-1]).all() or np.isnan(values[-2]).any():
        return values, False
    return np.concatenate([values[:-1], values[-2:-1]]), True


def _kind(values: np.ndarray) -> str | None:
    """Return LeRobot's name of the type of values; None if it has none."""
    if values.dtype.kind in "fiu" and values.ndim <= 2 and values.size:
        return {"f": values.dtype.name, "i": "int64", "u": "int64"}[values.dtype.kind]
    if values.dtype.kind == "b" and values.ndim == 1:
        return "bool"
    if values.dtype == object and all(one is None for one in values):
        return _ABSENT
    if values.dtype == object and all(isinstance(one, str | None) for one in values):
        return "string"
    if values.dtype == object and all(isinstance(one, bool | None) for one in values):
        return "float64"
    return None


def _column(values: np.ndarray, settled: str | None) -> Column | None:
    """Return values as a column, None if they are of no type that LeRobot has.

    Args:
        values: (T,) or (T, D).
        settled: The type that the column has in all episodes.
    """
    own = _kind(values)
    if own is None:
        return None
    kind = own if settled is None or ("string" in (own, settled) and own != _ABSENT) else settled
    if kind in ("string", _ABSENT):
        return Column(np.array([one or "" for one in values], object), "string")
    if values.dtype == object:
        values = np.array([np.nan if one is None else float(one) for one in values])
    return Column(values.astype(kind), kind)

"""The columns of `steps.parquet` as lanes of the timeline: curves, bands, or left out."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcn_robot.viewer.packing import pack_numbers

MOST_CURVES = 64  # in one column; a simulator's state has more and tells nothing to the eye
MOST_EXACT = 2**24  # up to here a float32 holds every whole number
MOST_NAMES = 64  # different texts of one column
# What is shown at first; the rest waits behind its button.
SHOWN_FIRST = ("phase", "progress", "success", "action")
HIDDEN_FIRST = ("state", "observation", "phase_index")
_HIDDEN_PREFIX = "pose_"
_ORDER = ("phase", "success", "progress", "reward_dense", "reward_sparse", "action")


def describe_columns(steps: dict[str, np.ndarray], rows: int) -> list[dict[str, Any]]:
    """Return the lanes of an episode.

    Args:
        steps: Columns of its steps, each (T,) or (T, D).
        rows: T; 0 when there is nothing to draw.

    Returns:
        By column: `name`, `is_shown` at first, and `kind`: "curves" with `values` (T, D),
        "bands" with `codes` (T,) into `names` (-1: no value), or "none" with `why`.
    """
    names = [name for name in steps if name != "time_seconds" and rows]
    names.sort(key=lambda name: _ORDER.index(name) if name in _ORDER else len(_ORDER))
    return [
        {"name": name, "is_shown": _is_shown(name), **_lane(np.asarray(steps[name]))}
        for name in names
    ]


def _is_shown(name: str) -> bool:
    return name in SHOWN_FIRST or not (name in HIDDEN_FIRST or name.startswith(_HIDDEN_PREFIX))


def _lane(values: np.ndarray) -> dict[str, Any]:
    if values.dtype.kind in "OUb" and values.ndim == 1:
        return _bands(values)
    if values.dtype.kind not in "fiu" or values.ndim not in (1, 2):
        return {"kind": "none", "why": "neither numbers nor text"}
    table = values.reshape(len(values), -1)
    if not table.shape[1]:
        return {"kind": "none", "why": "empty"}
    if table.shape[1] > MOST_CURVES:
        return {"kind": "none", "why": f"{table.shape[1]} numbers per row"}
    is_large = bool((np.abs(table.astype(np.float64)) > MOST_EXACT).any())
    return {"kind": "curves", "values": pack_numbers(table, "<f8" if is_large else "<f4")}


def _bands(values: np.ndarray) -> dict[str, Any]:
    """Return texts or truth values as codes; missing ones are -1."""
    if values.dtype.kind == "b":
        names = ["no", "yes"]
        codes = values.astype(np.int64)
    else:
        texts = [None if value is None else _text(value) for value in values]
        names = list(dict.fromkeys(text for text in texts if text is not None))
        if len(names) > MOST_NAMES:
            return {"kind": "none", "why": f"{len(names)} different texts"}
        number = {name: code for code, name in enumerate(names)}
        codes = np.array([-1 if text is None else number[text] for text in texts], np.int64)
    is_truth = set(names) <= {"no", "yes"}
    return {
        "kind": "bands",
        "names": names,
        "is_truth": is_truth,
        "codes": pack_numbers(codes),
    }


def _text(value: Any) -> str:
    if isinstance(value, (bool, np.bool_)):  # a column of truth values with gaps
        return "yes" if value else "no"
    return str(value)

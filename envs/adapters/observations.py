"""Flat observations, flat actions and labels from whatever a package gives."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

# Goal environments first say what is, then how far the task is, then what is wanted.
GOAL_ORDER = ("observation", "achieved_goal", "desired_goal")
# Columns that every recording has, or that mean something else in it.
RESERVED = frozenset(
    {
        *("time_seconds", "action", "state", "observation", "views", "env_reward"),
        *("success", "is_success", "reward_sparse", "reward_dense"),
        *("phase", "phase_index", "progress", "TimeLimit.truncated"),
    }
)


def ordered_parts(space: spaces.Dict) -> list[str]:
    """Return the keys of a Dict space in the order in which they are laid side by side.

    `observation`, `achieved_goal` and `desired_goal` come first, then the rest by name.
    """
    rest = sorted(key for key in space.spaces if key not in GOAL_ORDER)
    return [key for key in GOAL_ORDER if key in space.spaces] + rest


def flat_space(space: gymnasium.Space) -> spaces.Box:
    """Return the Box, float32 (D,), of flat observations of a space.

    Dict spaces are laid side by side in the order of `ordered_parts`, Discrete ones become
    one-hot. Bounds are the package's own and may be infinite.
    """
    if isinstance(space, spaces.Dict):
        parts = [flat_space(space.spaces[key]) for key in ordered_parts(space)]
        low = np.concatenate([part.low for part in parts])
        high = np.concatenate([part.high for part in parts])
    else:
        box = spaces.utils.flatten_space(space)
        assert isinstance(box, spaces.Box)
        low, high = box.low, box.high
    # A bound beyond float32 is none.
    with np.errstate(over="ignore"):
        return spaces.Box(low.astype(np.float32), high.astype(np.float32), dtype=np.float32)


def flat_observation(space: gymnasium.Space, observation: Any) -> np.ndarray:
    """Return an observation of a space as float32 (D,), in the order of `flat_space`."""
    if isinstance(space, spaces.Dict):
        parts = [flat_observation(space.spaces[k], observation[k]) for k in ordered_parts(space)]
        return np.concatenate(parts)
    return np.asarray(spaces.utils.flatten(space, observation), np.float32).reshape(-1)


def package_action(space: gymnasium.Space, action: Any) -> Any:
    """Return an action as the package wants it; recordings hold every action as float32 (A,)."""
    if isinstance(space, spaces.Discrete):
        return space.start.dtype.type(round(float(np.asarray(action).reshape(-1)[0])))
    numbers = np.asarray(action)
    if isinstance(space, (spaces.MultiDiscrete, spaces.MultiBinary)):
        return np.rint(numbers).astype(space.dtype).reshape(space.shape)
    assert space.shape is not None
    return numbers.astype(space.dtype).reshape(space.shape)


def resting_action(space: gymnasium.Space) -> Any:
    """Return an action that does little: zero, or the nearest allowed one."""
    if isinstance(space, spaces.Box):
        return np.clip(np.zeros(space.shape, space.dtype), space.low, space.high)
    if isinstance(space, spaces.Discrete):
        return space.start
    return package_action(space, np.zeros(space.shape or (1,)))


def success_of(info: Mapping[str, Any]) -> bool | None:
    """Return whether a package reports success, None where it reports neither."""
    for name in ("is_success", "success"):
        if info.get(name) is not None:
            return bool(info[name])
    return None


def package_labels(info: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of a package's labels that a recording can hold.

    Finite numbers, truth values, text and short vectors of numbers; the rest is left out.
    """
    labels: dict[str, Any] = {}
    for name, value in info.items():
        if name in RESERVED or not isinstance(name, str):
            continue
        plain = value.item() if isinstance(value, np.generic) else value
        if isinstance(plain, (str, bool)):
            labels[name] = plain
        elif isinstance(plain, (int, float)) and math.isfinite(plain):
            labels[name] = float(plain)
        elif _is_short_vector(plain):
            labels[name] = np.asarray(plain, np.float64)
    return labels


def _is_short_vector(value: Any) -> bool:
    if not isinstance(value, (np.ndarray, list, tuple)):
        return False
    array = np.asarray(value) if not isinstance(value, np.ndarray) else value
    numeric = array.ndim == 1 and array.dtype.kind in "fiub" and 0 < array.size <= 64
    return bool(numeric and np.isfinite(array).all())

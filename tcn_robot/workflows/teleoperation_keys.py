"""From held keys and a gamepad to an action of a task; no window and no clock in here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from tcn_robot.errors import UserError

# (direction as seen in the first view, key names); right, away and up are positive
MOVES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "right": (("right", "d"), ("left", "a")),
    "away": (("up", "w"), ("down", "s")),
    "up": (("page up", "r"), ("page down", "f")),
    "turn": (("e",), ("q",)),
}
SPEED_AT_ONCE = 0.35
RAMP_SECONDS = 0.4
FINGERS, FINGERS_BUTTON = "space", 0
GAMEPAD_AXES = {"right": 0, "away": 1, "up": 3, "turn": 2}
# Pushing a stick away from oneself is negative.
GAMEPAD_SIGNS = {"right": 1.0, "away": -1.0, "up": -1.0, "turn": 1.0}


class TipTask(Protocol):
    """What of a task settles what its actions mean."""

    axes: tuple[int, ...]
    rolls: bool
    grips: bool


@dataclass(frozen=True)
class Directions:
    """Where a person's right, away and up point in the world, unit vectors (3,) each."""

    right: np.ndarray
    away: np.ndarray
    up: np.ndarray


def directions_of(camera: Mapping[str, Any]) -> Directions:
    """Return the directions a person means who looks through a camera, level with the ground.

    Args:
        camera: `extrinsics` (4, 4), world to camera, x right, y down, z forward.
    """
    rotation = np.asarray(camera["extrinsics"], np.float64)[:3, :3]
    right = rotation[0] * [1.0, 1.0, 0.0]
    forward = rotation[2] * [1.0, 1.0, 0.0]
    if np.linalg.norm(forward) < 0.3:  # it looks down: away is up in the picture
        forward = -rotation[1] * [1.0, 1.0, 0.0]
    away = forward / np.linalg.norm(forward)
    right -= away * (right @ away)
    return Directions(right / np.linalg.norm(right), away, np.array([0.0, 0.0, 1.0]))


class HeldSpeeds:
    """Speeds in [-1, 1] by direction; held keys start slowly, so that a tap moves little."""

    def __init__(self) -> None:
        self._held_seconds = dict.fromkeys(MOVES, 0.0)

    def update(self, held: frozenset[str], period_seconds: float) -> dict[str, float]:
        """Return the speeds for the next period.

        Args:
            held: Keys held down now.
            period_seconds: How long the next action lasts.
        """
        speeds = {}
        for name, (plus, minus) in MOVES.items():
            sign = float(any(k in held for k in plus)) - float(any(k in held for k in minus))
            self._held_seconds[name] = self._held_seconds[name] + period_seconds if sign else 0.0
            ramp = min(self._held_seconds[name] / RAMP_SECONDS, 1.0)
            speeds[name] = sign * (SPEED_AT_ONCE + (1.0 - SPEED_AT_ONCE) * ramp)
        return speeds


def gamepad_speeds(axes: Sequence[float]) -> dict[str, float]:
    """Return the speeds that a gamepad's sticks ask for, in [-1, 1] by direction."""
    return {
        name: GAMEPAD_SIGNS[name] * axes[number] if number < len(axes) else 0.0
        for name, number in GAMEPAD_AXES.items()
    }


def action_of(
    task: TipTask, speeds: Mapping[str, float], directions: Directions, closes: bool
) -> np.ndarray:
    """Return the action, float32 (A,) in [-1, 1].

    Args:
        task: Says which axes an action moves, and whether it turns and grips.
        speeds: By direction, in [-1, 1].
        directions: Where the directions point.
        closes: Whether the fingers shall be closed.
    """
    world = (
        speeds["right"] * directions.right
        + speeds["away"] * directions.away
        + speeds["up"] * directions.up
    )
    parts = [float(world[axis]) for axis in task.axes]
    if task.rolls:
        parts.append(speeds["turn"])
    if task.grips:
        parts.append(-1.0 if closes else 1.0)
    return np.clip(np.array(parts, np.float32), -1.0, 1.0)


def tip_task_of(source: Any) -> TipTask:
    """Return the task of a source that can be teleoperated.

    Raises:
        UserError: If it does not say what its actions move.
    """
    task: Any = getattr(source, "task", None)
    if all(hasattr(task, name) for name in ("axes", "rolls", "grips")):
        found: TipTask = task
        return found
    raise UserError(
        "teleoperation moves the tip of the tasks in tcn_robot.envs; for a task from elsewhere "
        "write a policy that reads your device and give it as module:function"
    )

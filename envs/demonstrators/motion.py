"""Pieces of motion from which scripted demonstrators are put together.

A scripted policy is a generator: each `next()` gives the action for the state the environment is in
now. When it ends, the demonstrator stops filming. All pieces act by end-effector control.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from tcn_robot.envs.task_env import TaskEnv

Actions = Iterator[np.ndarray]

STALLED_FRAMES = 5


@dataclass(frozen=True)
class Style:
    """How one demonstrator moves; drawn anew for each episode, so that time is not a clock."""

    speed: float
    """Share of the largest step that a move takes, in (0, 1]."""
    wobble: float
    """Size of the slow sideways deviation, as a share of the largest step."""
    pause_probability: float
    """Chance per step of stopping for a moment."""

    @classmethod
    def draw(cls, generator: np.random.Generator, slowest: float = 0.45) -> Style:
        """Draw a style with a speed from `slowest` to 1."""
        return cls(
            speed=float(generator.uniform(slowest, 1.0)),
            wobble=float(generator.uniform(0.0, 0.25)),
            pause_probability=float(generator.choice([0.0, 0.02, 0.05])),
        )

    def steady(self) -> Style:
        """Return the same speed without wobble and pauses, for what needs care."""
        return Style(self.speed, 0.0, 0.0)


def action(
    env: TaskEnv, move: np.ndarray | float = 0.0, roll: float = 0.0, grip: float = 0.0
) -> np.ndarray:
    """Return an action of the task, float32, clipped to [-1, 1].

    Args:
        env: The environment.
        move: (axes,) along the task's axes, as shares of the largest step.
        roll: Turn of the tool; left out where the task has none.
        grip: Opening (+) or closing (-); left out where the task has none.
    """
    parts = [np.broadcast_to(np.asarray(move, dtype=np.float64), (len(env.task.axes),))]
    if env.task.rolls:
        parts.append(np.array([roll]))
    if env.task.grips:
        parts.append(np.array([grip]))
    return np.clip(np.concatenate(parts), -1.0, 1.0).astype(np.float32)


def pause(env: TaskEnv, frames: int) -> Actions:
    """Hold still for a number of control steps."""
    for _ in range(frames):
        yield action(env)


def move_to(
    env: TaskEnv,
    target_metres: Callable[[], np.ndarray],
    style: Style,
    generator: np.random.Generator,
    *,
    tolerance_metres: float = 0.012,
    max_frames: int = 60,
) -> Actions:
    """Move the tip to a target, with wobble and pauses, until it is there or comes no nearer.

    Args:
        env: The environment.
        target_metres: Asked at each step: the target along the task's axes.
        style: How to move.
        generator: Source of all randomness.
        tolerance_metres: How near is there.
        max_frames: Give up after so many steps.
    """
    axes = list(env.task.axes)
    pace = style.speed
    deviation = np.zeros(len(axes))
    nearest_metres, stalled_frames = np.inf, 0
    for _ in range(max_frames):
        way = target_metres() - env.world.tip_metres[axes]
        distance_metres = float(np.linalg.norm(way))
        stalled_frames = 0 if distance_metres < nearest_metres - 1e-3 else stalled_frames + 1
        nearest_metres = min(nearest_metres, distance_metres)
        if distance_metres < tolerance_metres or stalled_frames > STALLED_FRAMES:
            return
        if generator.random() < style.pause_probability:
            yield from pause(env, int(generator.integers(2, 8)))
            pace = float(np.clip(style.speed * generator.uniform(0.6, 1.4), 0.3, 1.0))
        deviation = 0.8 * deviation + 0.2 * generator.normal(0.0, 1.0, len(axes))
        yield step_along(env, way, pace, style.wobble * deviation)


def step_along(
    env: TaskEnv, way_metres: np.ndarray, pace: float, deviation: np.ndarray
) -> np.ndarray:
    """Return the action that goes the given way at a pace, no farther than its end."""
    move = way_metres / env.task.action_scale_metres
    length = float(np.linalg.norm(move))
    if length > pace:
        move = move * (pace / length)
    # Near the end the deviation fades, so that the end is reached.
    return action(env, move + deviation * min(1.0, length / 2))


def close_fingers(env: TaskEnv, max_frames: int = 7) -> Actions:
    """Close the fingers until something or they themselves stop them."""
    yield from _fingers(env, -1.0, 0.0, max_frames)


def open_fingers(env: TaskEnv, opening: float = 1.0, max_frames: int = 7) -> Actions:
    """Open the fingers up to an opening in [0, 1]."""
    yield from _fingers(env, 1.0, opening, max_frames)


def _fingers(env: TaskEnv, direction: float, opening: float, max_frames: int) -> Actions:
    before = np.inf
    for frame in range(max_frames):
        now = env.world.opening
        left = direction * (opening - now)
        if left < 0.02 or (frame > 1 and abs(now - before) < 0.01):
            return
        before = now
        step = 1.0 if direction < 0 else min(1.0, left / env.task.grip_scale)
        yield action(env, grip=direction * step)

"""What play does between two moves: rest at a station while an unseen hand moves what it likes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tcn_robot.envs.demonstrators.motion import Actions, Style, move_to, pause
from tcn_robot.envs.task_env import TaskEnv

HAND_METRES_PER_FRAME = 0.035


def rest_at(
    env: TaskEnv, station_metres: np.ndarray, style: Style, generator: np.random.Generator
) -> Actions:
    """Go to exactly this place (3,) and stay for a moment: only what lies on the table differs."""
    yield from move_to(env, lambda: station_metres, style, generator, max_frames=25)
    steady = style.steady()
    yield from move_to(
        env, lambda: station_metres, steady, generator, tolerance_metres=0.003, max_frames=5
    )
    yield from pause(env, int(generator.integers(1, 4)))


def change_evenly(
    env: TaskEnv, put: Callable[[np.ndarray], None], start: np.ndarray, end: np.ndarray
) -> Actions:
    """Move something from `start` to `end` (N,), metres, at a hand's pace while the tool rests.

    Args:
        env: The environment.
        put: Puts what is moved to a place (N,).
        start: Where it is.
        end: Where it shall be.
    """
    way = end - start
    frames = max(2, round(float(np.linalg.norm(way)) / HAND_METRES_PER_FRAME))
    for share in np.linspace(0.0, 1.0, frames + 1)[1:]:
        put(start + share * way)
        yield from pause(env, 1)


def wander(
    env: TaskEnv, reach_metres: float, style: Style, generator: np.random.Generator
) -> Actions:
    """Start into some other direction first, no lower than the tip is."""
    off = generator.uniform(-reach_metres, reach_metres, 3)
    off[2] = abs(off[2])
    task = env.task
    place = np.clip(
        env.world.tip_metres + off, task.workspace_low_metres, task.workspace_high_metres
    )
    yield from move_to(env, lambda: place, style, generator, max_frames=12)

"""Actions that touch nothing: waving, and circles in both directions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tcn_robot.envs.actions.action import Action, Moment, Piece
from tcn_robot.envs.demonstrators.motion import Actions, Style, move_to, pause
from tcn_robot.envs.task_env import TaskEnv

MIDDLE_LOW_METRES = np.array([0.50, -0.10, 0.18])
MIDDLE_HIGH_METRES = np.array([0.62, 0.10, 0.26])
RADIUS_METRES, SWING_METRES = (0.05, 0.08), (0.07, 0.11)
NUM_POINTS = 10
SMOOTHED_METRES = 0.02
LEAST_SWINGS, LEAST_SWING_METRES = 3, 0.06
LEAST_TURNS = 0.9
COUNTERCLOCKWISE, CLOCKWISE = 1.0, -1.0
"""Seen from above."""


def _goes_to_middle(env: TaskEnv, style: Style, generator: np.random.Generator) -> Actions:
    middle = generator.uniform(MIDDLE_LOW_METRES, MIDDLE_HIGH_METRES)
    yield from move_to(env, lambda: middle, style, generator, tolerance_metres=0.02)


def _waves(env: TaskEnv, style: Style, generator: np.random.Generator) -> Actions:
    middle, side = env.world.tip_metres, float(generator.choice([-1.0, 1.0]))
    for _ in range(int(generator.integers(4, 8))):
        place = middle + np.array([0.0, side * generator.uniform(*SWING_METRES), 0.0])
        yield from move_to(
            env,
            lambda place=place: place,  # type: ignore[misc]
            style.steady(),
            generator,
            tolerance_metres=0.02,
        )
        side = -side
    yield from pause(env, int(generator.integers(0, 4)))


def _circles(direction: float) -> Piece:
    def does(env: TaskEnv, style: Style, generator: np.random.Generator) -> Actions:
        start, radius = generator.uniform(0, 2 * np.pi), generator.uniform(*RADIUS_METRES)
        centre = env.world.tip_metres - radius * _spoke(start)
        turns = float(generator.uniform(1.1, 1.8))
        steps = np.arange(1, round(turns * NUM_POINTS) + 1) / NUM_POINTS
        for angle in start + direction * 2 * np.pi * steps:
            place = centre + radius * _spoke(angle)
            yield from move_to(
                env,
                lambda place=place: place,  # type: ignore[misc]
                style.steady(),
                generator,
                tolerance_metres=0.015,
            )
        yield from pause(env, int(generator.integers(0, 4)))

    return does


def _spoke(angle_radians: float) -> np.ndarray:
    return np.array([np.cos(angle_radians), np.sin(angle_radians), 0.0])


def _waved(moments: Sequence[Moment]) -> bool:
    """Whether the tip swings to and fro along y often enough."""
    along = np.array([moment["tip"][1] for moment in moments])
    swings: list[float] = []
    turning = along[0]
    for place in along[1:]:
        if swings and np.sign(place - turning) == np.sign(swings[-1]):
            swings[-1] += place - turning
            turning = place
        elif abs(place - turning) > SMOOTHED_METRES:
            swings.append(place - turning)
            turning = place
    return sum(abs(swing) > LEAST_SWING_METRES for swing in swings) >= LEAST_SWINGS


def _turned(moments: Sequence[Moment]) -> float:
    """Return how many times the tip goes round the middle of its way, counterclockwise."""
    way = np.array([moment["tip"][:2] for moment in moments])
    spokes = way - 0.5 * (way.min(axis=0) + way.max(axis=0))
    angles = np.unwrap(np.arctan2(spokes[:, 1], spokes[:, 0]))
    return float(angles[-1] - angles[0]) / (2 * np.pi)


GESTURE_ACTIONS = (
    Action(
        "Wave",
        "Reach",
        _waves,
        _waved,
        "the tool swings from side to side in the air",
        _goes_to_middle,
    ),
    Action(
        "CircleLeft",
        "Reach",
        _circles(COUNTERCLOCKWISE),
        lambda moments: _turned(moments) > LEAST_TURNS,
        "the tool circles counterclockwise, seen from above",
        _goes_to_middle,
        "CircleRight",
    ),
    Action(
        "CircleRight",
        "Reach",
        _circles(CLOCKWISE),
        lambda moments: _turned(moments) < -LEAST_TURNS,
        "the tool circles clockwise, seen from above",
        _goes_to_middle,
        "CircleLeft",
    ),
)

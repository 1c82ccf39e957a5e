"""Pieces of motion for tasks in which something is taken between the fingers from above."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tcn_robot.envs.demonstrators.motion import (
    Actions,
    Style,
    close_fingers,
    move_to,
    open_fingers,
    pause,
)
from tcn_robot.envs.task_env import TaskEnv

ABOVE_METRES = 0.07
SETTLED_METRES = 0.008
HAND_METRES_PER_FRAME = 0.035


def reach_for(
    env: TaskEnv,
    thing: str,
    style: Style,
    generator: np.random.Generator,
    grasp_height_metres: float = 0.0,
) -> Actions:
    """Open the fingers, come from above and close them round a thing.

    Args:
        env: The environment.
        thing: What to take.
        style: How to move.
        generator: Source of all randomness.
        grasp_height_metres: Where to take it, above its centre.
    """
    high = np.array([0.0, 0.0, ABOVE_METRES])

    def grasp() -> np.ndarray:
        return env.world.position(thing) + np.array([0.0, 0.0, grasp_height_metres])

    if env.world.opening < 0.9:
        yield from open_fingers(env)
    yield from move_to(env, lambda: grasp() + high, style, generator, tolerance_metres=0.02)
    steady = style.steady()
    yield from move_to(env, grasp, steady, generator, tolerance_metres=SETTLED_METRES)
    yield from close_fingers(env)


def lift(
    env: TaskEnv, height_metres: float, style: Style, generator: np.random.Generator
) -> Actions:
    """Go straight up to a height of the tip."""
    start = env.world.tip_metres
    up = np.array([start[0], start[1], height_metres])
    yield from move_to(env, lambda: up, style.steady(), generator, tolerance_metres=0.02)


def carry(
    env: TaskEnv,
    thing: str,
    place_metres: np.ndarray,
    style: Style,
    generator: np.random.Generator,
) -> Actions:
    """Bring a held thing above a place (3,) and lower its centre there."""
    # How the thing sits in the fingers, so that it and not the tip arrives.
    held = env.world.position(thing) - env.world.tip_metres
    above = np.array([place_metres[0], place_metres[1], env.world.tip_metres[2]]) - [*held[:2], 0.0]
    yield from move_to(env, lambda: above, style, generator, tolerance_metres=0.02)
    yield from move_to(
        env, lambda: above, style.steady(), generator, tolerance_metres=0.006, max_frames=8
    )
    down = place_metres - held
    slow = Style(min(style.speed, 0.7), 0.0, 0.0)
    yield from move_to(env, lambda: down, slow, generator, tolerance_metres=SETTLED_METRES)


def release(
    env: TaskEnv, style: Style, generator: np.random.Generator, height_metres: float = 0.08
) -> Actions:
    """Open the fingers and go up by some centimetres."""
    yield from open_fingers(env)
    tip = env.world.tip_metres
    up = tip + np.array([0.0, 0.0, height_metres])
    up[2] = min(up[2], env.task.workspace_high_metres[2])
    yield from move_to(env, lambda: up, style.steady(), generator, tolerance_metres=0.02)


def tossed_about(
    env: TaskEnv,
    thing: str,
    somewhere: Callable[[], np.ndarray],
    generator: np.random.Generator,
) -> Actions:
    """Carry a thing from place to place for ever, and go back to a few stations in between.

    While the tool rests at a station the thing is put elsewhere, as a person at the table would do
    it (the hand is not shown): only what lies on the table differs between two visits.

    Args:
        env: The environment.
        thing: What to carry.
        somewhere: Draws where its centre shall be, (3,).
        generator: Source of all randomness.
    """
    task = env.task
    low = task.workspace_low_metres + np.array([0.0, 0.0, 0.07])
    stations = generator.uniform(low, task.workspace_high_metres, (2, 3))
    while True:
        style = Style.draw(generator, slowest=0.7)
        if generator.random() < 0.75:
            yield from reach_for(env, thing, style, generator)
            yield from lift(env, float(generator.uniform(0.08, 0.18)), style, generator)
            place = somewhere() + np.array([0.0, 0.0, 0.006])
            yield from carry(env, thing, place, style, generator)
            if generator.random() < 0.85:
                yield from release(env, style, generator)
        for station in stations[generator.permutation(2)[: generator.integers(1, 3)]]:
            yield from _visit(env, thing, station, somewhere, style, generator)


def _visit(
    env: TaskEnv,
    thing: str,
    station: np.ndarray,
    somewhere: Callable[[], np.ndarray],
    style: Style,
    generator: np.random.Generator,
) -> Actions:
    """Go to exactly this place and stay for a moment."""
    held = env.world.touching(thing)
    yield from move_to(env, lambda: station, style, generator, max_frames=25)
    yield from move_to(
        env, lambda: station, style.steady(), generator, tolerance_metres=0.003, max_frames=5
    )
    yield from pause(env, int(generator.integers(1, 4)))
    if held or env.world.touching(thing):
        return
    for _ in range(int(generator.integers(0, 3))):
        yield from slide_by_hand(env, thing, somewhere())


def slide_by_hand(env: TaskEnv, thing: str, place_metres: np.ndarray) -> Actions:
    """Move a thing evenly to a place (3,) while the tool rests, clear of the effector."""
    start = env.world.position(thing)
    way = place_metres - start
    frames = max(2, round(float(np.linalg.norm(way)) / HAND_METRES_PER_FRAME))
    shares = np.linspace(0.0, 1.0, frames + 1)[1:]
    path = start + shares[:, None] * way  # (frames, 3)
    if np.linalg.norm(path - env.world.tip_metres, axis=1).min() < 0.09:
        return
    for place in path:
        env.world.place(thing, place)
        yield from pause(env, 1)

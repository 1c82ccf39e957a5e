"""Demonstrators of picking and placing."""

from __future__ import annotations

import numpy as np

from tcn_robot.envs.demonstrators.failures import stops_half_way
from tcn_robot.envs.demonstrators.grasping import carry, lift, reach_for, release, tossed_about
from tcn_robot.envs.demonstrators.motion import Actions, Style, move_to, open_fingers, pause
from tcn_robot.envs.task_env import TaskEnv
from tcn_robot.envs.tasks.pick_place import CUBE_HALF_METRES, TRAY_RIM_METRES, PickPlace

DROP_HEIGHT_METRES = TRAY_RIM_METRES + CUBE_HALF_METRES + 0.012
NUM_ATTEMPTS = 3
PLAY_LOW_METRES = np.array([0.46, -0.20])
PLAY_HIGH_METRES = np.array([0.68, 0.06])


def expert(env: TaskEnv, generator: np.random.Generator) -> Actions:
    """Put the cube into the tray, at a varied pace, with pauses, detours and second attempts."""
    style = Style.draw(generator)
    yield from pause(env, int(generator.integers(0, 8)))
    if generator.random() < 0.4:  # looks about first
        aside = generator.uniform([0.44, -0.25, 0.12], [0.70, 0.15, 0.22])
        yield from move_to(env, lambda: aside, style, generator, max_frames=12)
    for _ in range(NUM_ATTEMPTS):
        yield from _put(env, _in_tray(env, generator), style, generator)
        if env.task.labels()["success"]:
            break
    yield from pause(env, int(generator.integers(1, 14)))


def play(env: TaskEnv, generator: np.random.Generator) -> Actions:
    """Carry the cube about and go back to a few places, without ever filling the tray."""

    def somewhere() -> np.ndarray:
        place = generator.uniform(PLAY_LOW_METRES, PLAY_HIGH_METRES)
        if generator.random() < 0.25:  # beside the tray: what a near miss looks like
            place = np.array([generator.uniform(0.48, 0.68), generator.uniform(0.08, 0.10)])
        return np.append(place, CUBE_HALF_METRES)

    yield from tossed_about(env, "cube", somewhere, generator)


def _put(
    env: TaskEnv, place_metres: np.ndarray, style: Style, generator: np.random.Generator
) -> Actions:
    """Take the cube and let it go at a place (3,)."""
    yield from reach_for(env, "cube", style, generator)
    yield from lift(env, float(generator.uniform(0.09, 0.16)), style, generator)
    yield from carry(env, "cube", place_metres, style, generator)
    yield from release(env, style, generator)


def _in_tray(env: TaskEnv, generator: np.random.Generator) -> np.ndarray:
    assert isinstance(env.task, PickPlace)
    off_metres = generator.uniform(-0.02, 0.02, 2)
    return np.append(env.task.tray_metres + off_metres, DROP_HEIGHT_METRES)


def _misses(env: TaskEnv, generator: np.random.Generator) -> Actions:
    """Put the cube down beside the tray."""
    side = np.array([generator.uniform(0.46, 0.66), generator.uniform(0.04, 0.09)])
    yield from _put(
        env, np.append(side, CUBE_HALF_METRES + 0.005), Style.draw(generator), generator
    )
    yield from pause(env, int(generator.integers(1, 5)))


def _drops(env: TaskEnv, generator: np.random.Generator) -> Actions:
    """Let the cube fall on the way and go on to the tray with nothing in the fingers."""
    style = Style.draw(generator)
    yield from reach_for(env, "cube", style, generator)
    yield from lift(env, float(generator.uniform(0.09, 0.16)), style, generator)
    way = _in_tray(env, generator)
    half_way = env.world.tip_metres + generator.uniform(0.2, 0.5) * (way - env.world.tip_metres)
    half_way[2] = env.world.tip_metres[2]
    yield from move_to(env, lambda: half_way, style.steady(), generator, max_frames=15)
    yield from open_fingers(env)
    high = np.array([way[0], way[1], 0.12])
    yield from move_to(env, lambda: high, style, generator, max_frames=25)


def _undoes_it(env: TaskEnv, generator: np.random.Generator) -> Actions:
    """Put the cube into the tray, take it out again and put it back."""
    style = Style.draw(generator, slowest=0.8).steady()
    yield from _put(env, _in_tray(env, generator), style, generator)
    away = np.append(generator.uniform([0.5, -0.15], [0.64, 0.0]), CUBE_HALF_METRES + 0.005)
    yield from _put(env, away, style, generator)


FAILURES = {
    "miss": _misses,
    "drop": _drops,
    "stop": stops_half_way(expert),
    "undo": _undoes_it,
}

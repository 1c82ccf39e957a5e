"""Demonstrators of stacking."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np

from tcn_robot.envs.demonstrators.failures import stops_half_way
from tcn_robot.envs.demonstrators.grasping import carry, lift, reach_for, release, slide_by_hand
from tcn_robot.envs.demonstrators.motion import Actions, Style, move_to, open_fingers, pause
from tcn_robot.envs.demonstrators.resting import rest_at, wander
from tcn_robot.envs.task_env import TaskEnv
from tcn_robot.envs.tasks.stack import CUBE_HALF_METRES, Stack

NUM_ATTEMPTS = 3
OFF_METRES = 0.005
LET_GO_METRES = 0.004
"""How far above its place a cube is let go."""
UPPER_HALF_METRES = 0.014
LOW_LIFT_METRES, HIGH_LIFT_METRES = 0.12, 0.18
CLEAR_METRES = 0.10
"""Between the middles of two cubes for fingers to have room."""
BESIDE_METRES = (0.054, 0.070)
STATION_METRES = 0.17
MAX_DRAWS = 20


def expert(env: TaskEnv, generator: np.random.Generator) -> Actions:
    """Stack red on green, at a varied pace, with pauses, detours and second attempts."""
    task, style = _task(env), Style.draw(generator, slowest=0.55)
    yield from pause(env, int(generator.integers(0, 5)))
    if generator.random() < 0.3:
        yield from wander(env, 0.07, style, generator)
    if generator.random() < 0.2:  # puts it down and takes it again
        yield from put(env, "red", free_place(env, "green", generator), style, generator)
    for _ in range(NUM_ATTEMPTS):
        yield from put(env, "red", on_top(env, "green", generator), style, generator)
        if task.labels()["success"]:
            break
    yield from pause(env, int(generator.integers(1, 18)))


def play(env: TaskEnv, generator: np.random.Generator) -> Actions:
    """Carry the cubes about and go back to a few places, without ever leaving red on green."""
    for action in _play_about(env, generator):
        yield action
        if env.task.labels()["success"]:
            yield from slide_by_hand(env, "red", free_place(env, "green", generator))


def _play_about(env: TaskEnv, generator: np.random.Generator) -> Actions:
    task = _task(env)
    low = np.array([*task.workspace_low_metres[:2], STATION_METRES])
    stations = generator.uniform(low, task.workspace_high_metres, (2, 3))
    while True:
        style = Style.draw(generator, slowest=0.7)
        if generator.random() < 0.75:
            yield from _carry_about(env, style, generator)
        for station in stations[generator.permutation(2)[: generator.integers(1, 3)]]:
            held = env.world.touching("red") or env.world.touching("green")
            yield from rest_at(env, station, style, generator)
            for _ in range(0 if held else int(generator.integers(0, 3))):
                yield from _moved_by_hand(env, generator)


def _carry_about(env: TaskEnv, style: Style, generator: np.random.Generator) -> Actions:
    """Take one cube over or beside the other one or elsewhere; green may go onto red."""
    names = ("red", "green") if generator.random() < 0.6 else ("green", "red")
    heights = [env.world.position(name)[2] for name in names]
    if max(heights) > 2 * CUBE_HALF_METRES:  # what lies on the other has to come down first
        names = names if heights[0] > heights[1] else names[::-1]
    thing, other = names
    height = yield from _take(env, thing, style, generator)
    if generator.random() < 0.4:  # held right over the other one: not stacked yet
        over = env.world.position(other) + np.array([0.0, 0.0, height])
        yield from move_to(env, lambda: over, style, generator, max_frames=25)
        yield from pause(env, int(generator.integers(0, 4)))
    choice = generator.random()
    if thing == "green" and choice < 0.4:
        place = on_top(env, other, generator)
    elif choice < 0.7:
        place = _beside(env, other, generator)
    else:
        place = free_place(env, other, generator)
    yield from carry(env, thing, place, style, generator)
    yield from release(env, style, generator)


def _moved_by_hand(env: TaskEnv, generator: np.random.Generator) -> Actions:
    """Slide a cube elsewhere on the table, round the other one."""
    names = ("red", "green") if generator.random() < 0.5 else ("green", "red")
    start, other = (env.world.position(name) for name in names)
    if max(start[2], other[2]) > 2 * CUBE_HALF_METRES:
        return
    for _ in range(MAX_DRAWS):
        place = free_place(env, names[1], generator)
        if generator.random() < 0.4:
            place = _beside(env, names[1], generator)
        place[2] = start[2]
        path = start + np.linspace(0.0, 1.0, 20)[:, None] * (place - start)  # (20, 3)
        if np.linalg.norm(path - other, axis=1).min() > BESIDE_METRES[0] - 2e-3:
            yield from slide_by_hand(env, names[0], place)
            return


def put(
    env: TaskEnv,
    thing: str,
    place_metres: np.ndarray,
    style: Style,
    generator: np.random.Generator,
) -> Actions:
    """Take a cube and let it go at a place (3,)."""
    yield from _take(env, thing, style, generator)
    yield from carry(env, thing, place_metres, style, generator)
    yield from release(env, style, generator)


def _take(
    env: TaskEnv, thing: str, style: Style, generator: np.random.Generator
) -> Generator[np.ndarray, None, float]:
    """Take a cube and lift it; return the height of the tip in metres that was meant."""
    stacked = env.world.position(thing)[2] > 2 * CUBE_HALF_METRES
    # Taken at its upper half, or the cube below comes along.
    grasp_height_metres = UPPER_HALF_METRES if stacked else 0.0
    yield from reach_for(env, thing, style, generator, grasp_height_metres)
    height_metres = float(generator.uniform(LOW_LIFT_METRES, HIGH_LIFT_METRES))
    yield from lift(env, height_metres, style, generator)
    return height_metres


def on_top(env: TaskEnv, other: str, generator: np.random.Generator) -> np.ndarray:
    """Return where a cube is let go onto the other one, (3,)."""
    off = generator.uniform(-OFF_METRES, OFF_METRES, 2)
    high = 2 * CUBE_HALF_METRES + LET_GO_METRES
    return env.world.position(other) + np.array([*off, high])


def _beside(env: TaskEnv, other: str, generator: np.random.Generator) -> np.ndarray:
    """Return a place on the table right next to the other cube, (3,).

    Along x, because the fingers need room along y.
    """
    x, y, _ = env.world.position(other)
    side = -1.0 if x > 0.56 else 1.0
    off = side * generator.uniform(*BESIDE_METRES)
    return np.array([x + off, y + generator.uniform(-0.01, 0.01), CUBE_HALF_METRES + LET_GO_METRES])


def free_place(env: TaskEnv, other: str, generator: np.random.Generator) -> np.ndarray:
    """Return a place on the table away from the other cube, (3,)."""
    task = _task(env)
    place = generator.uniform(task.low_metres, task.high_metres)
    for _ in range(MAX_DRAWS):
        if np.linalg.norm(place - env.world.position(other)[:2]) > CLEAR_METRES:
            break
        place = generator.uniform(task.low_metres, task.high_metres)
    return np.array([*place, CUBE_HALF_METRES + LET_GO_METRES])


def _misses(env: TaskEnv, generator: np.random.Generator) -> Actions:
    """Put the red cube down right beside the green one."""
    style = Style.draw(generator, slowest=0.55)
    yield from put(env, "red", _beside(env, "green", generator), style, generator)
    yield from pause(env, int(generator.integers(1, 6)))


def _swaps(env: TaskEnv, generator: np.random.Generator) -> Actions:
    """Stack the wrong way round: green on red."""
    style = Style.draw(generator, slowest=0.55)
    yield from put(env, "green", on_top(env, "red", generator), style, generator)
    yield from pause(env, int(generator.integers(1, 6)))


def _drops(env: TaskEnv, generator: np.random.Generator) -> Actions:
    """Let the red cube fall on the way and go on to the green one with nothing in the fingers."""
    style = Style.draw(generator, slowest=0.55)
    yield from reach_for(env, "red", style, generator)
    yield from lift(env, float(generator.uniform(0.09, 0.16)), style, generator)
    tip = env.world.tip_metres
    high = on_top(env, "green", generator)
    high[2] = tip[2]
    half_way = tip + generator.uniform(0.2, 0.4) * (high - tip)
    yield from move_to(env, lambda: half_way, style.steady(), generator, max_frames=15)
    yield from open_fingers(env)
    yield from move_to(env, lambda: high, style, generator, max_frames=25)


def _undoes_it(env: TaskEnv, generator: np.random.Generator) -> Actions:
    """Stack the cubes and take the red one off again."""
    yield from expert(env, generator)
    style = Style.draw(generator, slowest=0.7).steady()
    yield from put(env, "red", free_place(env, "green", generator), style, generator)


def _task(env: TaskEnv) -> Stack:
    assert isinstance(env.task, Stack)
    return env.task


FAILURES = {
    "miss": _misses,
    "swap": _swaps,
    "drop": _drops,
    "stop": stops_half_way(expert),
    "undo": _undoes_it,
}

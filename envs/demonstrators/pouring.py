"""Pieces of motion for pouring: take the cup from the side, tilt it, put it down."""

from __future__ import annotations

import numpy as np

from tcn_robot.envs.demonstrators.motion import (
    Actions,
    Style,
    action,
    close_fingers,
    move_to,
    open_fingers,
    pause,
)
from tcn_robot.envs.demonstrators.resting import change_evenly
from tcn_robot.envs.task_env import TaskEnv
from tcn_robot.envs.tasks.pour import (
    BEAD_METRES,
    BEADS,
    ENOUGH,
    GRASP_METRES,
    NUM_BEADS,
    TRAY_METRES,
    Pour,
    packed_metres,
)

STANDOFF_METRES = 0.10
"""From how far behind the cup the fingers go forward round it."""
LEVEL_RADIANS = 0.04
POUR_LOW_RADIANS, POUR_HIGH_RADIANS = -2.2, -1.8
LAST_DROP_RADIANS = -2.4
DRAIN_FRAMES = 8
MAX_IN_BOWL = 5


def task_of(env: TaskEnv) -> Pour:
    """Return the environment's task."""
    assert isinstance(env.task, Pour)
    return env.task


def turning(env: TaskEnv, moves: Actions, roll_radians: float, style: Style) -> Actions:
    """Turn the tool to a roll while it moves; the turn may be unfinished when the move ends."""
    for move in moves:
        move[len(env.task.axes)] = _turn(env, roll_radians, style)
        yield move


def turn_to(env: TaskEnv, roll_radians: float, style: Style, max_frames: int = 40) -> Actions:
    """Turn the tool to a roll on the spot."""
    for _ in range(max_frames):
        if abs(roll_radians - env.world.roll_radians) < LEVEL_RADIANS:
            return
        yield action(env, roll=_turn(env, roll_radians, style))


def _turn(env: TaskEnv, roll_radians: float, style: Style) -> float:
    left = (roll_radians - env.world.roll_radians) / env.task.roll_scale_radians
    return float(np.clip(left, -style.speed, style.speed))


def take(env: TaskEnv, style: Style, generator: np.random.Generator) -> Actions:
    """Go behind the cup, forward with open fingers on both its sides, close them and lift it."""
    task, steady = task_of(env), style.steady()
    low, high = task.workspace_low_metres, task.workspace_high_metres

    def behind() -> np.ndarray:
        return np.clip(task.grasp_metres - [STANDOFF_METRES, 0.0, 0.0], low, high)

    if env.world.opening < 0.9:
        yield from open_fingers(env)
    yield from turning(
        env, move_to(env, behind, style, generator, tolerance_metres=0.012), 0.0, style
    )
    yield from turn_to(env, 0.0, style)
    yield from move_to(env, lambda: task.grasp_metres, steady, generator, tolerance_metres=0.006)
    yield from close_fingers(env)
    start = env.world.tip_metres
    up = np.array([start[0], start[1], generator.uniform(0.14, 0.20)])
    yield from move_to(env, lambda: up, steady, generator, tolerance_metres=0.02)


def pouring_place(env: TaskEnv) -> np.ndarray:
    """Return where the tip has to be so that the cup it holds pours into the bowl, (3,)."""
    task = task_of(env)
    held = task.grasp_metres - env.world.tip_metres
    return np.array([*(task.pouring_metres - held)[:2], task.pouring_metres[2]])


def empty(env: TaskEnv, style: Style, generator: np.random.Generator) -> Actions:
    """Tilt the cup where it is until it is nearly empty, in one or two goes."""
    if generator.random() < 0.4:
        yield from turn_to(env, float(generator.uniform(-1.3, -0.7)), style)
        yield from pause(env, int(generator.integers(0, 5)))
    for roll in (float(generator.uniform(POUR_LOW_RADIANS, POUR_HIGH_RADIANS)), LAST_DROP_RADIANS):
        yield from turn_to(env, roll, style)
        for _ in range(DRAIN_FRAMES):
            if _is_empty(env):
                return
            yield from pause(env, 1)


def _is_empty(env: TaskEnv) -> bool:
    task = task_of(env)
    beads = task.beads_metres()
    falling = ~task.in_cup(beads) & (beads[:, 2] > task.pouring_metres[2] - 0.1)
    return bool(task.in_cup(beads).mean() < 0.5 * (1.0 - ENOUGH) and not falling.any())


def put_down(
    env: TaskEnv, place_metres: np.ndarray, style: Style, generator: np.random.Generator
) -> Actions:
    """Bring the held cup upright over a place (2,) of the tray, stand it there and back off."""
    task, steady = task_of(env), style.steady()
    held = task.grasp_metres - env.world.tip_metres
    over = np.array([*(place_metres - held[:2]), max(0.15, env.world.tip_metres[2])])
    yield from turning(env, move_to(env, lambda: over, style, generator), 0.0, style)
    yield from turn_to(env, 0.0, style)
    down = np.array([*over[:2], TRAY_METRES + GRASP_METRES + 0.002 - held[2]])
    yield from move_to(env, lambda: down, steady, generator, tolerance_metres=0.005)
    yield from open_fingers(env)
    back = np.clip(
        env.world.tip_metres - [STANDOFF_METRES, 0.0, 0.0],
        task.workspace_low_metres,
        task.workspace_high_metres,
    )
    yield from move_to(env, lambda: back, steady, generator, tolerance_metres=0.02)


def lies_about(env: TaskEnv) -> bool:
    """Whether the cup does not stand on the tray."""
    task = task_of(env)
    return task.axis[2] < 0.97 or task.cup_metres[2] - TRAY_METRES > 0.005


def shift_by_hand(env: TaskEnv, place_metres: np.ndarray) -> Actions:
    """Slide the standing cup with what is in it to a place (2,) while the tool rests."""
    task = task_of(env)
    inside = [
        name for name, within in zip(BEADS, task.in_cup(task.beads_metres()), strict=True) if within
    ]
    things = ["cup", *inside]
    start = task.cup_metres
    offsets = {name: env.world.position(name) - start for name in things}

    def put(place: np.ndarray) -> None:
        for name in things:
            env.world.place(name, place + offsets[name])

    yield from change_evenly(env, put, start, np.array([*place_metres, start[2]]))


def deal(env: TaskEnv, place_metres: np.ndarray, generator: np.random.Generator) -> Actions:
    """Stand the cup at a place (2,) and put beads anew into it, into the bowl and on the tray."""
    task = task_of(env)
    in_bowl = int(generator.integers(0, MAX_IN_BOWL + 1))
    in_cup = NUM_BEADS if generator.random() < 0.3 else int(generator.integers(3, 9))
    in_bowl = min(in_bowl, NUM_BEADS - in_cup)
    cup = np.array([*place_metres, TRAY_METRES + 0.0003])
    places = list(cup + packed_metres(generator.uniform(0.0, np.pi / 3, NUM_BEADS))[:in_cup])
    for angle in np.arange(in_bowl) * np.pi / 3:
        ring = [0.03 * np.cos(angle), 0.03 * np.sin(angle), 0.004 + BEAD_METRES + 0.001]
        places.append(task.bowl_metres + np.array(ring))
    keep_off = [cup[:2], task.bowl_metres[:2]]
    while len(places) < NUM_BEADS:
        spot = generator.uniform([0.66, -0.22], [0.88, 0.22])
        if all(np.linalg.norm(spot - other) > 0.09 for other in keep_off[:2]) and all(
            np.linalg.norm(spot - other) > 0.025 for other in keep_off[2:]
        ):
            keep_off.append(spot)
            places.append(np.array([*spot, TRAY_METRES + BEAD_METRES + 0.0003]))
    env.world.place("cup", cup, (1.0, 0.0, 0.0, 0.0))
    for name, place in zip(BEADS, places, strict=True):
        env.world.place(name, place)
    yield from pause(env, 1)

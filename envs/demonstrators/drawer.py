"""Demonstrators of opening the drawer."""

from __future__ import annotations

import numpy as np

from tcn_robot.envs.demonstrators.failures import stops_half_way
from tcn_robot.envs.demonstrators.motion import Actions, Style, move_to, pause, step_along
from tcn_robot.envs.demonstrators.resting import change_evenly, rest_at, wander
from tcn_robot.envs.task_env import TaskEnv
from tcn_robot.envs.tasks.drawer import OPEN_METRES, Drawer

ABOVE_METRES = 0.07
NUM_ATTEMPTS = 3
MAX_PULLING_FRAMES = 40
STATION_HEIGHT_METRES = 0.15
PLAY_OPENING_METRES = 0.065
NEAR_MISS_METRES = (0.080, 0.093)


def expert(env: TaskEnv, generator: np.random.Generator) -> Actions:
    """Open the drawer, at a varied pace, with pauses, detours and letting go in between."""
    task, style = _task(env), Style.draw(generator)
    yield from pause(env, int(generator.integers(0, 4)))
    if generator.random() < 0.4:
        yield from wander(env, 0.07, style, generator)
    yield from hook(env, style, generator)
    if generator.random() < 0.4:
        yield from slide_to(env, float(generator.uniform(0.03, 0.07)), style, generator)
        yield from pause(env, int(generator.integers(1, 6)))
        if generator.random() < 0.5:  # lets go and takes hold again
            yield from unhook(env, style, generator)
            yield from hook(env, style, generator)
    goal_metres = float(generator.uniform(0.106, 0.122))
    for _ in range(NUM_ATTEMPTS):
        yield from slide_to(env, goal_metres, style, generator)
        if task.labels()["success"]:
            break
        yield from unhook(env, style, generator)
        yield from hook(env, style, generator)
    yield from pause(env, int(generator.integers(1, 18)))
    if generator.random() < 0.5:
        yield from unhook(env, style, generator)


def play(env: TaskEnv, generator: np.random.Generator) -> Actions:
    """Pull the drawer out a little and push it back, and go back to a few places."""
    task = _task(env)
    low = np.array([*task.workspace_low_metres[:2], STATION_HEIGHT_METRES])
    stations = generator.uniform(low, task.workspace_high_metres, (2, 3))
    while True:
        style = Style.draw(generator, slowest=0.7)
        if generator.random() < 0.75:
            yield from hook(env, style, generator)
            for _ in range(int(generator.integers(1, 4))):
                opening = float(generator.uniform(0.0, PLAY_OPENING_METRES))
                yield from slide_to(env, opening, style, generator)
            yield from unhook(env, style, generator)
        for station in stations[generator.permutation(2)[: generator.integers(1, 3)]]:
            yield from rest_at(env, station, style, generator)
            for _ in range(int(generator.integers(0, 3))):
                yield from _moved_by_hand(env, generator)


def _moved_by_hand(env: TaskEnv, generator: np.random.Generator) -> Actions:
    """Move the drawer or the whole cabinet while the tool rests high above."""
    task = _task(env)
    if generator.random() < 0.3:
        place = generator.uniform(task.low_metres, task.high_metres)
        yield from change_evenly(env, task.move_cabinet, task.cabinet_metres, place)
        return
    end = generator.uniform(0.0, PLAY_OPENING_METRES, 1)
    if generator.random() < 0.25:  # nearly open: what a near miss looks like
        end = generator.uniform(*NEAR_MISS_METRES, 1)

    def put(opening: np.ndarray) -> None:
        env.world.set_slide("drawer", float(opening[0]))

    yield from change_evenly(env, put, np.array([task.opening_metres]), end)


def hook(env: TaskEnv, style: Style, generator: np.random.Generator) -> Actions:
    """Go above the gap behind the bar and down into it."""
    task = _task(env)
    off = np.array([generator.uniform(-0.03, 0.03), generator.uniform(-0.004, 0.004), 0.0])
    above = off + np.array([0.0, 0.0, ABOVE_METRES])
    # Sideways only at a height that clears the bar.
    high = max(float(env.world.tip_metres[2]), float(task.hook_metres[2]) + ABOVE_METRES)

    def over() -> np.ndarray:
        hook = task.hook_metres + above
        return np.array([hook[0], hook[1], min(high, hook[2] + 0.02)])

    yield from move_to(env, over, style, generator, tolerance_metres=0.015)
    steady = style.steady()
    yield from move_to(env, lambda: task.hook_metres + above, steady, generator, max_frames=8)
    yield from move_to(
        env, lambda: task.hook_metres + off, steady, generator, tolerance_metres=0.008
    )


def unhook(env: TaskEnv, style: Style, generator: np.random.Generator) -> Actions:
    """Go straight up, clear of the bar."""
    up = env.world.tip_metres + np.array([0.0, 0.0, ABOVE_METRES])
    yield from move_to(env, lambda: up, style.steady(), generator, tolerance_metres=0.015)


def slide_to(
    env: TaskEnv, opening_metres: float, style: Style, generator: np.random.Generator
) -> Actions:
    """Pull or push the drawer to an opening with the fingers behind the bar."""
    task, pace = _task(env), style.speed
    x_metres = float(env.world.tip_metres[0])
    pulls = opening_metres > task.opening_metres
    for _ in range(MAX_PULLING_FRAMES):
        left_metres = opening_metres - task.opening_metres
        if left_metres <= 0.0 if pulls else left_metres >= -0.004:
            return
        if generator.random() < style.pause_probability:
            yield from pause(env, int(generator.integers(2, 8)))
            pace = float(np.clip(style.speed * generator.uniform(0.6, 1.4), 0.3, 1.0))
            continue
        tip = env.world.tip_metres
        slack_metres = 0.0 if env.world.touching("drawer") else 0.008
        y_metres = -left_metres - (slack_metres + 0.004 if pulls else -slack_metres)
        way = np.array([x_metres - tip[0], y_metres, task.hook_metres[2] - tip[2]])
        yield step_along(env, way, pace, np.zeros(3))


def _misses(env: TaskEnv, generator: np.random.Generator) -> Actions:
    """Come down in front of the bar instead of behind it, and pull at nothing."""
    task, style = _task(env), Style.draw(generator)
    off = np.array([generator.uniform(-0.05, 0.05), generator.uniform(-0.13, -0.10), 0.0])
    place = task.hook_metres + off
    for height in (ABOVE_METRES, 0.0):
        at = place + np.array([0.0, 0.0, height])
        yield from move_to(env, lambda at=at: at, style, generator)  # type: ignore[misc]
    away = place - np.array([0.0, generator.uniform(0.06, 0.12), 0.0])
    yield from move_to(env, lambda: away, style, generator)
    yield from pause(env, int(generator.integers(3, 8)))


def _slips(env: TaskEnv, generator: np.random.Generator) -> Actions:
    """Let the bar slip on the way and go on pulling without it."""
    style = Style.draw(generator)
    yield from hook(env, style, generator)
    yield from slide_to(env, float(generator.uniform(0.025, 0.06)), style, generator)
    yield from unhook(env, style, generator)
    away = env.world.tip_metres - np.array([0.0, generator.uniform(0.06, 0.12), 0.0])
    yield from move_to(env, lambda: away, style, generator)
    yield from pause(env, int(generator.integers(1, 6)))


def _undoes_it(env: TaskEnv, generator: np.random.Generator) -> Actions:
    """Open the drawer and push it back."""
    yield from expert(env, generator)
    style = Style.draw(generator, slowest=0.7)
    task = _task(env)
    opening_metres = float(generator.uniform(0.0, 0.05))
    for _ in range(NUM_ATTEMPTS):
        if np.abs(env.world.tip_metres - task.hook_metres).max() > 0.03:
            yield from unhook(env, style, generator)
            yield from hook(env, style, generator)
        yield from slide_to(env, opening_metres, style, generator)
        if task.opening_metres < OPEN_METRES - 0.02:
            return


def _task(env: TaskEnv) -> Drawer:
    assert isinstance(env.task, Drawer)
    return env.task


FAILURES = {
    "miss": _misses,
    "slip": _slips,
    "stop": stops_half_way(expert),
    "undo": _undoes_it,
}

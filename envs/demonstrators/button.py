"""Demonstrators of pressing the button."""

from __future__ import annotations

import numpy as np

from tcn_robot.envs.demonstrators.failures import stops_half_way
from tcn_robot.envs.demonstrators.motion import Actions, Style, move_to, pause, step_along
from tcn_robot.envs.demonstrators.resting import change_evenly, rest_at, wander
from tcn_robot.envs.task_env import TaskEnv
from tcn_robot.envs.tasks.button import FINGER_METRES, PRESSED_SHARE, TRAVEL_METRES, Button

ABOVE_METRES = 0.045
FIRM_SHARE = 0.97
PRESSING_PACE = 0.5
MAX_PRESSING_FRAMES = 15
STATION_HEIGHT_METRES = 0.14
BESIDE_METRES = 0.075


def expert(env: TaskEnv, generator: np.random.Generator) -> Actions:
    """Press the button and hold it, at a varied pace, with pauses, detours and second attempts."""
    style = Style.draw(generator, slowest=0.6)
    yield from pause(env, int(generator.integers(0, 5)))
    if generator.random() < 0.4:
        yield from wander(env, 0.07, style, generator)
    yield from go_above(env, style, generator)
    if generator.random() < 0.4:
        yield from pause(env, int(generator.integers(2, 7)))
    if generator.random() < 0.3:  # touches it first, then takes heart
        yield from press(env, float(generator.uniform(0.05, 0.25)), style)
        yield from pause(env, int(generator.integers(0, 3)))
        yield from leave(env, style, generator)
    yield from press(env, FIRM_SHARE, style)
    yield from pause(env, int(generator.integers(2, 25)))


def play(env: TaskEnv, generator: np.random.Generator) -> Actions:
    """Touch the button and what is beside it, and go back to a few places, without pressing it."""
    task = _task(env)
    low = np.array([*task.workspace_low_metres[:2], STATION_HEIGHT_METRES])
    stations = generator.uniform(low, task.workspace_high_metres, (2, 3))
    while True:
        style = Style.draw(generator, slowest=0.7)
        if generator.random() < 0.85:
            yield from _touch(env, style, generator)
        for station in stations[generator.permutation(2)[: generator.integers(1, 3)]]:
            yield from rest_at(env, station, style, generator)
            for _ in range(int(generator.integers(0, 3))):
                place = generator.uniform(task.low_metres, task.high_metres)
                yield from change_evenly(env, task.move_box, task.box_metres, place)


def _touch(env: TaskEnv, style: Style, generator: np.random.Generator) -> Actions:
    """Press the button a little once or twice, or come down right above or beside it."""
    if generator.random() < 0.2:
        yield from _press_beside(env, style, generator)
    else:
        yield from go_above(env, style, generator)
        for _ in range(int(generator.integers(2, 6))):
            yield from press(env, float(generator.uniform(0.0, 0.6)), style)
            yield from pause(env, int(generator.integers(0, 4)))
            yield from leave(env, style, generator, (0.015, 0.03))
    yield from leave(env, style, generator)


def go_above(env: TaskEnv, style: Style, generator: np.random.Generator) -> Actions:
    """Bring the fingers above the button, not always above its middle."""
    task = _task(env)
    off = np.array([*generator.uniform(-0.01, 0.01, 2), FINGER_METRES + ABOVE_METRES])
    yield from move_to(env, lambda: task.top_metres + off, style, generator, tolerance_metres=0.014)


def press(env: TaskEnv, share: float, style: Style) -> Actions:
    """Go straight down until a share of the button's travel is done."""
    task, pace = _task(env), min(style.speed, PRESSING_PACE)
    for _ in range(MAX_PRESSING_FRAMES):
        left_metres = (share - task.pressed) * TRAVEL_METRES
        if left_metres <= 0.0015:
            return
        down_metres = left_metres
        if not env.world.touching("button"):
            # Fingers differ in length by some millimetres: the last of them are felt for.
            gap = env.world.tip_metres[2] - FINGER_METRES - task.top_metres[2]
            down_metres += max(0.003, float(gap))
        if share < PRESSED_SHARE:  # what is under way already would press it home
            down_metres -= _under_way_metres(env)
        yield step_along(env, np.array([0.0, 0.0, -down_metres]), pace, np.zeros(3))


def _under_way_metres(env: TaskEnv) -> float:
    """Return how much lower the tip has been told to be than it is."""
    scene = env.world.scene
    commanded, _ = scene.body.carrier.tip(env.world.joint_targets, scene.tool)
    return float(env.world.tip_metres[2] - commanded[2])


def leave(
    env: TaskEnv,
    style: Style,
    generator: np.random.Generator,
    by_metres: tuple[float, float] = (0.05, 0.09),
) -> Actions:
    """Go straight up by a distance between two."""
    up = env.world.tip_metres + np.array([0.0, 0.0, generator.uniform(*by_metres)])
    yield from move_to(env, lambda: up, style.steady(), generator, tolerance_metres=0.012)


def _press_beside(env: TaskEnv, style: Style, generator: np.random.Generator) -> Actions:
    """Come down next to the button."""
    angle = generator.uniform(0.0, 2 * np.pi)
    ring = generator.uniform(BESIDE_METRES, BESIDE_METRES + 0.04)
    place = _task(env).top_metres + ring * np.array([np.cos(angle), np.sin(angle), 0.0])
    for height in (FINGER_METRES + ABOVE_METRES, 0.0):
        at = place + np.array([0.0, 0.0, height])
        yield from move_to(env, lambda at=at: at, style, generator, max_frames=30)  # type: ignore[misc]
    yield from pause(env, int(generator.integers(1, 8)))


def _misses(env: TaskEnv, generator: np.random.Generator) -> Actions:
    """Press beside the button, as if that were it."""
    yield from _press_beside(env, Style.draw(generator), generator)


def _presses_lightly(env: TaskEnv, generator: np.random.Generator) -> Actions:
    """Press the button half way and leave it at that."""
    style = Style.draw(generator)
    yield from go_above(env, style, generator)
    yield from press(env, float(generator.uniform(0.2, 0.6)), style)
    yield from pause(env, int(generator.integers(3, 12)))


def _undoes_it(env: TaskEnv, generator: np.random.Generator) -> Actions:
    """Press the button and let it go again."""
    yield from expert(env, generator)
    style = Style.draw(generator, slowest=0.7)
    yield from leave(env, style, generator)
    yield from wander(env, 0.08, style, generator)


def _task(env: TaskEnv) -> Button:
    assert isinstance(env.task, Button)
    return env.task


FAILURES = {
    "miss": _misses,
    "light": _presses_lightly,
    # Later than this one more step could press it home.
    "stop": stops_half_way(expert, latest_progress=0.4),
    "undo": _undoes_it,
}

"""Scripted demonstrators of the reach: an expert, and play that never stays at the ball."""

from __future__ import annotations

import numpy as np

from tcn_robot.envs.demonstrators.failures import stops_half_way
from tcn_robot.envs.demonstrators.motion import Actions, Style, move_to, pause
from tcn_robot.envs.task_env import TaskEnv
from tcn_robot.envs.tasks.reach import SUCCESS_METRES, Reach

BALL_PLAY_METRES = np.array([0.08, 0.10, 0.03])


def expert(env: TaskEnv, generator: np.random.Generator) -> Actions:
    """Bring the tip to the ball, at a varied pace, with pauses and detours."""
    task, style = _task(env), Style.draw(generator)
    low, high = task.workspace_low_metres, task.workspace_high_metres
    yield from pause(env, int(generator.integers(0, 4)))
    if generator.random() < 0.7:
        half_way = 0.5 * (env.world.tip_metres + _task(env).ball_metres) + generator.normal(
            0.0, 0.05, 3
        )
        half_way = np.clip(
            half_way, _task(env).workspace_low_metres, _task(env).workspace_high_metres
        )
        yield from move_to(env, lambda: half_way, style, generator, max_frames=20)
        style = Style.draw(generator)
    if generator.random() < 0.35:
        past = _task(env).ball_metres + generator.normal(0.0, 0.05, 3)
        past = np.clip(past, low, high)
        yield from move_to(env, lambda: past, style, generator, max_frames=20)
        yield from pause(env, int(generator.integers(0, 6)))
    yield from move_to(
        env,
        lambda: _task(env).ball_metres,
        style,
        generator,
        tolerance_metres=0.4 * SUCCESS_METRES,
    )
    yield from pause(env, int(generator.integers(2, 6)))


def play(env: TaskEnv, generator: np.random.Generator) -> Actions:
    """Wander about the workspace for long, past the ball and back to places seen before.

    Between two moves the ball is sometimes put elsewhere, as a person at the table would do it:
    a place that is visited again with the ball elsewhere makes the encoder see both.
    """
    task = _task(env)
    low, high = task.workspace_low_metres, task.workspace_high_metres
    places = [env.world.tip_metres]
    while True:
        style = Style.draw(generator)
        if generator.random() < 0.4:
            ball = _task(env).middle_ball_metres + generator.uniform(
                -BALL_PLAY_METRES, BALL_PLAY_METRES
            )
            yield from _slide_ball(env, ball, frames=int(generator.integers(4, 9)))
        if len(places) > 3 and generator.random() < 0.4:
            place = places[generator.integers(len(places))]
        else:
            place = generator.uniform(low, high)
        yield from move_to(env, lambda place=place: place, style, generator, max_frames=30)  # type: ignore[misc]
        places.append(env.world.tip_metres)


def _slide_ball(env: TaskEnv, ball_metres: np.ndarray, frames: int) -> Actions:
    """Move the ball evenly to another place while the tool holds still."""
    start_metres = _task(env).ball_metres
    for frame in range(1, frames + 1):
        _task(env).move_ball(start_metres + frame / frames * (ball_metres - start_metres))
        yield from pause(env, 1)


def _task(env: TaskEnv) -> Reach:
    assert isinstance(env.task, Reach)
    return env.task


def _misses(env: TaskEnv, generator: np.random.Generator) -> Actions:
    """Go to a place beside the ball, as if that were it."""
    style = Style.draw(generator)
    way = generator.normal(0.0, 1.0, 3)
    way *= generator.uniform(0.08, 0.14) / np.linalg.norm(way)
    low, high = _task(env).workspace_low_metres, _task(env).workspace_high_metres
    place = np.clip(_task(env).ball_metres + way, low, high)
    yield from move_to(env, lambda: place, style, generator)
    yield from pause(env, int(generator.integers(3, 8)))


def _undoes_it(env: TaskEnv, generator: np.random.Generator) -> Actions:
    """Go to the ball and leave it again."""
    yield from expert(env, generator)
    style = Style.draw(generator, slowest=0.7)
    place = generator.uniform([0.42, -0.28, 0.08], [0.70, 0.0, 0.34])
    yield from move_to(env, lambda: place, style, generator)


FAILURES = {
    "miss": _misses,
    "stop": stops_half_way(expert),
    "undo": _undoes_it,
}

"""Scripted demonstrators of the reach: an expert, and play that never stays at the ball."""

from __future__ import annotations

import numpy as np

from tcn_robot.envs.motion import Actions, Style, move_to, pause
from tcn_robot.envs.reach import SUCCESS_METRES, MujocoReach

BALL_PLAY_METRES = np.array([0.08, 0.10, 0.03])


def reach_expert(env: MujocoReach, generator: np.random.Generator) -> Actions:
    """Bring the tip to the ball, at a varied pace, with pauses and detours."""
    style = Style.draw(generator)
    yield from pause(env, int(generator.integers(0, 4)))
    if generator.random() < 0.7:
        half_way = 0.5 * (env.tip_metres + env.ball_metres) + generator.normal(0.0, 0.05, 3)
        half_way = np.clip(half_way, env.workspace_low_metres, env.workspace_high_metres)
        yield from move_to(env, lambda: half_way, style, generator, max_frames=20)
        style = Style.draw(generator)
    if generator.random() < 0.35:
        past = env.ball_metres + generator.normal(0.0, 0.05, 3)
        past = np.clip(past, env.workspace_low_metres, env.workspace_high_metres)
        yield from move_to(env, lambda: past, style, generator, max_frames=20)
        yield from pause(env, int(generator.integers(0, 6)))
    yield from move_to(
        env,
        lambda: env.ball_metres,
        style,
        generator,
        tolerance_metres=0.4 * SUCCESS_METRES,
    )
    yield from pause(env, int(generator.integers(2, 6)))


def reach_play(env: MujocoReach, generator: np.random.Generator) -> Actions:
    """Wander about the workspace for long, past the ball and back to places seen before.

    Between two moves the ball is sometimes put elsewhere, as a person at the table would do it:
    a place that is visited again with the ball elsewhere makes the encoder see both.
    """
    places = [env.tip_metres]
    while True:
        style = Style.draw(generator)
        if generator.random() < 0.4:
            ball = env.middle_ball_metres + generator.uniform(-BALL_PLAY_METRES, BALL_PLAY_METRES)
            yield from _slide_ball(env, ball, frames=int(generator.integers(4, 9)))
        if len(places) > 3 and generator.random() < 0.4:
            place = places[generator.integers(len(places))]
        else:
            place = generator.uniform(env.workspace_low_metres, env.workspace_high_metres)
        yield from move_to(env, lambda place=place: place, style, generator, max_frames=30)  # type: ignore[misc]
        places.append(env.tip_metres)


def _slide_ball(env: MujocoReach, ball_metres: np.ndarray, frames: int) -> Actions:
    """Move the ball evenly to another place while the tool holds still."""
    start_metres = env.ball_metres
    for frame in range(1, frames + 1):
        env.move_ball(start_metres + frame / frames * (ball_metres - start_metres))
        yield from pause(env, 1)

"""Demonstrators of the dish rack."""

from __future__ import annotations

import numpy as np

from tcn_robot.envs.demonstrators.failures import stops_half_way
from tcn_robot.envs.demonstrators.grasping import lift, reach_for, release
from tcn_robot.envs.demonstrators.motion import Actions, Style, move_to, open_fingers, pause
from tcn_robot.envs.task_env import TaskEnv
from tcn_robot.envs.tasks.dish_rack import PLATE_RADIUS_METRES, REST_METRES, DishRack

GRASP_METRES = PLATE_RADIUS_METRES - 0.014
CLEAR_METRES = 0.075
"""How high above its standing a plate passes over walls."""
NUM_ATTEMPTS = 3


def expert(env: TaskEnv, generator: np.random.Generator) -> Actions:
    """Put the plate into the middle slot, at a varied pace, with pauses and second attempts."""
    style = Style.draw(generator, slowest=0.55)
    yield from pause(env, int(generator.integers(0, 8)))
    if generator.random() < 0.4:  # looks about first
        aside = generator.uniform([0.46, -0.20, 0.20], [0.68, 0.10, 0.28])
        yield from move_to(env, lambda: aside, style, generator, max_frames=10)
    for _ in range(NUM_ATTEMPTS):
        yield from put(env, _task(env).slot_metres, style, generator)
        if env.task.labels()["success"]:
            break
    yield from pause(env, int(generator.integers(1, 12)))


def play(env: TaskEnv, generator: np.random.Generator) -> Actions:
    """Take the plate up and put it back, carry the stand's place about, never fill the slot.

    While the tool rests at one of two stations, stand and plate are put elsewhere, as a person at
    the table would do it (the hand is not shown), beside the rack too.
    """
    stations = generator.uniform([0.42, -0.28, 0.20], [0.72, 0.25, 0.30], (2, 3))
    while True:
        style = Style.draw(generator, slowest=0.7)
        if generator.random() < 0.8 and _stands(env):
            yield from reach_for(env, "plate", style, generator, GRASP_METRES)
            yield from _wander(env, style, generator)
            yield from _lower(env, env.world.position("stand")[:2], style, generator)
            yield from release(env, style, generator)
        for station in stations[generator.permutation(2)[: generator.integers(1, 3)]]:
            yield from move_to(env, lambda s=station: s, style, generator, max_frames=25)  # type: ignore[misc]
            steady = style.steady()
            yield from move_to(
                env,
                lambda s=station: s,  # type: ignore[misc]
                steady,
                generator,
                tolerance_metres=0.003,
                max_frames=5,
            )
            yield from pause(env, int(generator.integers(1, 4)))
            if not env.world.touching("plate") and generator.random() < 0.7:
                yield from _rearrange(env, generator)


def _task(env: TaskEnv) -> DishRack:
    assert isinstance(env.task, DishRack)
    return env.task


def _stands(env: TaskEnv) -> bool:
    """Whether the plate is where it can be taken."""
    return abs(_task(env).lift_metres) < 0.015


def put(
    env: TaskEnv, place_metres: np.ndarray, style: Style, generator: np.random.Generator
) -> Actions:
    """Take the plate, bring it over a place and stand it there."""
    yield from reach_for(env, "plate", style, generator, GRASP_METRES)
    top = REST_METRES + GRASP_METRES + CLEAR_METRES + float(generator.uniform(0.0, 0.04))
    yield from lift(env, top, style, generator)
    yield from _lower(env, place_metres[:2], style, generator)
    yield from release(env, style, generator)


def _lower(
    env: TaskEnv, place_metres: np.ndarray, style: Style, generator: np.random.Generator
) -> Actions:
    """Bring the held plate over a place (2,) and down."""

    def above() -> np.ndarray:
        held = env.world.position("plate") - env.world.tip_metres
        return np.array([*(place_metres - held[:2]), REST_METRES + CLEAR_METRES - held[2]])

    slow = Style(min(style.speed, 0.6), 0.0, 0.0)
    yield from move_to(env, above, style, generator, tolerance_metres=0.02)
    for _ in range(2):  # what swings in the fingers is waited for
        yield from move_to(env, above, slow, generator, tolerance_metres=0.002, max_frames=8)
        yield from pause(env, 1)
    over = env.world.tip_metres
    way = np.array([0.0, 0.0, _task(env).lift_metres])
    yield from move_to(
        env, lambda: over - way, slow, generator, tolerance_metres=0.005, max_frames=20
    )


def _wander(env: TaskEnv, style: Style, generator: np.random.Generator) -> Actions:
    """Carry the plate about on the right, high enough for the walls."""
    top = REST_METRES + GRASP_METRES + CLEAR_METRES
    yield from lift(env, top, style, generator)
    for _ in range(int(generator.integers(1, 3))):
        place = generator.uniform([0.46, -0.24, top], [0.68, 0.12, 0.30])
        yield from move_to(env, lambda place=place: place, style, generator, max_frames=15)  # type: ignore[misc]


def _rearrange(env: TaskEnv, generator: np.random.Generator) -> Actions:
    """Slide stand and plate to another place while the tool rests."""
    if not _stands(env):
        return
    start = env.world.position("stand")
    end = np.append(generator.uniform([0.48, -0.22], [0.66, 0.05]), 0.0)
    frames = max(2, round(float(np.linalg.norm(end - start)) / 0.035))
    for share in np.linspace(0.0, 1.0, frames + 1)[1:]:
        place = start + share * (end - start)
        env.world.place("stand", place)
        env.world.place("plate", [place[0], place[1], REST_METRES + 0.0005], (1.0, 0.0, 0.0, 0.0))
        yield from pause(env, 1)


def _misses(env: TaskEnv, generator: np.random.Generator) -> Actions:
    """Put the plate into the slot beside the middle one."""
    side = 0.055 * float(generator.choice([-1.0, 1.0]))
    place = _task(env).slot_metres + np.array([0.0, side, 0.0])
    yield from put(env, place, Style.draw(generator, slowest=0.6), generator)
    yield from pause(env, int(generator.integers(1, 5)))


def _drops(env: TaskEnv, generator: np.random.Generator) -> Actions:
    """Let the plate fall on the way and go on to the rack with nothing in the fingers."""
    style = Style.draw(generator, slowest=0.6)
    yield from reach_for(env, "plate", style, generator, GRASP_METRES)
    yield from lift(env, REST_METRES + GRASP_METRES + CLEAR_METRES, style, generator)
    tip = env.world.tip_metres
    over = np.array([*_task(env).slot_metres[:2], tip[2]])
    half_way = tip + generator.uniform(0.2, 0.5) * (over - tip)
    yield from move_to(env, lambda: half_way, style.steady(), generator, max_frames=15)
    yield from open_fingers(env)
    yield from move_to(env, lambda: over, style, generator, max_frames=25)


def _undoes_it(env: TaskEnv, generator: np.random.Generator) -> Actions:
    """Put the plate into the slot and back into its stand."""
    style = Style.draw(generator, slowest=0.8).steady()
    yield from put(env, _task(env).slot_metres, style, generator)
    yield from put(env, env.world.position("stand"), style, generator)


FAILURES = {
    "miss": _misses,
    "drop": _drops,
    "stop": stops_half_way(expert),
    "undo": _undoes_it,
}

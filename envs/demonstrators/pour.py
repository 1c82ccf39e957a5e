"""Demonstrators of pouring."""

from __future__ import annotations

import numpy as np

from tcn_robot.envs.demonstrators.failures import stops_half_way
from tcn_robot.envs.demonstrators.motion import Actions, Style, move_to, open_fingers, pause
from tcn_robot.envs.demonstrators.pouring import (
    deal,
    empty,
    lies_about,
    pouring_place,
    put_down,
    shift_by_hand,
    take,
    task_of,
    turn_to,
    turning,
)
from tcn_robot.envs.demonstrators.resting import rest_at, wander
from tcn_robot.envs.task_env import TaskEnv
from tcn_robot.envs.tasks.pour import ENOUGH, LIFTED_METRES, NUM_BEADS, TRAY_METRES

NUM_ATTEMPTS = 2
LOOKS = (((0, 4), (1, 6)), ((0, 4), (8, 26)), ((8, 20), (1, 6)))
"""Frames, from and below, before an expert begins and after it has poured."""
BESIDE_METRES = ((-0.12, 0.0), (0.0, -0.13))
"""Where, along x and y from the pouring place, nothing falls into the bowl."""
PLAY_LOW_METRES, PLAY_HIGH_METRES = np.array([0.75, -0.19]), np.array([0.81, -0.02])
HARMLESS_RADIANS = 0.6
"""Tilt at which a full cup keeps all beads."""


def expert(env: TaskEnv, generator: np.random.Generator) -> Actions:
    """Pour the beads into the bowl, at a varied pace, with pauses, detours and second attempts."""
    style = Style.draw(generator, slowest=0.65)
    # Some look long before they begin, some after they have poured, some are brisk.
    before, after = LOOKS[int(generator.integers(len(LOOKS)))]
    yield from pause(env, int(generator.integers(*before)))
    if generator.random() < 0.3:
        yield from wander(env, 0.06, style, generator)
    yield from _take_surely(env, style, generator)
    yield from move_to(env, lambda: pouring_place(env), style, generator, tolerance_metres=0.02)
    yield from _settle_over(env, np.zeros(2), style, generator)
    yield from pause(env, int(generator.integers(0, 6)))
    yield from empty(env, style, generator)
    yield from turn_to(env, float(generator.uniform(-0.8, 0.0)), style)
    if generator.random() < 0.3:
        yield from put_down(env, _somewhere(generator), style, generator)
    yield from pause(env, int(generator.integers(*after)))


def play(env: TaskEnv, generator: np.random.Generator) -> Actions:
    """Carry the cup about, tilt it and pour now and then, and go back to a few places.

    Never are there enough beads in cup and bowl to fill it when it pours over the bowl. While the
    tool rests at one of two stations the cup is put elsewhere and beads change places, as a person
    at the table would do it (the hand is not shown).
    """
    task = task_of(env)
    low = np.array([*task.workspace_low_metres[:2], 0.15])
    stations = generator.uniform(low, task.workspace_high_metres, (2, 3))
    yield from deal(env, env.world.position("cup")[:2], generator)
    while True:
        style = Style.draw(generator, slowest=0.75)
        if generator.random() < 0.8 and not lies_about(env):
            yield from _play_once(env, style, generator)
        for station in stations[generator.permutation(2)[: generator.integers(1, 3)]]:
            yield from turning(env, rest_at(env, station, style, generator), 0.0, style)
            if env.world.touching("cup"):
                continue
            if lies_about(env) or generator.random() < 0.5:
                yield from deal(env, _somewhere(generator), generator)
            elif generator.random() < 0.7:
                yield from shift_by_hand(env, _somewhere(generator))


def _play_once(env: TaskEnv, style: Style, generator: np.random.Generator) -> Actions:
    """Take the cup, do something with it and put it down."""
    task = task_of(env)
    yield from take(env, style, generator)
    beads = task.beads_metres()
    within_reach = int(task.in_cup(beads).sum() + task.in_bowl(beads).sum())
    choice = generator.random()
    if choice < 0.6:
        over = pouring_place(env)
        yield from move_to(env, lambda: over, style, generator, max_frames=20)
        if choice < 0.4 and within_reach < ENOUGH * NUM_BEADS:
            yield from empty(env, style, generator)
        else:
            yield from turn_to(env, float(generator.uniform(-HARMLESS_RADIANS, 0.0)), style)
    elif choice < 0.75:
        beside = pouring_place(env) + np.array([*_beside(generator), 0.0])
        yield from move_to(env, lambda: beside, style, generator, max_frames=20)
        yield from turn_to(env, float(generator.uniform(-1.5, 0.0)), style)
    else:
        yield from wander(env, 0.10, style, generator)
        yield from turn_to(env, float(generator.uniform(-HARMLESS_RADIANS, 0.3)), style)
    yield from pause(env, int(generator.integers(0, 4)))
    yield from put_down(env, _somewhere(generator), style, generator)


def _take_surely(env: TaskEnv, style: Style, generator: np.random.Generator) -> Actions:
    for _ in range(NUM_ATTEMPTS):
        yield from take(env, style, generator)
        if task_of(env).cup_metres[2] - TRAY_METRES > LIFTED_METRES:
            return


def _settle_over(
    env: TaskEnv, off_metres: np.ndarray, style: Style, generator: np.random.Generator
) -> Actions:
    """Hold the cup where it pours into the bowl, or off that by (2,) metres."""
    place = pouring_place(env) + np.array([*off_metres, 0.0])
    steady = style.steady()
    yield from move_to(env, lambda: place, steady, generator, tolerance_metres=0.008, max_frames=20)


def _somewhere(generator: np.random.Generator) -> np.ndarray:
    """Return a place for the cup on the tray, (2,)."""
    return generator.uniform(PLAY_LOW_METRES, PLAY_HIGH_METRES)


def _beside(generator: np.random.Generator) -> np.ndarray:
    return np.array(BESIDE_METRES[int(generator.integers(len(BESIDE_METRES)))])


def _misses(env: TaskEnv, generator: np.random.Generator) -> Actions:
    """Pour beside the bowl."""
    style = Style.draw(generator, slowest=0.65)
    yield from _take_surely(env, style, generator)
    yield from _settle_over(env, _beside(generator), style, generator)
    yield from turn_to(env, float(generator.uniform(-2.2, -1.8)), style)
    yield from pause(env, int(generator.integers(2, 6)))
    yield from turn_to(env, 0.0, style)


def _spills(env: TaskEnv, generator: np.random.Generator) -> Actions:
    """Tilt the cup too early, spill a good part of the beads and pour what is left."""
    task, style = task_of(env), Style.draw(generator, slowest=0.65)
    yield from _take_surely(env, style, generator)
    yield from _settle_over(env, _beside(generator), style, generator)
    kept = generator.uniform(0.2, 0.6)
    for move in turn_to(env, -2.2, style):
        if task.in_cup(task.beads_metres()).mean() < kept:
            break
        yield move
    yield from turn_to(env, 0.0, style)
    yield from _settle_over(env, np.zeros(2), style, generator)
    yield from empty(env, style, generator)
    yield from turn_to(env, 0.0, style)


def _drops(env: TaskEnv, generator: np.random.Generator) -> Actions:
    """Let the cup fall on the way and go on to the bowl with nothing in the fingers."""
    style = Style.draw(generator, slowest=0.65)
    yield from _take_surely(env, style, generator)
    tip, over = env.world.tip_metres, pouring_place(env)
    half_way = tip + generator.uniform(0.1, 0.4) * (over - tip)
    yield from move_to(env, lambda: half_way, style.steady(), generator, max_frames=15)
    yield from open_fingers(env)
    yield from move_to(env, lambda: over, style, generator, max_frames=25)
    yield from turn_to(env, float(generator.uniform(-2.2, -1.0)), style)


def _undoes_it(env: TaskEnv, generator: np.random.Generator) -> Actions:
    """Bring the cup over the bowl, think better of it and put it back."""
    style = Style.draw(generator, slowest=0.65)
    yield from _take_surely(env, style, generator)
    yield from _settle_over(env, np.zeros(2), style, generator)
    yield from turn_to(env, float(generator.uniform(-HARMLESS_RADIANS, 0.0)), style)
    yield from pause(env, int(generator.integers(1, 6)))
    yield from turn_to(env, 0.0, style)
    yield from put_down(env, _somewhere(generator), style, generator)


FAILURES = {
    "miss": _misses,
    "spill": _spills,
    "drop": _drops,
    "stop": stops_half_way(expert, latest_progress=0.42),
    "undo": _undoes_it,
}

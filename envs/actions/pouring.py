"""Pouring from the cup, and turning the emptied cup back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tcn_robot.envs.actions.action import Action, Moment
from tcn_robot.envs.demonstrators.motion import Actions, Style, move_to, pause
from tcn_robot.envs.demonstrators.pouring import empty, pouring_place, take, turn_to
from tcn_robot.envs.task_env import TaskEnv

UPRIGHT_DEGREES, TILTED_DEGREES = 35.0, 80.0
POURED_SHARE = 0.5


def _is_over_bowl(env: TaskEnv, style: Style, generator: np.random.Generator) -> Actions:
    yield from take(env, style, generator)
    place = pouring_place(env)
    yield from move_to(env, lambda: place, style, generator, tolerance_metres=0.02)
    yield from move_to(
        env, lambda: place, style.steady(), generator, tolerance_metres=0.008, max_frames=20
    )


def _pours(env: TaskEnv, style: Style, generator: np.random.Generator) -> Actions:
    yield from pause(env, int(generator.integers(1, 8)))
    yield from empty(env, style, generator)
    yield from pause(env, int(generator.integers(1, 8)))


def _has_poured(env: TaskEnv, style: Style, generator: np.random.Generator) -> Actions:
    yield from _is_over_bowl(env, style, generator)
    yield from empty(env, style, generator)


def _turns_back(env: TaskEnv, style: Style, generator: np.random.Generator) -> Actions:
    yield from pause(env, int(generator.integers(1, 8)))
    if generator.random() < 0.4:  # in two goes, as pouring is at times
        yield from turn_to(env, float(generator.uniform(-1.3, -0.7)), style)
        yield from pause(env, int(generator.integers(0, 5)))
    yield from turn_to(env, float(generator.uniform(-0.3, 0.0)), style)
    yield from pause(env, int(generator.integers(1, 8)))


def _angles(moments: Sequence[Moment]) -> tuple[float, float]:
    return float(moments[0]["container_angle"]), float(moments[-1]["container_angle"])


def _poured(moments: Sequence[Moment]) -> bool:
    first, last = _angles(moments)
    poured = moments[-1]["share_transferred"] - moments[0]["share_transferred"] >= POURED_SHARE
    return bool(first < UPRIGHT_DEGREES and last > TILTED_DEGREES and poured)


def _turned_back(moments: Sequence[Moment]) -> bool:
    first, last = _angles(moments)
    was_poured = moments[0]["share_transferred"] >= POURED_SHARE
    return bool(first > TILTED_DEGREES and last < UPRIGHT_DEGREES and was_poured)


POUR_ACTIONS = (
    Action(
        "Pour",
        "Pour",
        _pours,
        _poured,
        "a cup is tilted and its beads run into the bowl",
        _is_over_bowl,
        "PourBack",
    ),
    Action(
        "PourBack",
        "Pour",
        _turns_back,
        _turned_back,
        "an emptied cup is turned upright again over the bowl",
        _has_poured,
        "Pour",
    ),
)

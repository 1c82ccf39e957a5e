"""Actions with what stands on the table: drawer, button, dish rack."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tcn_robot.envs.actions.action import Action, Moment
from tcn_robot.envs.demonstrators import button as pressing
from tcn_robot.envs.demonstrators import dish_rack as dishes
from tcn_robot.envs.demonstrators import drawer as pulling
from tcn_robot.envs.demonstrators.motion import Actions, Style, pause
from tcn_robot.envs.task_env import TaskEnv
from tcn_robot.envs.tasks.button import TRAVEL_METRES
from tcn_robot.envs.tasks.dish_rack import REST_METRES, DishRack

OPEN_METRES, CLOSED_METRES = (0.085, 0.115), (0.0, 0.02)
SLID_METRES = 0.06
PRESSED_SHARE, RELEASED_SHARE = 0.8, 0.2
STANDS_METRES = 0.02


def _set_drawer(
    env: TaskEnv, style: Style, generator: np.random.Generator, span: tuple[float, float]
) -> Actions:
    env.world.set_slide("drawer", float(generator.uniform(*span)))
    yield from pause(env, 1)


def _is_shut(env: TaskEnv, style: Style, generator: np.random.Generator) -> Actions:
    yield from _set_drawer(env, style, generator, CLOSED_METRES)


def _is_open(env: TaskEnv, style: Style, generator: np.random.Generator) -> Actions:
    yield from _set_drawer(env, style, generator, OPEN_METRES)


def _slides(
    env: TaskEnv, style: Style, generator: np.random.Generator, span: tuple[float, float]
) -> Actions:
    yield from pulling.hook(env, style, generator)
    yield from pulling.slide_to(env, float(generator.uniform(*span)), style, generator)
    yield from pause(env, int(generator.integers(1, 5)))
    yield from pulling.unhook(env, style, generator)


def _opens(env: TaskEnv, style: Style, generator: np.random.Generator) -> Actions:
    yield from _slides(env, style, generator, OPEN_METRES)


def _closes(env: TaskEnv, style: Style, generator: np.random.Generator) -> Actions:
    yield from _slides(env, style, generator, CLOSED_METRES)


def _slid_metres(moments: Sequence[Moment]) -> float:
    return float(moments[-1]["slides"]["drawer"] - moments[0]["slides"]["drawer"])


def _presses(env: TaskEnv, style: Style, generator: np.random.Generator) -> Actions:
    yield from pressing.go_above(env, style, generator)
    yield from pause(env, int(generator.integers(0, 4)))
    yield from pressing.press(env, pressing.FIRM_SHARE, style)
    yield from pause(env, int(generator.integers(3, 10)))


def _releases(env: TaskEnv, style: Style, generator: np.random.Generator) -> Actions:
    yield from pause(env, int(generator.integers(3, 10)))
    yield from pressing.leave(env, style, generator)
    aside = generator.uniform(env.task.workspace_low_metres, env.task.workspace_high_metres)
    aside[2] = max(aside[2], float(env.world.tip_metres[2]))
    yield from pressing.move_to(env, lambda: aside, style, generator, max_frames=15)


def _pressed_shares(moments: Sequence[Moment]) -> tuple[float, float]:
    first, last = (float(moments[index]["slides"]["button"]) / TRAVEL_METRES for index in (0, -1))
    return first, last


def _pressed(moments: Sequence[Moment]) -> bool:
    first, last = _pressed_shares(moments)
    return first < RELEASED_SHARE and last > PRESSED_SHARE


def _released(moments: Sequence[Moment]) -> bool:
    first, last = _pressed_shares(moments)
    return first > PRESSED_SHARE and last < RELEASED_SHARE


def _plate_in(env: TaskEnv, style: Style, generator: np.random.Generator) -> Actions:
    assert isinstance(env.task, DishRack)
    yield from dishes.put(env, env.task.slot_metres, style, generator)


def _is_in_slot(env: TaskEnv, style: Style, generator: np.random.Generator) -> Actions:
    assert isinstance(env.task, DishRack)
    place = [*env.task.slot_metres[:2], REST_METRES + 0.0005]
    env.world.place("plate", place, (1.0, 0.0, 0.0, 0.0))
    yield from pause(env, 2)


def _plate_out(env: TaskEnv, style: Style, generator: np.random.Generator) -> Actions:
    yield from dishes.put(env, env.world.position("stand"), style, generator)


def _is_put_in(moments: Sequence[Moment]) -> bool:
    return bool(not moments[0]["success"] and moments[-1]["success"])


def _is_taken_out(moments: Sequence[Moment]) -> bool:
    stands = abs(float(moments[-1]["pose_plate"][2]) - REST_METRES) < STANDS_METRES
    return bool(moments[0]["success"] and not moments[-1]["success"] and stands)


FURNITURE_ACTIONS = (
    Action(
        "OpenDrawer",
        "Drawer",
        _opens,
        lambda moments: _slid_metres(moments) > SLID_METRES,
        "a drawer is pulled open by its handle",
        _is_shut,
        "CloseDrawer",
    ),
    Action(
        "CloseDrawer",
        "Drawer",
        _closes,
        lambda moments: _slid_metres(moments) < -SLID_METRES,
        "an open drawer is pushed shut by its handle",
        _is_open,
        "OpenDrawer",
    ),
    Action(
        "PressButton",
        "Button",
        _presses,
        _pressed,
        "a button is pressed and held",
        mirror="ReleaseButton",
    ),
    Action(
        "ReleaseButton",
        "Button",
        _releases,
        _released,
        "a button that was held is let go",
        _presses,
        "PressButton",
    ),
    Action(
        "PlateIn",
        "DishRack",
        _plate_in,
        _is_put_in,
        "a plate is taken from its stand and put into the rack",
        mirror="PlateOut",
    ),
    Action(
        "PlateOut",
        "DishRack",
        _plate_out,
        _is_taken_out,
        "a plate is taken from the rack and put into its stand",
        _is_in_slot,
        "PlateIn",
    ),
)

"""Actions with cubes: push to the left or right, lift, put down, stack, unstack."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tcn_robot.envs.actions.action import Action, Moment, Piece, height_metres, way_metres
from tcn_robot.envs.demonstrators import push as pushing
from tcn_robot.envs.demonstrators import stack as stacking
from tcn_robot.envs.demonstrators.grasping import carry, lift, reach_for, release
from tcn_robot.envs.demonstrators.motion import Actions, Style, move_to, pause
from tcn_robot.envs.demonstrators.resting import wander
from tcn_robot.envs.task_env import TaskEnv
from tcn_robot.envs.tasks.pick_place import CUBE_HALF_METRES
from tcn_robot.envs.tasks.push import Push
from tcn_robot.envs.tasks.stack import CUBE_HALF_METRES as STACKED_HALF_METRES

LEFT, RIGHT = 1.0, -1.0
"""Along y, as the arm sees it."""
PUSHED_METRES, SIDEWAYS_METRES = 0.05, 0.04
MIDDLE_LOW_METRES, MIDDLE_HIGH_METRES = np.array([0.50, -0.06]), np.array([0.62, 0.06])
WAY_METRES = (0.07, 0.12)
ASIDE_METRES = np.array([0.40, 0.31])
"""Where the block is while the tool goes to where it starts."""
CUBE_LOW_METRES, CUBE_HIGH_METRES = np.array([0.46, -0.20]), np.array([0.68, 0.04])
LIFT_METRES = (0.13, 0.20)
LIFTED_METRES = 0.07


def _before_push(side: float) -> Piece:
    def prepares(env: TaskEnv, style: Style, generator: np.random.Generator) -> Actions:
        """Put the block half the way back from a middle that both directions share."""
        assert isinstance(env.task, Push)
        half = 0.5 * generator.uniform(*WAY_METRES)
        middle = generator.uniform(MIDDLE_LOW_METRES, MIDDLE_HIGH_METRES)
        start = middle - side * np.array([0.0, half])
        env.task.move_block(ASIDE_METRES)
        side_of_tip = generator.choice([LEFT, RIGHT])
        tip = middle + np.array([0.0, side_of_tip * generator.uniform(0.16, 0.22)])
        yield from move_to(env, lambda: tip, style.steady(), generator)
        env.task.move_block(start)
        yield from pause(env, 1)

    return prepares


def _pushes(side: float) -> Piece:
    def does(env: TaskEnv, style: Style, generator: np.random.Generator) -> Actions:
        assert isinstance(env.task, Push)
        target = env.task.block_metres + side * np.array([0.0, generator.uniform(*WAY_METRES)])
        for _ in range(2):
            yield from pushing.go_behind(env, target, style, generator)
            yield from pushing.push_towards(env, target, style, generator, 25)
        yield from pause(env, int(generator.integers(1, 6)))

    return does


def _pushed(side: float, moments: Sequence[Moment]) -> bool:
    x, y, _ = way_metres(moments, "block")
    return bool(side * y > PUSHED_METRES and abs(x) < SIDEWAYS_METRES)


def _place_cube(env: TaskEnv, style: Style, generator: np.random.Generator) -> Actions:
    place = generator.uniform(CUBE_LOW_METRES, CUBE_HIGH_METRES)
    env.world.place("cube", [*place, CUBE_HALF_METRES])
    yield from pause(env, 1)


def _lifts(env: TaskEnv, style: Style, generator: np.random.Generator) -> Actions:
    yield from reach_for(env, "cube", style, generator)
    yield from lift(env, float(generator.uniform(*LIFT_METRES)), style, generator)
    yield from pause(env, int(generator.integers(1, 8)))


def _holds_cube(env: TaskEnv, style: Style, generator: np.random.Generator) -> Actions:
    yield from _place_cube(env, style, generator)
    yield from _lifts(env, style, generator)


def _puts_down(env: TaskEnv, style: Style, generator: np.random.Generator) -> Actions:
    yield from pause(env, int(generator.integers(1, 8)))
    below = np.array([*env.world.position("cube")[:2], CUBE_HALF_METRES + 0.004])
    yield from carry(env, "cube", below, style, generator)
    yield from release(env, style, generator, float(generator.uniform(0.05, 0.12)))
    # A lifted cube is come to from afar: one that was put down is left as far.
    yield from wander(env, 0.15, style, generator)


def _lifted(moments: Sequence[Moment]) -> bool:
    start, end = height_metres(moments, "cube")
    return start < 2 * CUBE_HALF_METRES and end - start > LIFTED_METRES


def _was_put_down(moments: Sequence[Moment]) -> bool:
    start, end = height_metres(moments, "cube")
    return start - end > LIFTED_METRES and end < 1.5 * CUBE_HALF_METRES


def _stacks(env: TaskEnv, style: Style, generator: np.random.Generator) -> Actions:
    place = stacking.on_top(env, "green", generator)
    yield from stacking.put(env, "red", place, style, generator)
    yield from pause(env, int(generator.integers(1, 6)))


def _is_stacked(env: TaskEnv, style: Style, generator: np.random.Generator) -> Actions:
    on_green = env.world.position("green") + np.array([0.0, 0.0, 2 * STACKED_HALF_METRES + 0.0005])
    env.world.place("red", on_green)
    yield from pause(env, 2)


def _unstacks(env: TaskEnv, style: Style, generator: np.random.Generator) -> Actions:
    place = stacking.free_place(env, "green", generator)
    yield from stacking.put(env, "red", place, style, generator)
    yield from pause(env, int(generator.integers(1, 6)))


def _stacked(moments: Sequence[Moment]) -> bool:
    return bool(not moments[0]["success"] and moments[-1]["success"])


def _unstacked(moments: Sequence[Moment]) -> bool:
    start, end = height_metres(moments, "red")
    return start > 2.5 * STACKED_HALF_METRES and end < 1.5 * STACKED_HALF_METRES


BLOCK_ACTIONS = (
    Action(
        "PushLeft",
        "Push",
        _pushes(LEFT),
        lambda moments: _pushed(LEFT, moments),
        "a block is pushed to the arm's left",
        _before_push(LEFT),
        "PushRight",
    ),
    Action(
        "PushRight",
        "Push",
        _pushes(RIGHT),
        lambda moments: _pushed(RIGHT, moments),
        "a block is pushed to the arm's right",
        _before_push(RIGHT),
        "PushLeft",
    ),
    Action(
        "Lift",
        "PickPlace",
        _lifts,
        _lifted,
        "a cube is taken from the table and held up",
        _place_cube,
        "PutDown",
    ),
    Action(
        "PutDown",
        "PickPlace",
        _puts_down,
        _was_put_down,
        "a held cube is put onto the table and let go",
        _holds_cube,
        "Lift",
    ),
    Action(
        "Stack",
        "Stack",
        _stacks,
        _stacked,
        "a cube is put onto another one",
        mirror="Unstack",
    ),
    Action(
        "Unstack",
        "Stack",
        _unstacks,
        _unstacked,
        "a cube is taken from another one and put beside it",
        _is_stacked,
        "Stack",
    ),
)

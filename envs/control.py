"""From actions to joint targets: one meaning of an action for every body and simulator."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from tcn_robot.envs.task import Task
from tcn_robot.envs.tolerance import clip
from tcn_robot.envs.world import World

GRIP_LEAD = 0.34
"""How far the commanded opening runs ahead of the fingers: what they squeeze with."""


class Control(Protocol):
    """Turns an action into targets of the servos; keeps no state of its own."""

    action_size: int

    def targets(self, action: np.ndarray) -> tuple[np.ndarray, float]:
        """Return joint targets (J,) and the target of the opening for an action in [-1, 1]."""
        ...


def opening_target(task: Task, world: World, action: float) -> float:
    """Return the opening to command: `grip_scale` per full action, near the fingers' own."""
    target = world.opening_target + task.grip_scale * action
    target = clip(target, world.opening - GRIP_LEAD, world.opening + GRIP_LEAD)
    return clip(target)


class EndEffectorControl:
    """An action moves the commanded tip; the command runs at most two full moves ahead of it.

    Its parts, where the task has them: moves along `task.axes` of up to `action_scale_metres`, a
    turn of the tool of up to `roll_scale_radians`, an opening (+) or closing (-) of the fingers.
    """

    def __init__(self, task: Task, world: World) -> None:
        """Bind to a task and its world."""
        self._task, self._world = task, world
        self._axes = list(task.axes)
        self.action_size = len(task.axes) + int(task.rolls) + int(task.grips)

    def targets(self, action: np.ndarray) -> tuple[np.ndarray, float]:
        """Return joint targets (J,) and the target of the opening."""
        task, world = self._task, self._world
        carrier, tool = world.scene.body.carrier, world.scene.tool
        commanded, roll = carrier.tip(world.joint_targets, tool)
        target = commanded.copy()
        target[self._axes] += task.action_scale_metres * action[: len(self._axes)]
        lead, tip = 2 * task.action_scale_metres, world.tip_metres
        target = np.minimum(np.maximum(target, tip - lead), tip + lead)
        target = task.hold_axes(target)
        target = np.minimum(
            np.maximum(target, task.workspace_low_metres), task.workspace_high_metres
        )
        if task.rolls:
            roll += task.roll_scale_radians * float(action[len(self._axes)])
            roll = clip(roll, task.roll_low_radians, task.roll_high_radians)
        else:
            roll = 0.0
        opening = world.opening_target
        if task.grips:
            opening = opening_target(task, world, float(action[-1]))
        return carrier.solve(world.joint_targets, target, roll, tool), opening


class JointControl:
    """An action moves the commanded joints by up to the carrier's `joint_scale`, then the fingers.

    For the arms these are seven angles, for a body that floats x, y, z and roll. The task's
    workspace does not bind it, the joints' ranges do.
    """

    def __init__(self, task: Task, world: World) -> None:
        """Bind to a task and its world."""
        self._task, self._world = task, world
        self.action_size = world.scene.body.carrier.num_joints + int(task.grips)

    def targets(self, action: np.ndarray) -> tuple[np.ndarray, float]:
        """Return joint targets (J,) and the target of the opening."""
        world, carrier = self._world, self._world.scene.body.carrier
        moved = world.joint_targets + carrier.joint_scale * action[: carrier.num_joints]
        lead = 2 * carrier.joint_scale
        moved = np.clip(moved, world.joints - lead, world.joints + lead)
        opening = world.opening_target
        if self._task.grips:
            opening = opening_target(self._task, world, float(action[-1]))
        return np.clip(moved, carrier.low, carrier.high), opening


CONTROLS: dict[str, type[EndEffectorControl] | type[JointControl]] = {
    "end_effector": EndEffectorControl,
    "joint_positions": JointControl,
}

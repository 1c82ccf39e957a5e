"""What a body feels of itself: nothing of the things on the table, all that a real robot knows."""

from __future__ import annotations

import numpy as np

from tcn_robot.envs.task import Task
from tcn_robot.envs.world import World

PROPRIOCEPTION_SIZE = 13
DECIMETRES_PER_METRE = 10.0
# Half the step of the difference quotient: short beside any motion, long beside rounding.
PROBE_SECONDS = 1e-4


def proprioception(task: Task, world: World) -> np.ndarray:
    """Return tip, its speed, its command, the tool's turn and the fingers, float64 (13,).

    The same for every body and simulator, so that a policy can cross over: poses of the tip and
    not angles of joints. In this order: tip (x, y, z) from the middle of the workspace in 10 cm;
    its velocity in 10 cm/s; commanded tip minus tip in 10 cm (where the servos are still going);
    cosine and sine of the tool's turn about its own axis; opening of the fingers and commanded
    opening, 0 to 1. What a task does not move stays constant.

    Args:
        task: Has the workspace.
        world: Has the body.
    """
    carrier, tool = world.scene.body.carrier, world.scene.tool
    middle_metres = 0.5 * (task.workspace_low_metres + task.workspace_high_metres)
    tip_metres, roll_radians = world.tip_metres, world.roll_radians
    commanded_metres, _ = carrier.tip(world.joint_targets, tool)
    moved = PROBE_SECONDS * world.joint_velocities
    ahead, _ = carrier.tip(world.joints + moved, tool)
    behind, _ = carrier.tip(world.joints - moved, tool)
    velocity_metres_per_second = (ahead - behind) / (2 * PROBE_SECONDS)
    lengths = (
        tip_metres - middle_metres,
        velocity_metres_per_second,
        commanded_metres - tip_metres,
    )
    turn = [np.cos(roll_radians), np.sin(roll_radians)]
    fingers = [world.opening, world.opening_target]
    return np.concatenate([DECIMETRES_PER_METRE * np.concatenate(lengths), turn, fingers])

"""Bodies that can do a task; adding one is one file and one line in `BODIES`."""

from __future__ import annotations

from collections.abc import Callable

from tcn_robot.envs.bodies.body import Body, Tool
from tcn_robot.envs.bodies.hand import hand
from tcn_robot.envs.bodies.robot import robot
from tcn_robot.envs.bodies.tongs import tongs
from tcn_robot.errors import unknown_name

__all__ = ["BODIES", "Body", "Tool", "make_body"]

BODIES: dict[str, Callable[[Tool], Body]] = {
    "robot": robot,
    "hand": hand,
    "tongs": tongs,
}


def make_body(name: str, tool: Tool) -> Body:
    """Return a body for a direction of the tool.

    Raises:
        UserError: With the nearest name when there is no such body.
    """
    if name not in BODIES:
        raise unknown_name("embodiment", name, tuple(BODIES))
    return BODIES[name](tool)

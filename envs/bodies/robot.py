"""The robot: the arm with a parallel gripper."""

from __future__ import annotations

from tcn_robot.envs.bodies.body import OPEN_METRES, Body, Effector, Finger, Tool
from tcn_robot.envs.bodies.iiwa import IiwaCarrier
from tcn_robot.envs.things import Shape

DARK = (0.20, 0.21, 0.24, 1.0)
BLUE = (0.12, 0.25, 0.75, 1.0)
TIP_METRES = 0.14
PAD_FRICTION = 1.2


def gripper() -> Effector:
    """Return a parallel gripper: two blue fingers that slide apart."""
    palm = (
        Shape("cylinder", (0.034, 0.018), DARK, (0.0, 0.0, 0.018), mass_kg=0.2, collides=False),
        Shape("box", (0.020, 0.062, 0.016), DARK, (0.0, 0.0, 0.052), mass_kg=0.2),
    )
    fingers = []
    for side in (1.0, -1.0):
        shape = Shape(
            "box",
            (0.011, 0.0085, 0.045),
            BLUE,
            (0.0, side * 0.009, 0.110),
            mass_kg=0.05,
            friction=PAD_FRICTION,
        )
        fingers.append(Finger((shape,), "slide", (0.0, side, 0.0), 0.5 * OPEN_METRES))
    return Effector(palm, (fingers[0], fingers[1]), TIP_METRES, radius_metres=0.018, squeeze=1000.0)


def robot(tool: Tool) -> Body:
    """Return the arm with the gripper, made of primitives: quick to render."""
    return Body("robot", gripper(), IiwaCarrier(TIP_METRES), arm="iiwa.xml")

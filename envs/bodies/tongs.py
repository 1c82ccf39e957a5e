"""Kitchen tongs that float freely: a body that no encoder has seen in training."""

from __future__ import annotations

from tcn_robot.envs.bodies.body import Body, Effector, Finger, Tool
from tcn_robot.envs.bodies.floating import FloatingCarrier
from tcn_robot.envs.bodies.hand import segment
from tcn_robot.envs.things import Shape

STEEL = (0.30, 0.33, 0.38, 1.0)
GRIP = (0.10, 0.45, 0.42, 1.0)
TIP_METRES = 0.24
TRAVEL_RADIANS = 0.21


def tongs(tool: Tool) -> Body:
    """Return the tongs: two long blades that open about their upper end."""
    palm = (Shape("sphere", (0.016,), GRIP, (0.0, 0.0, 0.02), mass_kg=0.15, collides=False),)
    blades = []
    for side in (1.0, -1.0):
        shapes = (
            segment((0.0, side * 0.006, 0.02), (0.0, side * 0.024, 0.11), 0.009, rgba=GRIP),
            segment((0.0, side * 0.024, 0.11), (0.0, side * 0.022, 0.205), 0.0055, rgba=STEEL),
            segment(
                (0.0, side * 0.022, 0.205),
                (0.0, side * 0.0095, TIP_METRES + 0.004),
                0.0085,
                0.02,
                collides=True,
                rgba=STEEL,
            ),
        )
        blades.append(Finger(shapes, "hinge", (-side, 0.0, 0.0), TRAVEL_RADIANS, (0.0, 0.0, 0.02)))
    effector = Effector(palm, (blades[0], blades[1]), TIP_METRES, radius_metres=0.018, squeeze=30.0)
    return Body("tongs", effector, FloatingCarrier(TIP_METRES))

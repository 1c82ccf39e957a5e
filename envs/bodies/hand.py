"""A human-like right hand that floats freely: palm, fingers, thumb and forearm.

It takes things between thumb and two fingers, the other two are bent. Larger than the gripper, and
of another skin colour in each episode: the demonstrations of the TCN paper came from people.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tcn_robot.envs.bodies.body import TOOL_ROTATIONS, Body, Effector, Finger, Tool
from tcn_robot.envs.bodies.floating import FloatingCarrier
from tcn_robot.envs.things import Shape, quaternion_of, quaternion_product, turn_about

SKINS = (
    (0.96, 0.80, 0.69),
    (0.88, 0.67, 0.53),
    (0.76, 0.55, 0.40),
    (0.60, 0.41, 0.29),
    (0.44, 0.29, 0.20),
    (0.30, 0.20, 0.15),
)
SKIN = (*SKINS[1], 1.0)
SLEEVE = (0.25, 0.30, 0.45, 1.0)
TIP_METRES = 0.150
KNUCKLE_METRES = 0.075
FRICTION = 1.2
TRAVEL_RADIANS = 0.62


def segment(
    start: tuple[float, float, float],
    end: tuple[float, float, float],
    radius_metres: float,
    mass_kg: float = 0.01,
    collides: bool = False,
    rgba: tuple[float, float, float, float] = SKIN,
) -> Shape:
    """Return a capsule from one point to another."""
    a, b = np.asarray(start), np.asarray(end)
    way = b - a
    length = float(np.linalg.norm(way))
    z = way / length
    side = np.array([1.0, 0.0, 0.0]) if abs(z[0]) < 0.9 else np.array([0.0, 1.0, 0.0])
    x = np.cross(side, z)
    x /= np.linalg.norm(x)
    turn = quaternion_of(np.stack([x, np.cross(z, x), z], axis=1))
    x_, y_, z_ = (float(part) for part in 0.5 * (a + b))
    return Shape(
        "capsule",
        (radius_metres, 0.5 * length),
        rgba,
        (x_, y_, z_),
        turn,
        mass_kg,
        collides,
        FRICTION,
    )


def _finger(x: float) -> tuple[Shape, ...]:
    """Return an index or middle finger on the +y side, bent so that its end is upright."""
    return (
        segment((x, 0.030, KNUCKLE_METRES), (x, 0.036, 0.112), 0.0095),
        segment((x, 0.036, 0.112), (x, 0.0105, TIP_METRES + 0.006), 0.0095, collides=True),
    )


def _bent_finger(x: float) -> tuple[Shape, ...]:
    """Return a ring or little finger, curled towards the palm."""
    return (
        segment((x, 0.030, KNUCKLE_METRES - 0.004), (x, 0.040, 0.100), 0.009),
        segment((x, 0.040, 0.100), (x, 0.012, 0.108), 0.009),
    )


def _forearm(tool: Tool) -> tuple[Shape, ...]:
    """Return wrist and sleeve, which lead back to where a person would sit."""
    direction = (-0.80, 0.0, 0.60) if tool == "down" else (-1.0, 0.0, 0.0)
    x, y, z = (float(part) for part in TOOL_ROTATIONS[tool].T @ np.array(direction))
    wrist = (0.07 * x, 0.07 * y, 0.07 * z)
    end = (0.34 * x, 0.34 * y, 0.34 * z)
    return (
        segment((0.0, 0.0, 0.01), wrist, 0.026, 0.05),
        segment(wrist, end, 0.036, 0.1, rgba=SLEEVE),
    )


def _turned_over(shapes: tuple[Shape, ...]) -> tuple[Shape, ...]:
    """Return shapes after half a turn about z: forward, a hand takes things with the thumb up."""
    half_turn = turn_about((0.0, 0.0, 1.0), np.pi)
    turned = []
    for shape in shapes:
        x, y, z = shape.at_metres
        quaternion = quaternion_product(half_turn, shape.quaternion)
        turned.append(replace(shape, at_metres=(-x, -y, z), quaternion=quaternion))
    return tuple(turned)


def _finger_turned_over(finger: Finger) -> Finger:
    (axis_x, axis_y, axis_z), (x, y, z) = finger.axis, finger.anchor_metres
    return replace(
        finger,
        shapes=_turned_over(finger.shapes),
        axis=(-axis_x, -axis_y, axis_z),
        anchor_metres=(-x, -y, z),
    )


def hand(tool: Tool) -> Body:
    """Return the hand."""
    palm = (
        Shape("box", (0.040, 0.015, 0.034), SKIN, (0.0, 0.018, 0.044), mass_kg=0.2, collides=False),
        *_bent_finger(-0.016 - 0.013),
        *_bent_finger(-0.016 - 0.031),
        *_forearm(tool),
    )
    fingers = Finger(
        (*_finger(0.012), *_finger(-0.010)),
        "hinge",
        (-1.0, 0.0, 0.0),
        TRAVEL_RADIANS,
        (0.0, 0.030, KNUCKLE_METRES),
    )
    thumb = Finger(
        (
            segment((0.012, -0.018, 0.060), (0.006, -0.036, 0.112), 0.0115),
            segment(
                (0.006, -0.036, 0.112), (0.001, -0.0115, TIP_METRES + 0.004), 0.0110, collides=True
            ),
        ),
        "hinge",
        (1.0, 0.0, 0.0),
        TRAVEL_RADIANS,
        (0.0, -0.030, KNUCKLE_METRES),
    )
    if tool == "forward":
        palm = _turned_over(palm)
        fingers, thumb = (_finger_turned_over(finger) for finger in (fingers, thumb))
    effector = Effector(palm, (fingers, thumb), TIP_METRES, radius_metres=0.022, squeeze=6.0)
    return Body("hand", effector, FloatingCarrier(TIP_METRES), skin=SKINS)

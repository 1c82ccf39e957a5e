"""What lies on the table, described once for every simulator.

A task lists `Thing`s made of primitive `Shape`s; `mujoco.model` and `bullet.model` translate them.
Lengths in metres, masses in kilograms, angles in radians, quaternions (w, x, y, z), colours
(red, green, blue, opacity) in [0, 1].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Vector = tuple[float, float, float]
Quaternion = tuple[float, float, float, float]
Colour = tuple[float, float, float, float]
Kind = Literal["box", "cylinder", "capsule", "sphere"]
Motion = Literal["placed", "free", "slide"]

UPRIGHT: Quaternion = (1.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Shape:
    """One primitive, in the frame of what it belongs to.

    Attributes:
        kind: The primitive.
        size_metres: Box: half lengths (x, y, z). Cylinder and capsule: (radius, half length) along
            z. Sphere: (radius,).
        rgba: Colour.
        at_metres: Where its centre is.
        quaternion: How it is turned.
        mass_kg: Its share of the mass.
        collides: Whether anything can touch it.
        friction: Sliding friction against everything that is not rubber; 0 is none at all, whatever
            it touches, and in MuJoCo five times quicker where many small things touch each other.
    """

    kind: Kind
    size_metres: tuple[float, ...]
    rgba: Colour
    at_metres: Vector = (0.0, 0.0, 0.0)
    quaternion: Quaternion = UPRIGHT
    mass_kg: float = 0.0
    collides: bool = True
    friction: float = 0.6


@dataclass(frozen=True)
class Slide:
    """A joint along one axis.

    Attributes:
        axis: Direction in the frame of the thing, unit length.
        low_metres: Least position.
        high_metres: Greatest position.
        stiffness: Of the spring that draws it to 0, in N/m.
        damping: In N s/m.
        friction_newton: Force below which it does not move.
    """

    axis: Vector
    low_metres: float
    high_metres: float
    stiffness: float = 0.0
    damping: float = 1.0
    friction_newton: float = 0.0


@dataclass(frozen=True)
class Thing:
    """A rigid object.

    Attributes:
        name: Its name in models, in `info` and in recordings.
        shapes: What it is made of.
        at_metres: Where it is until a task places it.
        quaternion: How it is turned until then.
        motion: "placed": nothing but the task moves it; "free": physics does; "slide": along
            `slide` only, from where the task places it.
        slide: The joint of a sliding thing.
    """

    name: str
    shapes: tuple[Shape, ...]
    at_metres: Vector = (0.0, 0.0, 0.0)
    quaternion: Quaternion = UPRIGHT
    motion: Motion = "placed"
    slide: Slide | None = None


def turn_about(axis: Vector, radians: float) -> Quaternion:
    """Return the quaternion of a turn about an axis of unit length."""
    half = 0.5 * radians
    x, y, z = (float(part * np.sin(half)) for part in axis)
    return (float(np.cos(half)), x, y, z)


def cup_shapes(
    inner_radius_metres: float,
    height_metres: float,
    wall_metres: float,
    rgba: Colour,
    mass_kg: float = 0.0,
    sides: int = 8,
    friction: float = 0.3,
    taper: float = 0.0,
) -> tuple[Shape, ...]:
    """Return an open vessel: a ring of upright boxes on a disc, its underside at z = 0.

    Args:
        inner_radius_metres: From the middle to the walls, at half height.
        height_metres: Of the walls, floor included.
        wall_metres: Thickness of walls and floor.
        rgba: Colour.
        mass_kg: Of the whole vessel.
        sides: Number of boxes.
        friction: Sliding friction.
        taper: Radians by which the walls lean outwards: a bowl.
    """
    middle_radius = inner_radius_metres + 0.5 * wall_metres
    outer_radius = inner_radius_metres + wall_metres + 0.5 * height_metres * np.tan(taper)
    half_width = float(outer_radius * np.tan(np.pi / sides))
    mass_each = mass_kg / (sides + 1)
    walls = []
    for angle in 2 * np.pi * np.arange(sides) / sides:
        turn = quaternion_product(
            turn_about((0.0, 0.0, 1.0), float(angle)), turn_about((0.0, 1.0, 0.0), taper)
        )
        at = (
            float(middle_radius * np.cos(angle)),
            float(middle_radius * np.sin(angle)),
            0.5 * height_metres,
        )
        size = (0.5 * wall_metres, half_width, 0.5 * height_metres)
        walls.append(Shape("box", size, rgba, at, turn, mass_each, friction=friction))
    floor_radius = inner_radius_metres + wall_metres - 0.5 * height_metres * np.tan(taper)
    floor = Shape(
        "cylinder",
        (float(floor_radius), 0.5 * wall_metres),
        rgba,
        (0.0, 0.0, 0.5 * wall_metres),
        mass_kg=mass_each,
        friction=friction,
    )
    return (floor, *walls)


def quaternion_product(first: Quaternion, second: Quaternion) -> Quaternion:
    """Return the turn that does `second` first and then `first`."""
    a, b, c, d = first
    e, f, g, h = second
    return (
        a * e - b * f - c * g - d * h,
        a * f + b * e + c * h - d * g,
        a * g - b * h + c * e + d * f,
        a * h + b * g - c * f + d * e,
    )


def rotation_matrix(quaternion: Quaternion | np.ndarray) -> np.ndarray:
    """Return the rotation (3, 3) of a unit quaternion (w, x, y, z)."""
    w, x, y, z = (float(part) for part in quaternion)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def quaternion_of(rotation: np.ndarray) -> Quaternion:
    """Return the unit quaternion (w, x, y, z), w ≥ 0, of a rotation (3, 3)."""
    m = np.asarray(rotation, dtype=np.float64)
    # The largest of the four squares is taken, which keeps the division exact (Shepperd 1978).
    squares = np.array(
        [
            1 + m[0, 0] + m[1, 1] + m[2, 2],
            1 + m[0, 0] - m[1, 1] - m[2, 2],
            1 - m[0, 0] + m[1, 1] - m[2, 2],
            1 - m[0, 0] - m[1, 1] + m[2, 2],
        ]
    )
    parts = np.array(
        [
            [squares[0], m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1]],
            [m[2, 1] - m[1, 2], squares[1], m[1, 0] + m[0, 1], m[0, 2] + m[2, 0]],
            [m[0, 2] - m[2, 0], m[1, 0] + m[0, 1], squares[2], m[2, 1] + m[1, 2]],
            [m[1, 0] - m[0, 1], m[0, 2] + m[2, 0], m[2, 1] + m[1, 2], squares[3]],
        ]
    )
    best = parts[int(np.argmax(squares))]
    best = best / np.linalg.norm(best)
    best = best if best[0] >= 0 else -best
    return (float(best[0]), float(best[1]), float(best[2]), float(best[3]))

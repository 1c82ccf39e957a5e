"""Writes URDF: links made of primitive shapes, with masses and inertias, and joints.

Bullet gives one friction to a whole link: the largest of its shapes that collide.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from tcn_robot.envs.things import Quaternion, Shape, rotation_matrix

SPINNING_FRICTION_METRES = 0.005
"""Against turning about a contact's normal; Bullet adds those of both, weighted by the other's
sliding friction, which makes about MuJoCo's 0.01."""


def numbers(values: Iterable[float]) -> str:
    """Return numbers with spaces between them, to the last bit."""
    return " ".join(f"{float(value):.17g}" for value in values)


def angles_of(rotation: np.ndarray) -> tuple[float, float, float]:
    """Return roll, pitch and yaw in radians, as URDF has them, of a rotation (3, 3)."""
    pitch = float(np.arctan2(-rotation[2, 0], np.hypot(rotation[0, 0], rotation[1, 0])))
    if np.hypot(rotation[0, 0], rotation[1, 0]) > 1e-9:
        roll = float(np.arctan2(rotation[2, 1], rotation[2, 2]))
        yaw = float(np.arctan2(rotation[1, 0], rotation[0, 0]))
    else:  # straight up or down, where only the sum of the two matters
        roll, yaw = 0.0, float(np.arctan2(-rotation[0, 1], rotation[1, 1]))
    return roll, pitch, yaw


def origin_xml(at_metres: Iterable[float], rotation: np.ndarray | None = None) -> str:
    """Return the element for a pose."""
    angles = (0.0, 0.0, 0.0) if rotation is None else angles_of(rotation)
    return f'<origin xyz="{numbers(at_metres)}" rpy="{numbers(angles)}"/>'


def link_xml(
    name: str,
    shapes: Sequence[Shape],
    friction: float | None = None,
    has_mass: bool = True,
    extra_mass_kg: float = 0.0,
    takes_texture: bool = False,
) -> str:
    """Return a link.

    Args:
        name: Its name.
        shapes: In the link's frame.
        friction: Sliding friction, None for that of its shapes. Bullet multiplies the frictions
            of two bodies: with 1 the other's own counts.
        has_mass: Whether physics moves it.
        extra_mass_kg: Added at its centre, for links that are light against what they press.
        takes_texture: Whether its boxes are meshes over which a texture can be laid.
    """
    colliding = [shape for shape in shapes if shape.collides]
    if friction is None:
        friction = max((shape.friction for shape in colliding), default=1.0)
    # A link without an inertial element gets a mass of 1 kg.
    inertial = '<inertial><mass value="0"/>' + _inertia_xml(np.zeros(3)) + "</inertial>"
    if has_mass:
        inertial = _inertial_xml(shapes, extra_mass_kg)
    visuals = "\n".join(
        _visual_xml(shape, f"{name}/{index}", takes_texture) for index, shape in enumerate(shapes)
    )
    return (
        f'<link name="{name}">\n'
        f'<contact><lateral_friction value="{friction:.17g}"/>'
        f'<spinning_friction value="{SPINNING_FRICTION_METRES}"/></contact>\n{inertial}\n'
        + visuals
        + "\n".join(_collision_xml(shape) for shape in colliding)
        + "\n</link>"
    )


def plain_link_xml(name: str, mass_kg: float) -> str:
    """Return a link without any shape; one without mass stands still."""
    inertia = np.full(3, 0.01 * mass_kg)
    return (
        f'<link name="{name}"><inertial><mass value="{mass_kg:.17g}"/>{_inertia_xml(inertia)}'
        "</inertial></link>"
    )


def joint_xml(
    name: str,
    kind: str,
    parent: str,
    child: str,
    axis: Iterable[float],
    limits: tuple[float, float] = (0.0, 0.0),
    at_metres: Iterable[float] = (0.0, 0.0, 0.0),
    rotation: np.ndarray | None = None,
) -> str:
    """Return a joint.

    Args:
        name: Its name.
        kind: "prismatic", "revolute" or "fixed".
        parent: Link that carries it.
        child: Link that it moves.
        axis: (3,) in the child's frame, unit length.
        limits: Least and greatest position, in metres or radians.
        at_metres: (3,) the child's frame in the parent's.
        rotation: (3, 3) of the child's frame, None for none.
    """
    return (
        f'<joint name="{name}" type="{kind}"><parent link="{parent}"/><child link="{child}"/>'
        f'{origin_xml(at_metres, rotation)}<axis xyz="{numbers(axis)}"/>'
        f'<limit effort="1000" lower="{limits[0]:.17g}" upper="{limits[1]:.17g}" velocity="100"/>'
        f'<dynamics damping="0" friction="0"/></joint>'
    )


def robot_xml(name: str, parts: Iterable[str]) -> str:
    """Return a whole model."""
    return f'<?xml version="1.0"?>\n<robot name="{name}">\n' + "\n".join(parts) + "\n</robot>\n"


def inertia_of(shape: Shape) -> np.ndarray:
    """Return the principal moments (3,) of a shape about its centre, in kg m², evenly filled."""
    mass, size = shape.mass_kg, shape.size_metres
    if shape.kind == "box":
        x, y, z = np.square(size)
        return mass / 3 * np.array([y + z, x + z, x + y])
    if shape.kind == "sphere":
        return np.full(3, 0.4 * mass * size[0] ** 2)
    radius, length = size[0], 2 * size[1]
    if shape.kind == "cylinder":
        across = mass * (3 * radius**2 + length**2) / 12
        return np.array([across, across, 0.5 * mass * radius**2])
    ends = (4 / 3 * radius) / (length + 4 / 3 * radius) * mass  # the two half spheres
    middle = mass - ends
    across = middle * (length**2 / 12 + radius**2 / 4)
    across += ends * (0.4 * radius**2 + length**2 / 4 + 0.375 * length * radius)
    return np.array([across, across, 0.5 * middle * radius**2 + 0.4 * ends * radius**2])


def mass_properties(shapes: Sequence[Shape]) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
    """Return mass, centre (3,), axes (3, 3) as columns and principal moments (3,) of shapes."""
    masses = np.array([shape.mass_kg for shape in shapes])
    total = float(masses.sum())
    places = np.array([shape.at_metres for shape in shapes])  # (shapes, 3)
    if total <= 0.0:
        return 0.0, np.zeros(3), np.eye(3), np.zeros(3)
    centre = masses @ places / total
    tensor = np.zeros((3, 3))
    for shape, place in zip(shapes, places, strict=True):
        turn, way = rotation_matrix(shape.quaternion), place - centre
        tensor += turn @ np.diag(inertia_of(shape)) @ turn.T
        tensor += shape.mass_kg * (way @ way * np.eye(3) - np.outer(way, way))
    moments, axes = np.linalg.eigh(tensor)
    if np.allclose(tensor, np.diag(np.diag(tensor)), atol=1e-9 * moments.max()):
        moments, axes = np.diag(tensor), np.eye(3)  # as it stands, without a needless turn
    elif np.linalg.det(axes) < 0:
        axes = axes * np.array([1.0, 1.0, -1.0])
    return total, centre, axes, moments


def _inertial_xml(shapes: Sequence[Shape], extra_mass_kg: float) -> str:
    mass, centre, axes, moments = mass_properties(shapes)
    if mass > 0.0:
        moments = moments * (mass + extra_mass_kg) / mass
    else:
        moments = np.full(3, 1e-4 * extra_mass_kg)
    return (
        f'<inertial>{origin_xml(centre, axes)}<mass value="{mass + extra_mass_kg:.17g}"/>'
        f"{_inertia_xml(moments)}</inertial>"
    )


def _inertia_xml(moments: np.ndarray) -> str:
    x, y, z = (f"{float(moment):.17g}" for moment in moments)
    return f'<inertia ixx="{x}" iyy="{y}" izz="{z}" ixy="0" ixz="0" iyz="0"/>'


def _collision_xml(shape: Shape) -> str:
    size = shape.size_metres
    if shape.kind == "box":
        inner = f'<box size="{numbers(2 * part for part in size)}"/>'
    elif shape.kind == "sphere":
        inner = f'<sphere radius="{size[0]:.17g}"/>'
    else:
        inner = f'<{shape.kind} radius="{size[0]:.17g}" length="{2 * size[1]:.17g}"/>'
    origin = origin_xml(shape.at_metres, _turn(shape.quaternion))
    return f"<collision>{origin}<geometry>{inner}</geometry></collision>"


def _visual_xml(shape: Shape, material: str, takes_texture: bool) -> str:
    """Return what is seen of a shape: a box, or the meshes of `meshes`."""
    size, turn = shape.size_metres, rotation_matrix(shape.quaternion)
    at = np.asarray(shape.at_metres)
    if shape.kind == "box" and takes_texture:
        parts = [(at, f'<mesh filename="slab.obj" scale="{numbers(size)}"/>')]
    elif shape.kind == "box":
        parts = [(at, f'<box size="{numbers(2 * part for part in size)}"/>')]
    elif shape.kind == "sphere":
        parts = [(at, _mesh_xml("ball", size[0], size[0]))]
    else:
        parts = [(at, _mesh_xml("tube", size[0], size[1]))]
        if shape.kind == "cylinder":
            parts.append((at, _mesh_xml("disc", size[0], size[1])))
        else:
            ends = (at + end * turn[:, 2] for end in (size[1], -size[1]))
            parts += [(end, _mesh_xml("ball", size[0], size[0])) for end in ends]
    colour = f'<material name="{material}"><color rgba="{numbers(shape.rgba)}"/></material>'
    return "\n".join(
        f"<visual>{origin_xml(place, turn)}<geometry>{inner}</geometry>{colour}</visual>"
        for place, inner in parts
    )


def _mesh_xml(name: str, radius_metres: float, half_length_metres: float) -> str:
    scale = numbers((radius_metres, radius_metres, half_length_metres))
    return f'<mesh filename="{name}.obj" scale="{scale}"/>'


def _turn(quaternion: Quaternion) -> np.ndarray | None:
    return None if quaternion == (1.0, 0.0, 0.0, 0.0) else rotation_matrix(quaternion)

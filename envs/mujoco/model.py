"""Writes the MJCF of a scene: table, cameras, body and the things of a task."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import resources

import numpy as np

from tcn_robot.envs.bodies.body import TOOL_ROTATIONS, Body, Effector, Finger, Tool
from tcn_robot.envs.bodies.iiwa import FLANGE_METRES
from tcn_robot.envs.cameras import (
    FIXED_CAMERAS,
    WRIST,
    WRIST_FOVY_DEGREES,
    fixed_camera_pose,
    wrist_camera_pose,
)
from tcn_robot.envs.things import Shape, Slide, Thing, quaternion_of
from tcn_robot.envs.world import Scene

ROLLING_FRICTION = "0.01 0.001"
THING_BITS = 'contype="1" conaffinity="3"'
EFFECTOR_BITS = 'contype="2" conaffinity="1"'
FINGER_FORCE = 25.0
TIP_SITE = "tip"
FINGER_JOINTS = ("finger1", "finger2")


def model_xml(scene: Scene) -> str:
    """Return the MJCF of a scene, complete in itself."""
    text = _asset("scene.xml")
    assets, body = _body(scene.body, scene.tool)
    parts = {
        "ASSETS": assets,
        "CAMERAS": "\n".join(_fixed_camera(name, scene) for name in FIXED_CAMERAS),
        "BODY": body,
        "THINGS": "\n".join(_thing(thing) for thing in scene.things),
        "ACTUATORS": _actuators(scene.body),
    }
    for marker, part in parts.items():
        text = text.replace(f"<!-- {marker} -->", part)
    return text


def geom_names(owner: str, shapes: tuple[Shape, ...]) -> list[str]:
    """Return the names that the geoms of a thing, "palm" or a finger have."""
    return [f"{owner}/{index}" for index in range(len(shapes))]


def _asset(name: str) -> str:
    return (resources.files("tcn_robot.envs") / "assets" / name).read_text("utf-8")


def _numbers(values: Iterable[float]) -> str:
    return " ".join(f"{float(value):.9g}" for value in values)


def _geom(shape: Shape, name: str, bits: str, mass: bool) -> str:
    weight = f'mass="{shape.mass_kg:.9g}" ' if mass else ""
    bits = bits if shape.collides else 'contype="0" conaffinity="0"'
    # Of two geoms the one of higher priority says whether there is friction.
    friction = 'condim="4"' if shape.friction > 0.0 else 'condim="1" priority="1"'
    return (
        f'<geom name="{name}" type="{shape.kind}" size="{_numbers(shape.size_metres)}" '
        f'pos="{_numbers(shape.at_metres)}" quat="{_numbers(shape.quaternion)}" '
        f'rgba="{_numbers(shape.rgba)}" {weight}{friction} '
        f'friction="{shape.friction:.9g} {ROLLING_FRICTION}" {bits}/>'
    )


def _geoms(owner: str, shapes: tuple[Shape, ...], bits: str, mass: bool = True) -> str:
    names = geom_names(owner, shapes)
    lines = [_geom(shape, name, bits, mass) for shape, name in zip(shapes, names, strict=True)]
    return "\n".join(lines)


def _thing(thing: Thing) -> str:
    if thing.slide is not None:
        return _sliding(thing, thing.slide)
    joint, kind = "", ' mocap="true"'
    if thing.motion == "free":
        joint, kind = f'<freejoint name="{thing.name}"/>', ""
    return (
        f'<body name="{thing.name}" {_frame(thing)}{kind}>\n{joint}\n'
        f"{_geoms(thing.name, thing.shapes, THING_BITS, thing.motion == 'free')}\n</body>"
    )


def _sliding(thing: Thing, slide: Slide) -> str:
    """Return a thing on its joint, carried by a stand that only the task moves.

    Where a stand is placed belongs to MuJoCo's state, where a body begins in the model does not.
    """
    return (
        f'<body name="{thing.name}/stand" {_frame(thing)} mocap="true">\n'
        f'<body name="{thing.name}">\n'
        f'<joint name="{thing.name}" type="slide" axis="{_numbers(slide.axis)}" '
        f'range="{slide.low_metres:.9g} {slide.high_metres:.9g}" '
        f'stiffness="{slide.stiffness:.9g}" damping="{slide.damping:.9g}" '
        f'frictionloss="{slide.friction_newton:.9g}"/>\n'
        f"{_geoms(thing.name, thing.shapes, THING_BITS)}\n</body>\n</body>"
    )


def _frame(thing: Thing) -> str:
    return f'pos="{_numbers(thing.at_metres)}" quat="{_numbers(thing.quaternion)}"'


def _camera(name: str, at: np.ndarray, rotation: np.ndarray, fovy_degrees: float) -> str:
    quaternion = quaternion_of(rotation)
    return (
        f'<camera name="{name}" pos="{_numbers(at)}" quat="{_numbers(quaternion)}" '
        f'fovy="{fovy_degrees:.9g}"/>'
    )


def _fixed_camera(name: str, scene: Scene) -> str:
    at, rotation = fixed_camera_pose(name, scene.camera_target_metres)
    return _camera(name, at, rotation, FIXED_CAMERAS[name].fovy_degrees)


def _body(body: Body, tool: Tool) -> tuple[str, str]:
    """Return the assets and the body, from the base or the float to the fingertips."""
    if body.arm is None:
        return "", _floating(body.effector, tool)
    assets, arm = "", _asset(body.arm)
    if body.meshes:
        from tcn_robot.envs.bodies.kuka_meshes import show_meshes

        assets, arm = show_meshes(arm)
    effector = (
        f'<body name="palm" pos="0 0 {FLANGE_METRES}" gravcomp="1">\n'
        f"{_effector(body.effector)}\n</body>"
    )
    return assets, arm.replace("<!-- EFFECTOR -->", effector)


def _floating(effector: Effector, tool: Tool) -> str:
    rotation = TOOL_ROTATIONS[tool]
    # The joints' axes are given in the body's own frame, which is turned.
    slides = "\n".join(
        f'<joint class="floating" name="joint{axis + 1}" type="slide" '
        f'axis="{_numbers(rotation.T[:, axis])}" range="-1.5 1.5"/>'
        for axis in range(3)
    )
    turn = '<joint class="floating" name="joint4" type="hinge" axis="0 0 1" range="-3 3"/>'
    return (
        f'<body name="palm" quat="{_numbers(quaternion_of(rotation))}" gravcomp="1">\n'
        f"{slides}\n{turn}\n{_effector(effector)}\n</body>"
    )


def _effector(effector: Effector) -> str:
    at, rotation = wrist_camera_pose(effector.tip_metres)
    fingers = "\n".join(
        _finger(finger, f"finger{index + 1}") for index, finger in enumerate(effector.fingers)
    )
    return (
        f"{_geoms('palm', effector.palm, EFFECTOR_BITS)}\n"
        f'<site name="{TIP_SITE}" pos="0 0 {effector.tip_metres:.9g}" size="0.005" '
        f'rgba="0 0 0 0"/>\n{_camera(WRIST, at, rotation, WRIST_FOVY_DEGREES)}\n{fingers}'
    )


def _finger(finger: Finger, name: str) -> str:
    return (
        f'<body name="{name}" gravcomp="1">\n'
        f'<joint class="finger" name="{name}" type="{finger.joint}" '
        f'axis="{_numbers(finger.axis)}" pos="{_numbers(finger.anchor_metres)}" '
        f'range="{-0.05 * finger.travel:.9g} {1.05 * finger.travel:.9g}"{_armature(finger)}/>\n'
        f"{_geoms(name, finger.shapes, EFFECTOR_BITS)}\n</body>"
    )


def _armature(finger: Finger) -> str:
    """A hinge's armature is in kg m²: the same inertia at the fingertip as a slide has."""
    return ' armature="0.0005"' if finger.joint == "hinge" else ""


def _actuators(body: Body) -> str:
    kind = "arm" if body.arm else "floating"
    lines = [
        f'<position class="{kind}" name="servo{index + 1}" joint="joint{index + 1}"/>'
        for index in range(body.carrier.num_joints)
    ]
    limit = FINGER_FORCE
    for index, finger in enumerate(body.effector.fingers):
        if finger.joint == "hinge":  # the same force at the fingertip
            limit = FINGER_FORCE * 0.5 * 0.09 / finger.travel
        lines.append(
            f'<position class="finger" name="grip{index + 1}" joint="finger{index + 1}" '
            f'kp="{body.effector.squeeze:.9g}" forcerange="{-limit:.9g} {limit:.9g}"/>'
        )
    return "\n".join(lines)

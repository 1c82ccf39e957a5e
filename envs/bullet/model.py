"""Describes a scene for PyBullet: URDF of every body, cameras and light, as one JSON text.

The text is complete but for the meshes of KUKA's arm, which it names relative to the folder of
`pybullet_data`; nothing of the task is needed to render a stored state from it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from tcn_robot.envs.bodies.body import TOOL_ROTATIONS, Effector, Finger, Tool
from tcn_robot.envs.bodies.floating import REACH_METRES
from tcn_robot.envs.bodies.iiwa import FLANGE_METRES
from tcn_robot.envs.bullet.client import bullet_data_folder
from tcn_robot.envs.bullet.meshes import primitive_meshes
from tcn_robot.envs.bullet.urdf import joint_xml, link_xml, plain_link_xml, robot_xml
from tcn_robot.envs.cameras import (
    FAR_METRES,
    FIXED_CAMERAS,
    NEAR_METRES,
    WRIST,
    WRIST_FOVY_DEGREES,
    fixed_camera_pose,
    wrist_camera_pose,
)
from tcn_robot.envs.mujoco.model import FINGER_FORCE
from tcn_robot.envs.things import UPRIGHT, Shape, Thing, Vector
from tcn_robot.envs.world import Scene

SIMULATOR = "pybullet"
MODEL_FORMAT = 1
KUKA_FOLDER = "kuka_iiwa"
BODY, PALM, FINGERS = "body", "palm", ("finger1", "finger2")

# As assets/scene.xml has them.
TABLE = Shape("box", (0.45, 0.6, 0.03), (0.62, 0.60, 0.55, 1.0), (0.55, 0.0, -0.03))
FLOOR = Shape("box", (6.0, 6.0, 0.01), (0.36, 0.40, 0.44, 1.0), (0.0, 0.0, -0.73), collides=False)

ARM_FORCE = 300.0
"""Limit of the arm's motors, N m, and of the floating carrier's, N: as good as rigid."""
CARRIER_MASS_KG = 1.0
FINGER_EXTRA_MASS_KG = 0.05
ROLL_LIMIT_RADIANS = 3.0


def scene_description(scene: Scene) -> dict[str, Any]:
    """Return a scene as plain data that JSON keeps to the last bit.

    Raises:
        UserError: When an arm is asked for and its model is not installed.
    """
    return {
        "simulator": SIMULATOR,
        "format": MODEL_FORMAT,
        "bodies": [
            _body_entry("table", robot_xml("table", [_table_xml()])),
            _body_entry("floor", robot_xml("floor", [link_xml("floor", [FLOOR], 1.0, False)])),
            _body_entry(BODY, body_urdf(scene)),
            *(_thing_entry(thing) for thing in scene.things),
        ],
        "meshes": primitive_meshes(),
        "cameras": _cameras(scene),
        "near_metres": NEAR_METRES,
        "far_metres": FAR_METRES,
        "shadows": scene.shadows,
    }


def _table_xml() -> str:
    return link_xml("table", [TABLE], 1.0, has_mass=False, takes_texture=True)


def description_text(description: dict[str, Any]) -> str:
    """Return the JSON text of a description."""
    return json.dumps(description, indent=1) + "\n"


def finger_limit(finger: Finger) -> float:
    """Return the greatest force of a finger's motor: N, or N m with the same at the tip."""
    return FINGER_FORCE if finger.joint == "slide" else FINGER_FORCE * 0.5 * 0.09 / finger.travel


def body_urdf(scene: Scene) -> str:
    """Return the URDF of the body: what carries the palm, the palm and two fingers."""
    body, tool = scene.body, scene.tool
    effector = _effector_parts(body.effector)
    if body.arm is None:
        return robot_xml(BODY, [*_floating_parts(tool), *effector])
    flange = joint_xml(
        "flange", "fixed", "lbr_iiwa_link_7", PALM, (0, 0, 1), at_metres=(0, 0, FLANGE_METRES)
    )
    return _kuka_urdf().replace("</robot>", "\n".join([*effector, flange]) + "\n</robot>")


def thing_urdf(thing: Thing) -> str:
    """Return the URDF of a thing; a sliding one hangs on a base without shape."""
    if thing.motion == "placed":
        # What only the task moves has friction 1: the other's own counts, as on the table.
        return robot_xml(thing.name, [link_xml(thing.name, thing.shapes, 1.0, False)])
    link = link_xml(thing.name, thing.shapes)
    if thing.slide is None:
        return robot_xml(thing.name, [link])
    slide = thing.slide
    joint = joint_xml(
        thing.name,
        "prismatic",
        "rail",
        thing.name,
        slide.axis,
        (slide.low_metres, slide.high_metres),
    )
    return robot_xml(thing.name, [plain_link_xml("rail", 0.0), link, joint])


def _body_entry(
    name: str, urdf: str, at: Vector = (0.0, 0.0, 0.0), fixed: bool = True
) -> dict[str, Any]:
    return {
        "name": name,
        "urdf": urdf,
        "at_metres": list(at),
        "quaternion": list(UPRIGHT),
        "fixed": fixed,
    }


def _thing_entry(thing: Thing) -> dict[str, Any]:
    entry = _body_entry(
        thing.name, thing_urdf(thing), thing.at_metres, fixed=thing.motion != "free"
    )
    return {**entry, "quaternion": list(thing.quaternion)}


def _cameras(scene: Scene) -> dict[str, Any]:
    cameras: dict[str, dict[str, Any]] = {}
    for name, camera in FIXED_CAMERAS.items():
        at, rotation = fixed_camera_pose(name, scene.camera_target_metres)
        cameras[name] = {"fovy_degrees": camera.fovy_degrees, "link": None}
        cameras[name] |= {"at_metres": at.tolist(), "rotation": rotation.tolist()}
    at, rotation = wrist_camera_pose(scene.body.effector.tip_metres)
    cameras[WRIST] = {"fovy_degrees": WRIST_FOVY_DEGREES, "link": PALM}
    cameras[WRIST] |= {"at_metres": at.tolist(), "rotation": rotation.tolist()}
    return cameras


def _effector_parts(effector: Effector) -> list[str]:
    """Return palm and fingers.

    Between finger and thing the product of both frictions counts, where MuJoCo takes the finger's.
    Its soft contacts slip from step to step and Bullet's do not: with the finger's own friction a
    block sticks to the hand that should slide along it.
    """
    parts = [link_xml(PALM, effector.palm)]
    for name, finger in zip(FINGERS, effector.fingers, strict=True):
        parts += _finger_parts(name, finger)
    return parts


def _finger_parts(name: str, finger: Finger) -> Iterable[str]:
    hinge = finger.joint == "hinge"
    anchor = finger.anchor_metres if hinge else (0.0, 0.0, 0.0)
    shapes = [_moved(shape, anchor) for shape in finger.shapes]
    yield link_xml(name, shapes, extra_mass_kg=FINGER_EXTRA_MASS_KG)
    yield joint_xml(
        name,
        "revolute" if hinge else "prismatic",
        PALM,
        name,
        finger.axis,
        (-0.05 * finger.travel, 1.05 * finger.travel),
        anchor,
    )


def _moved(shape: Shape, anchor: Vector) -> Shape:
    x, y, z = (float(a - b) for a, b in zip(shape.at_metres, anchor, strict=True))
    return replace(shape, at_metres=(x, y, z))


def _floating_parts(tool: Tool) -> list[str]:
    """Return three slides along the world's axes and a turn about the tool's, without shapes."""
    parts, parent = [plain_link_xml("world", 0.0)], "world"
    for index, axis in enumerate(((1, 0, 0), (0, 1, 0), (0, 0, 1))):
        child = f"carrier{index + 1}"
        limits = (-REACH_METRES, REACH_METRES)
        parts.append(plain_link_xml(child, CARRIER_MASS_KG))
        parts.append(joint_xml(f"joint{index + 1}", "prismatic", parent, child, axis, limits))
        parent = child
    limits = (-ROLL_LIMIT_RADIANS, ROLL_LIMIT_RADIANS)
    turn = joint_xml(
        "joint4", "revolute", parent, PALM, (0, 0, 1), limits, rotation=TOOL_ROTATIONS[tool]
    )
    return [*parts, turn]


def _kuka_urdf() -> str:
    """Return PyBullet's model of the arm, meshes named from the folder of `pybullet_data`.

    The arm itself touches nothing, as in MuJoCo: its collision meshes are left out.
    """
    text = (bullet_data_folder() / KUKA_FOLDER / "model.urdf").read_text("utf-8")
    text = re.sub(r"<collision>.*?</collision>\s*", "", text, flags=re.S)
    return text.replace('filename="', f'filename="{KUKA_FOLDER}/')

"""Shows the meshes of KUKA's arm that PyBullet ships (BSD licence) in our model of the arm.

They only show: masses and joints stay those of the primitives, which become invisible. The meshes
stand in the model's text itself, so that it is complete without PyBullet.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import numpy as np

from tcn_robot.envs.bullet.client import bullet_data_folder
from tcn_robot.envs.bullet.urdf import numbers
from tcn_robot.envs.things import Colour, quaternion_of

FOLDER = "kuka_iiwa"
INVISIBLE_GROUP = 3  # MuJoCo shows groups 0 to 2
GRID_METRES = 1e-5
"""Vertices nearer than this are one; finer than anybody sees, and it keeps the text short."""

_STL_TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])


def show_meshes(arm_xml: str) -> tuple[str, str]:
    """Return the mesh assets and the arm with meshes instead of primitives, as MJCF.

    Args:
        arm_xml: The arm made of primitives, bodies "base", "link1" … "link7".

    Raises:
        UserError: When PyBullet's data is not installed, with how to get it.
    """
    links = read_links(bullet_data_folder() / FOLDER / "model.urdf")
    assets = "\n".join(
        _asset_xml(f"kuka{index}", bullet_data_folder() / FOLDER / "meshes" / name)
        for index, (name, _, _) in enumerate(links)
    )
    arm_xml = arm_xml.replace("<geom ", f'<geom group="{INVISIBLE_GROUP}" ')
    for index, (_, rotation, colour) in enumerate(links):
        body = "base" if index == 0 else f"link{index}"
        mesh = (
            f'<geom type="mesh" mesh="kuka{index}" quat="{numbers(quaternion_of(rotation))}" '
            f'rgba="{numbers(colour)}" mass="0" contype="0" conaffinity="0"/>'
        )
        arm_xml = re.sub(rf'(<body name="{body}"[^>]*>)', rf"\1\n{mesh}", arm_xml)
    return assets, arm_xml


def read_links(path: Path) -> list[tuple[str, np.ndarray, Colour]]:
    """Return what a URDF of one chain shows of each link, from the base on.

    Returns:
        For each link the name of its mesh as STL, its frame's rotation (3, 3) in the base at joint
        angles 0, and its colour.
    """
    model = ElementTree.parse(path).getroot()
    colours = {
        material.get("name"): _floats(colour.get("rgba"))
        for material in model.findall("material")
        if (colour := material.find("color")) is not None
    }
    links, rotation = [], np.eye(3)
    turns = [_rotation(joint.find("origin")) for joint in model.findall("joint")]
    for link, turn in zip(model.findall("link"), [np.eye(3), *turns], strict=True):
        rotation = rotation @ turn
        mesh, material = link.find("visual/geometry/mesh"), link.find("visual/material")
        assert mesh is not None
        assert material is not None
        red, green, blue, opacity = colours[material.get("name")]
        name = Path(str(mesh.get("filename"))).with_suffix(".stl").name
        links.append((name, rotation, (red, green, blue, opacity)))
    return links


@cache
def _asset_xml(name: str, path: Path) -> str:
    vertices, faces = read_mesh(path)
    corners = " ".join(f"{part:.5g}" for part in vertices.reshape(-1))
    indices = " ".join(map(str, faces.reshape(-1)))
    return f'<mesh name="{name}" vertex="{corners}" face="{indices}"/>'


def read_mesh(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return vertices (V, 3) in metres, each once, and faces (F, 3) of a binary STL file."""
    content = path.read_bytes()
    count = int(np.frombuffer(content, "<u4", 1, offset=80)[0])
    triangles = np.frombuffer(content, _STL_TRIANGLE, count, offset=84)
    corners = np.round(triangles["corners"].reshape(-1, 3) / GRID_METRES).astype(np.int64)
    vertices, places = np.unique(corners, axis=0, return_inverse=True)
    faces = places.reshape(-1, 3)  # (F, 3)
    flat = (faces == np.roll(faces, 1, axis=1)).any(axis=1)  # two corners became one
    return vertices * GRID_METRES, faces[~flat]


def _rotation(origin: ElementTree.Element | None) -> np.ndarray:
    """Return the rotation (3, 3) of a URDF origin: about x, then y, then z, all fixed."""
    assert origin is not None
    roll, pitch, yaw = _floats(origin.get("rpy"))
    sines, cosines = np.sin([roll, pitch, yaw]), np.cos([roll, pitch, yaw])
    about_x = np.array([[1, 0, 0], [0, cosines[0], -sines[0]], [0, sines[0], cosines[0]]])
    about_y = np.array([[cosines[1], 0, sines[1]], [0, 1, 0], [-sines[1], 0, cosines[1]]])
    about_z = np.array([[cosines[2], -sines[2], 0], [sines[2], cosines[2], 0], [0, 0, 1]])
    return np.asarray(about_z @ about_y @ about_x)


def _floats(text: str | None) -> Iterable[float]:
    return [float(part) for part in str(text).split()]

"""Named cameras, the same for every task and simulator.

They stand far away with a long lens: the workspace fills the picture, and things near a camera
look no larger than far ones. `wrist` rides on the palm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tcn_robot.envs.things import Vector


@dataclass(frozen=True)
class Camera:
    """A camera that stands still.

    Attributes:
        at_metres: Where it stands.
        fovy_degrees: Vertical field of view.
        up: Direction that is up in its pictures.
    """

    at_metres: Vector
    fovy_degrees: float
    up: Vector = (0.0, 0.0, 1.0)


FIXED_CAMERAS: dict[str, Camera] = {
    "front": Camera((1.75, 0.0, 0.95), 29.0),
    "left": Camera((0.60, 1.50, 0.80), 20.0),
    "right": Camera((0.60, -1.50, 0.80), 20.0),
    "top": Camera((0.57, 0.0, 1.80), 24.0, up=(-1.0, 0.0, 0.0)),
    "corner": Camera((1.45, -1.00, 1.00), 28.0),
}
WRIST = "wrist"
WRIST_AT_METRES: Vector = (-0.075, 0.0, 0.015)
WRIST_UP: Vector = (-1.0, 0.0, 0.0)
WRIST_FOVY_DEGREES = 75.0
VIEW_NAMES = (*FIXED_CAMERAS, WRIST)
NEAR_METRES, FAR_METRES = 0.02, 20.0


def look_at(at_metres: np.ndarray, target_metres: np.ndarray, up: Vector) -> np.ndarray:
    """Return the rotation (3, 3) of a camera: columns right, up, backwards, as OpenGL has it."""
    backwards = np.asarray(at_metres, dtype=np.float64) - target_metres
    backwards /= np.linalg.norm(backwards)
    right = np.cross(np.asarray(up), backwards)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(backwards, right), backwards], axis=1)


def fixed_camera_target(name: str, target_metres: Vector) -> Vector:
    """Return where a fixed camera looks in a scene; `top` looks straight down."""
    if name == "top":
        x, y, _ = FIXED_CAMERAS[name].at_metres
        return (x, y, 0.0)
    return target_metres


def fixed_camera_pose(name: str, target_metres: Vector) -> tuple[np.ndarray, np.ndarray]:
    """Return position (3,) and rotation (3, 3) of a fixed camera in a scene."""
    camera = FIXED_CAMERAS[name]
    at = np.array(camera.at_metres)
    return at, look_at(at, np.array(fixed_camera_target(name, target_metres)), camera.up)


def wrist_camera_pose(tip_metres: float) -> tuple[np.ndarray, np.ndarray]:
    """Return position (3,) and rotation (3, 3) of the wrist's camera in the palm's frame."""
    at = np.array(WRIST_AT_METRES)
    return at, look_at(at, np.array([0.0, 0.0, tip_metres]), WRIST_UP)


def camera_parameters(
    at_metres: np.ndarray, rotation: np.ndarray, fovy_degrees: float, size: tuple[int, int]
) -> dict[str, list[list[float]]]:
    """Return `intrinsics` (3, 3) in px and `extrinsics` (4, 4), world to camera, as lists.

    Args:
        at_metres: (3,) where the camera is.
        rotation: (3, 3) with columns right, up, backwards.
        fovy_degrees: Vertical field of view.
        size: (height, width) in pixels.

    The camera of the result looks along its +z with y down, as in OpenCV.
    """
    height, width = size
    focal_px = float(0.5 * height / np.tan(np.radians(fovy_degrees) / 2))
    to_opencv = rotation @ np.diag([1.0, -1.0, -1.0])
    extrinsics = np.eye(4)
    extrinsics[:3, :3] = to_opencv.T
    extrinsics[:3, 3] = -to_opencv.T @ at_metres
    return {
        "intrinsics": [[focal_px, 0.0, width / 2], [0.0, focal_px, height / 2], [0.0, 0.0, 1.0]],
        "extrinsics": extrinsics.tolist(),
    }

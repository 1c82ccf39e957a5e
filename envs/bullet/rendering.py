"""Pictures of a Bullet simulation by its software renderer, which needs no OpenGL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tcn_robot.envs.bullet.client import Connection
from tcn_robot.envs.cameras import camera_parameters
from tcn_robot.envs.randomisation.camera_poses import CameraEntry, camera_pose, is_moving
from tcn_robot.errors import UserError

# The lights of assets/scene.xml: one at the camera, one straight above.
DESCRIBED_LIGHT: dict[str, Any] = {
    "direction": [0.0, 0.0, -1.0],
    "diffuse": [0.45, 0.45, 0.45],
    "ambient": 0.45,
    "headlight": 0.35,
}
LIGHT_METRES = 2.2
MAXIMUM_PX = 4096


class BulletRenderer:
    """Renders the cameras of a description."""

    def __init__(
        self, connection: Connection, description: dict[str, Any], links: dict[str, tuple[int, int]]
    ) -> None:
        """Keep what cameras need.

        Args:
            connection: The simulation.
            description: Of the scene.
            links: By name of the link that carries a camera: (body, link).
        """
        self._connection, self._links = connection, links
        self._cameras: dict[str, dict[str, Any]] = description["cameras"]
        self._near, self._far = description["near_metres"], description["far_metres"]
        self._shadows = bool(description["shadows"])
        self.light: dict[str, Any] | None = None
        """As `randomisation` draws it; None for the described one."""
        self.drawn_cameras: dict[str, CameraEntry] = {}
        """Entries that take the place of described cameras."""
        self.time_seconds = 0.0
        """Where on its way a moving camera is."""

    def pose(self, view: str) -> tuple[np.ndarray, np.ndarray]:
        """Return a camera's position (3,) and rotation (3, 3): columns right, up, backwards."""
        camera = self._cameras[view]
        at, rotation = np.array(camera["at_metres"]), np.array(camera["rotation"])
        if view in self.drawn_cameras:
            at, rotation = camera_pose(self.drawn_cameras[view], self.time_seconds)
        if camera["link"] is None:
            return at, rotation
        link = self._connection.getLinkState(
            *self._links[camera["link"]], computeForwardKinematics=1
        )
        turn = np.array(self._connection.getMatrixFromQuaternion(link[5])).reshape(3, 3)
        return np.array(link[4]) + turn @ at, turn @ rotation

    def parameters(self, view: str, size: tuple[int, int]) -> dict[str, Any]:
        """Return intrinsics (3, 3) in px and extrinsics (4, 4), world to camera, as lists."""
        parameters: dict[str, Any] = camera_parameters(*self.pose(view), self._fovy(view), size)
        drawn = self.drawn_cameras.get(view)
        if self._cameras[view]["link"] is not None or (drawn and is_moving(drawn)):
            parameters["moving"] = True
        return parameters

    def _fovy(self, view: str) -> float:
        return float({**self._cameras[view], **self.drawn_cameras.get(view, {})}["fovy_degrees"])

    def render(self, views: Sequence[str], size: tuple[int, int]) -> dict[str, np.ndarray]:
        """Return uint8 (height, width, 3) RGB by view; size is (height, width) in pixels.

        Raises:
            UserError: For a size that cannot be.
        """
        height, width = _checked(size)
        return {view: self._picture(view, height, width) for view in views}

    def segment(self, views: Sequence[str], size: tuple[int, int]) -> dict[str, np.ndarray]:
        """Return which body each pixel of a view shows, where `render` shows its colour.

        Returns:
            int32 (height, width) by view, PyBullet's ids of bodies, -1 where there is none.

        Raises:
            UserError: For a size that cannot be.
        """
        height, width = _checked(size)
        flags = 0  # bodies alone, not their links
        return {
            view: np.array(self._image(view, height, width, flags)[4], np.int32).reshape(size)
            for view in views
        }

    def _picture(self, view: str, height: int, width: int) -> np.ndarray:
        flags = self._connection.ER_NO_SEGMENTATION_MASK
        pixels = self._image(view, height, width, flags)[2]
        return np.array(pixels, np.uint8).reshape(height, width, 4)[:, :, :3].copy()

    def _image(self, view: str, height: int, width: int, flags: int) -> Any:
        """Return all that the renderer says of a view."""
        bullet = self._connection
        at, rotation = self.pose(view)
        fovy = self._fovy(view)
        drawn = self.light or DESCRIBED_LIGHT
        lamp = np.array(drawn["diffuse"])
        # Where both lights fall, this one is their sum.
        light = drawn["headlight"] * rotation[:, 2] - lamp.mean() * np.array(drawn["direction"])
        diffuse = float(np.linalg.norm(light))
        return bullet.getCameraImage(
            width,
            height,
            viewMatrix=_view_matrix(at, rotation),
            projectionMatrix=_projection_matrix(fovy, (height, width), self._near, self._far),
            lightDirection=(light / diffuse).tolist(),
            lightColor=(lamp / lamp.mean()).tolist(),
            lightDistance=LIGHT_METRES,
            shadow=int(self._shadows),
            lightAmbientCoeff=drawn["ambient"],
            lightDiffuseCoeff=diffuse,
            lightSpecularCoeff=0.0,
            renderer=bullet.ER_TINY_RENDERER,
            flags=flags,
        )


def _checked(size: tuple[int, int]) -> tuple[int, int]:
    height, width = size
    if not (1 <= height <= MAXIMUM_PX and 1 <= width <= MAXIMUM_PX):
        raise UserError(
            f"a picture's height and width must lie between 1 and {MAXIMUM_PX} px, "
            f"found {height} x {width}"
        )
    return size


def _view_matrix(at: np.ndarray, rotation: np.ndarray) -> list[float]:
    """Return world to camera as OpenGL has it, 16 numbers column by column."""
    matrix = np.eye(4)
    matrix[:3, :3] = rotation.T
    matrix[:3, 3] = -rotation.T @ at
    return [float(part) for part in matrix.T.reshape(-1)]


def _projection_matrix(
    fovy_degrees: float, size: tuple[int, int], near_metres: float, far_metres: float
) -> list[float]:
    height, width = size
    scale = 1.0 / np.tan(np.radians(fovy_degrees) / 2)
    depth = near_metres - far_metres
    matrix = np.zeros((4, 4))
    matrix[0, 0], matrix[1, 1], matrix[3, 2] = scale * height / width, scale, -1.0
    # TinyRenderer looks through the corners of its pixels; this moves them to the middles.
    matrix[0, 2], matrix[1, 2] = 1.0 / width, 1.0 / height
    matrix[2, 2] = (far_metres + near_metres) / depth
    matrix[2, 3] = 2 * far_metres * near_metres / depth
    return [float(part) for part in matrix.T.reshape(-1)]

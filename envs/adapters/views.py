"""Cameras that stand where the user, or a table of ours, puts them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from tcn_robot.envs.cameras import look_at
from tcn_robot.errors import UserError

Vector = tuple[float, float, float]
_NAME = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class PlacedCamera:
    """A camera by its position.

    Attributes:
        at_metres: Where it stands.
        target_metres: What it looks at.
        fovy_degrees: Vertical field of view.
        up: Direction that is up in its pictures; it must not be the direction of sight.
    """

    at_metres: Vector
    target_metres: Vector
    fovy_degrees: float = 45.0
    up: Vector = (0.0, 0.0, 1.0)

    def rotation(self) -> np.ndarray:
        """Return (3, 3) with columns right, up, backwards, as OpenGL has it."""
        return look_at(np.array(self.at_metres), np.array(self.target_metres), self.up)


class Scene(Protocol):
    """A package's simulation as a recorder sees it.

    Attributes:
        simulator: Distribution that simulates or, where nothing else is known, renders.
        view_names: Its cameras; the first ones are recorded when none are asked for.
        model_text: The exact model as text, from which `tcn-robot rerender` makes pictures.
    """

    simulator: str
    view_names: tuple[str, ...]
    model_text: str

    def moved(self) -> None:
        """Take note that the package has reset or stepped."""
        ...

    def render_views(self, views: Sequence[str], size: tuple[int, int]) -> dict[str, np.ndarray]:
        """Return uint8 (height, width, 3) RGB by view; size is (height, width) in pixels."""
        ...

    def camera_parameters(self, view: str, size: tuple[int, int]) -> dict[str, Any]:
        """Return intrinsics (3x3) in px and extrinsics (4x4, world to camera), as lists."""
        ...

    def get_state(self) -> np.ndarray:
        """Return float64 (S,)."""
        ...

    def set_state(self, state: np.ndarray) -> None:
        """Go to a state that `get_state` gave."""
        ...

    def close(self) -> None:
        """Free renderers and connections."""
        ...


def placed_cameras(
    cameras: Mapping[str, PlacedCamera | Mapping[str, Any]],
) -> dict[str, PlacedCamera]:
    """Return cameras given as `PlacedCamera` or as their fields, after a look at them.

    Args:
        cameras: By name; fields are those of `PlacedCamera`, so that JSON can hold them.

    Raises:
        UserError: For a name that cannot be a file's, a field that is missing or unknown, or a
            camera that looks along its own `up`.
    """
    checked = {}
    for name, camera in cameras.items():
        if not _NAME.fullmatch(name):
            raise UserError(
                f"camera name {name!r} cannot be a file name; use letters, digits, '_' and '-'"
            )
        checked[name] = _camera(name, camera)
    return checked


def _camera(name: str, camera: PlacedCamera | Mapping[str, Any]) -> PlacedCamera:
    if not isinstance(camera, PlacedCamera):
        fields = dict(camera)
        try:
            camera = PlacedCamera(**fields)
        except TypeError as error:
            raise UserError(
                f"camera {name!r}: expected at_metres, target_metres and, if wished, fovy_degrees "
                f"and up, found {', '.join(fields) or 'nothing'}"
            ) from error
    for field in ("at_metres", "target_metres", "up"):
        vector = np.asarray(getattr(camera, field), dtype=np.float64)
        if vector.shape != (3,) or not np.isfinite(vector).all():
            raise UserError(f"camera {name!r}: {field} must be 3 finite numbers, found {vector}")
    sight = np.subtract(camera.at_metres, camera.target_metres)
    if np.linalg.norm(np.cross(sight, camera.up)) < 1e-9:
        raise UserError(
            f"camera {name!r} looks along its own up direction {camera.up} or at itself; "
            "give another `up`, such as (-1, 0, 0) for a camera that looks down"
        )
    if not 0.0 < camera.fovy_degrees < 180.0:
        raise UserError(
            f"camera {name!r}: fovy_degrees must lie between 0 and 180, found {camera.fovy_degrees}"
        )
    return camera


def surrounding_cameras(
    centre_metres: Sequence[float], distance_metres: float, fovy_degrees: float = 45.0
) -> dict[str, PlacedCamera]:
    """Return five cameras around a point: front (from +x), left (+y), right (-y), corner, top.

    Args:
        centre_metres: What they look at.
        distance_metres: How far away they stand.
        fovy_degrees: Vertical field of view.
    """
    centre = np.asarray(centre_metres, dtype=np.float64)
    directions = {
        "front": (1.0, 0.0, 0.6),
        "left": (0.0, 1.0, 0.6),
        "right": (0.0, -1.0, 0.6),
        "corner": (0.8, -0.8, 0.8),
        "top": (0.0, 0.0, 1.0),
    }
    cameras = {}
    for name, direction in directions.items():
        away = np.array(direction) / np.linalg.norm(direction)
        at = tuple(float(number) for number in centre + distance_metres * away)
        up = (-1.0, 0.0, 0.0) if name == "top" else (0.0, 0.0, 1.0)
        target = tuple(float(number) for number in centre)
        cameras[name] = PlacedCamera(at, target, fovy_degrees, up)  # type: ignore[arg-type]
    return cameras

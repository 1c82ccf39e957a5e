"""Renders states of a model that a dataset stored; no task is needed for it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from tcn_robot.envs.cameras import camera_parameters
from tcn_robot.errors import UserError


class StoredModel(Protocol):
    """A stored model that goes to stored states and renders them."""

    view_names: tuple[str, ...]

    def set_state(self, state: np.ndarray) -> None:
        """Go to a stored state, float64 (S,)."""
        ...

    def render_views(self, views: Sequence[str], size: tuple[int, int]) -> dict[str, np.ndarray]:
        """Return uint8 (H, W, 3) RGB by view; size is (height, width) in pixels."""
        ...

    def camera_parameters(self, view: str, size: tuple[int, int]) -> dict[str, Any]:
        """Return intrinsics (3x3) and extrinsics (4x4, world to camera; OpenCV's axes)."""
        ...

    def close(self) -> None:
        """Free what renders."""
        ...


def open_stored_model(text: str) -> StoredModel:
    """Return the renderer of a model's text: MuJoCo's XML, or the JSON of a PyBullet scene.

    Tasks of other packages have texts of their own, see `tcn_robot.envs.adapters`.

    Raises:
        UserError: When the text is none of these, or its task cannot be rendered again.
    """
    from tcn_robot.envs.adapters.stored import stored_scene

    if (scene := stored_scene(text)) is not None:
        return scene
    if text.lstrip().startswith("{"):
        return StoredBulletModel(text)
    return StoredMujocoModel(text)


class StoredMujocoModel:
    """Renders states of a MuJoCo model.

    Attributes:
        view_names: Every named camera of the model.
    """

    def __init__(self, model_xml: str) -> None:
        """Build the model."""
        from tcn_robot.envs import rendering
        from tcn_robot.envs.simulator import mujoco

        self._mujoco: Any = mujoco
        self._model = mujoco.MjModel.from_xml_string(model_xml)
        self._data = mujoco.MjData(self._model)
        self._renderer = rendering.ViewRenderer(self._model)
        self.view_names = tuple(self._model.cam(i).name for i in range(self._model.ncam))

    def set_state(self, state: np.ndarray) -> None:
        """Go to a stored integration state, float64 (S,)."""
        kind = self._mujoco.mjtState.mjSTATE_INTEGRATION
        expected = self._mujoco.mj_stateSize(self._model, kind)
        if state.shape != (expected,):
            raise UserError(
                f"expected states of {expected} numbers, found {state.shape}: states and model "
                "do not belong together; restore the dataset from a copy"
            )
        self._mujoco.mj_setState(self._model, self._data, state, kind)
        self._mujoco.mj_forward(self._model, self._data)

    def render_views(self, views: Sequence[str], size: tuple[int, int]) -> dict[str, np.ndarray]:
        """Return uint8 (H, W, 3) RGB by view; size is (height, width) in pixels."""
        return self._renderer.render(self._data, views, size)

    def camera_parameters(self, view: str, size: tuple[int, int]) -> dict[str, Any]:
        """Return intrinsics (3x3) and extrinsics (4x4, world to camera; OpenCV's axes)."""
        camera = self._data.cam(view)
        fovy_degrees = float(self._model.cam(view).fovy[0])
        return camera_parameters(camera.xpos, camera.xmat.reshape(3, 3), fovy_degrees, size)

    def close(self) -> None:
        """Free the GL contexts."""
        self._renderer.close()


class StoredBulletModel:
    """Renders states of a PyBullet scene.

    Attributes:
        view_names: Every named camera of the scene.
    """

    def __init__(self, text: str) -> None:
        """Load the bodies.

        Raises:
            UserError: When the text is damaged or PyBullet is not installed.
        """
        from tcn_robot.envs.bullet_simulation import BulletSimulation
        from tcn_robot.envs.world import TIMESTEP_SECONDS

        try:
            description = json.loads(text)
        except json.JSONDecodeError as error:
            raise UserError(
                f"the stored model is damaged ({error}); restore the dataset from a copy"
            ) from error
        self._simulation = BulletSimulation(description, TIMESTEP_SECONDS)
        self.view_names = self._simulation.view_names

    def set_state(self, state: np.ndarray) -> None:
        """Go to a stored state, float64 (S,)."""
        if not len(self._simulation.extra):  # what a state holds besides the bodies comes first
            extra = len(state) - len(self._simulation.get_state())
            self._simulation.extra = np.zeros(max(0, extra))
        self._simulation.set_state(state)

    def render_views(self, views: Sequence[str], size: tuple[int, int]) -> dict[str, np.ndarray]:
        """Return uint8 (H, W, 3) RGB by view; size is (height, width) in pixels."""
        return self._simulation.renderer.render(views, size)

    def camera_parameters(self, view: str, size: tuple[int, int]) -> dict[str, Any]:
        """Return intrinsics (3x3) and extrinsics (4x4, world to camera; OpenCV's axes)."""
        return self._simulation.renderer.parameters(view, size)

    def close(self) -> None:
        """Free the simulation."""
        self._simulation.close()

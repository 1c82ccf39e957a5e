"""Models that a dataset stored: they render stored states, no task is needed for it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from tcn_robot.envs.segments import segment_classes
from tcn_robot.envs.world import TIMESTEP_SECONDS
from tcn_robot.errors import UserError


class StoredModel(Protocol):
    """A simulator that shows states of one model.

    Attributes:
        view_names: Every named camera of the model.
    """

    view_names: tuple[str, ...]

    def apply(self, randomisation: dict[str, Any]) -> None:
        """Set what was drawn for an episode; states are set after it."""
        ...

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
        """Free renderers and connections."""
        ...


def open_stored_model(text: str) -> StoredModel:
    """Return the model that a text describes: MuJoCo's XML, or our JSON for PyBullet.

    Tasks of other packages have texts of their own, see `tcn_robot.envs.adapters`.

    Raises:
        UserError: When the text is damaged or of a newer kind, or what renders it is not installed.
    """
    from tcn_robot.envs.adapters.stored import stored_scene

    if (scene := stored_scene(text)) is not None:
        return scene
    if text.lstrip().startswith("{"):
        return StoredBulletModel(text)
    return StoredMujocoModel(text)


class StoredMujocoModel:
    """A MuJoCo model."""

    def __init__(self, model_xml: str) -> None:
        """Compile the model."""
        from tcn_robot.envs import rendering
        from tcn_robot.envs.mujoco.randomisation import MujocoRandomisation
        from tcn_robot.envs.simulator import mujoco

        self._mujoco: Any = mujoco
        self._model = mujoco.MjModel.from_xml_string(model_xml)
        self._data = mujoco.MjData(self._model)
        self._renderer = rendering.ViewRenderer(self._model)
        self._randomisation = MujocoRandomisation(self._model)
        self.view_names = tuple(self._model.cam(i).name for i in range(self._model.ncam))
        roots = [self._model.body(i).name for i in self._model.body_rootid[self._model.geom_bodyid]]
        self.segment_names, of_root = segment_classes(roots)
        # The last one is for pixels without a geom, which have -1.
        self._segment_of_geom = np.array([*(of_root[root] for root in roots), 0], np.uint8)

    def apply(self, randomisation: dict[str, Any]) -> None:
        """Set what was drawn for an episode.

        Raises:
            UserError: For what the model has not.
        """
        self._randomisation.apply(self._data, randomisation)

    def set_state(self, state: np.ndarray) -> None:
        """Go to a stored integration state, float64 (S,).

        Raises:
            UserError: When it belongs to another model.
        """
        state = np.array(state, dtype=np.float64)  # a copy: MuJoCo wants memory it may write to
        kind = self._mujoco.mjtState.mjSTATE_INTEGRATION
        expected = self._mujoco.mj_stateSize(self._model, kind)
        if state.shape != (expected,):
            raise _other_model(expected, state)
        self._mujoco.mj_setState(self._model, self._data, state, kind)
        self._mujoco.mj_forward(self._model, self._data)

    def restage(self, state: np.ndarray) -> np.ndarray:
        """Go to a stored state, but with distractors where they were drawn; return it, (S,)."""
        self.set_state(state)
        staged = np.array(state, dtype=np.float64)
        kind = self._mujoco.mjtState.mjSTATE_INTEGRATION
        # Again, because going there changes what the solver starts from.
        self._mujoco.mj_setState(self._model, self._data, staged, kind)
        self._randomisation.put_distractors(self._data)
        self._mujoco.mj_getState(self._model, self._data, staged, kind)
        self._mujoco.mj_forward(self._model, self._data)
        return staged

    def render_views(self, views: Sequence[str], size: tuple[int, int]) -> dict[str, np.ndarray]:
        """Return uint8 (H, W, 3) RGB by view; size is (height, width) in pixels."""
        self._randomisation.follow(self._data)
        return self._renderer.render(self._data, views, size)

    def segment_views(self, views: Sequence[str], size: tuple[int, int]) -> dict[str, np.ndarray]:
        """Return the class of each pixel, uint8 (H, W), by view; size is (height, width)."""
        self._randomisation.follow(self._data)
        geoms = self._renderer.segment(self._data, views, size)
        return {view: self._segment_of_geom[geom] for view, geom in geoms.items()}

    def camera_parameters(self, view: str, size: tuple[int, int]) -> dict[str, Any]:
        """Return intrinsics (3x3) and extrinsics (4x4, world to camera; OpenCV's axes)."""
        return self._randomisation.camera_parameters(self._data, view, size)

    def close(self) -> None:
        """Free the GL contexts."""
        self._renderer.close()


class StoredBulletModel:
    """A scene of `bullet.model`."""

    def __init__(self, text: str) -> None:
        """Load the bodies.

        Raises:
            UserError: When the text is damaged or of a newer kind, or PyBullet is not installed.
        """
        from tcn_robot.envs.bullet.model import MODEL_FORMAT, SIMULATOR
        from tcn_robot.envs.bullet.simulation import BulletSimulation

        try:
            description = json.loads(text)
        except json.JSONDecodeError as error:
            raise UserError(
                f"the stored model is damaged ({error}); restore the dataset from a copy"
            ) from error
        found = (description.get("simulator"), description.get("format"))
        if found != (SIMULATOR, MODEL_FORMAT):
            raise UserError(
                f"expected a model of {SIMULATOR} in format {MODEL_FORMAT}, found {found[0]} in "
                f"format {found[1]}; it needs another version of tcn_robot"
            )
        self._simulation = BulletSimulation(description, TIMESTEP_SECONDS)
        self.view_names = self._simulation.view_names
        bodies = self._simulation.bodies
        self.segment_names, of_root = segment_classes(bodies)
        self._segment_of_body = {bodies[name].id: segment for name, segment in of_root.items()}

    def apply(self, randomisation: dict[str, Any]) -> None:
        """Set what was drawn for an episode.

        Raises:
            UserError: For what the scene has not.
        """
        self._simulation.randomisation.apply(randomisation)

    def set_state(self, state: np.ndarray) -> None:
        """Go to a stored state, float64 (S,).

        Raises:
            UserError: When it belongs to another model.
        """
        expected = self._simulation.get_state().shape
        if state.shape != expected:
            raise _other_model(expected[0], state)
        self._simulation.set_state(state)
        self._simulation.renderer.time_seconds = float(state[0])

    def restage(self, state: np.ndarray) -> np.ndarray:
        """Go to a stored state, but with distractors where they were drawn; return it, (S,)."""
        self.set_state(state)
        before = self._simulation.get_state()
        self._simulation.randomisation.put_distractors()
        after = self._simulation.get_state()
        return np.where(after == before, state, after)  # PyBullet rounds what it is given

    def render_views(self, views: Sequence[str], size: tuple[int, int]) -> dict[str, np.ndarray]:
        """Return uint8 (H, W, 3) RGB by view; size is (height, width) in pixels."""
        return self._simulation.renderer.render(views, size)

    def segment_views(self, views: Sequence[str], size: tuple[int, int]) -> dict[str, np.ndarray]:
        """Return the class of each pixel, uint8 (H, W), by view; size is (height, width)."""
        segments = np.zeros(max(self._segment_of_body) + 2, np.uint8)  # the last one is for -1
        segments[list(self._segment_of_body)] = list(self._segment_of_body.values())
        bodies = self._simulation.renderer.segment(views, size)
        return {view: segments[body] for view, body in bodies.items()}

    def camera_parameters(self, view: str, size: tuple[int, int]) -> dict[str, Any]:
        """Return intrinsics (3x3) and extrinsics (4x4, world to camera; OpenCV's axes)."""
        return self._simulation.renderer.parameters(view, size)

    def close(self) -> None:
        """Free the simulation."""
        self._simulation.close()


def _other_model(expected: int, state: np.ndarray) -> UserError:
    return UserError(
        f"expected states of {expected} numbers, found {state.shape}: states and model "
        "do not belong together; restore the dataset from a copy"
    )

"""Pictures and states of a package's MuJoCo simulation, live and from a stored model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

from tcn_robot.envs.adapters.packed_mjcf import NotPackable, pack, unpack
from tcn_robot.envs.adapters.views import PlacedCamera, surrounding_cameras
from tcn_robot.envs.cameras import camera_parameters
from tcn_robot.envs.randomisation.table import refuse_any
from tcn_robot.envs.rendering import ViewRenderer, check_views
from tcn_robot.errors import UserError


def simulation_of(env: gymnasium.Env) -> Any | None:
    """Return the object that has a MuJoCo `model` and `data`: the environment or a part of it.

    Mazes hold the simulation of the robot that walks in them.
    """
    import mujoco

    inner = env.unwrapped
    for owner in (inner, *vars(inner).values()):
        owner = owner.unwrapped if isinstance(owner, gymnasium.Env) else owner
        model, data = getattr(owner, "model", None), getattr(owner, "data", None)
        if isinstance(model, mujoco.MjModel) and isinstance(data, mujoco.MjData):
            return owner
    return None


def model_folder(env: gymnasium.Env) -> Path | None:
    """Return the folder of the file that a simulation was loaded from, None where nobody says."""
    inner = env.unwrapped
    for owner in (inner, *vars(inner).values()):
        owner = owner.unwrapped if isinstance(owner, gymnasium.Env) else owner
        path = getattr(owner, "fullpath", None)
        if isinstance(path, str):
            return Path(path).parent
    return None


def cameras_around(simulation: Any) -> dict[str, PlacedCamera]:
    """Return cameras around all that is seen of a simulation but its floor."""
    import mujoco

    model, data = simulation.model, simulation.data
    mujoco.mj_forward(model, data)
    endless = np.isin(model.geom_type, [mujoco.mjtGeom.mjGEOM_PLANE, mujoco.mjtGeom.mjGEOM_HFIELD])
    seen = ~endless & (model.geom_rgba[:, 3] > 0)
    if not seen.any():
        return surrounding_cameras(model.stat.center, 1.6 * float(model.stat.extent))
    places, radii = data.geom_xpos[seen], model.geom_rbound[seen, None]
    low, high = (places - radii).min(axis=0), (places + radii).max(axis=0)
    return surrounding_cameras((low + high) / 2, 1.1 * float(np.linalg.norm(high - low)))


class StoredScene:
    """Renders states of a packed model; no package is needed for it.

    A state is MuJoCo's integration state, then the model's fields that the package changes.

    Attributes:
        view_names: Every named camera of the model.
    """

    def __init__(self, model_text: str) -> None:
        """Compile the model.

        Raises:
            UserError: When the text is damaged, or this version of MuJoCo refuses it.
        """
        from tcn_robot.envs.simulator import mujoco

        packed = unpack(model_text)
        try:
            self.model = mujoco.MjModel.from_xml_string(packed.xml, packed.files)
        except ValueError as error:
            raise UserError(
                f"MuJoCo {mujoco.__version__} refuses a stored model: "
                f"{' '.join(str(error).split())}; restore the dataset from a copy, or use the "
                "version that its episodes name"
            ) from error
        self._mujoco: Any = mujoco
        self._kind = mujoco.mjtState.mjSTATE_INTEGRATION
        self._size = mujoco.mj_stateSize(self.model, self._kind)
        self._fields = packed.state_fields
        self._data = mujoco.MjData(self.model)
        self._renderer = ViewRenderer(self.model)
        names = [self.model.cam(index).name for index in range(self.model.ncam)]
        self.view_names = tuple(name for name in names if name)

    def state_of(self, model: Any, data: Any) -> np.ndarray:
        """Return the state of a simulation of the same model, float64 (S,)."""
        state = np.empty(self._size)
        self._mujoco.mj_getState(model, data, state, self._kind)
        fields = [getattr(model, name).reshape(-1) for name in self._fields]
        return np.concatenate([state, *fields]).astype(np.float64)

    def put_state(self, model: Any, data: Any, state: np.ndarray) -> None:
        """Put a simulation of the same model into a state.

        Raises:
            UserError: When the state belongs to another model.
        """
        state = np.array(state, dtype=np.float64)  # MuJoCo wants memory it may write to
        sizes = [getattr(model, name).size for name in self._fields]
        expected = self._size + sum(sizes)
        if state.shape != (expected,) or not np.isfinite(state).all():
            raise UserError(
                f"expected a state of {expected} finite numbers, found shape {state.shape}: states "
                "and model do not belong together; restore the dataset from a copy"
            )
        own, *parts = np.split(state, np.cumsum([self._size, *sizes])[:-1])
        for name, part in zip(self._fields, parts, strict=True):
            field = getattr(model, name)
            field[:] = part.reshape(field.shape)
        self._mujoco.mj_setState(model, data, own, self._kind)
        self._mujoco.mj_forward(model, data)
        # That has warmed up the solver anew, and where it starts from is part of the state.
        self._mujoco.mj_setState(model, data, own, self._kind)

    def apply(self, randomisation: dict[str, Any]) -> None:
        """Take what an adapted task drew: nothing but where things start.

        Raises:
            UserError: When there is anything.
        """
        refuse_any(randomisation)

    def set_state(self, state: np.ndarray) -> None:
        """Go to a stored state, float64 (S,)."""
        self.put_state(self.model, self._data, state)

    def render_views(self, views: Sequence[str], size: tuple[int, int]) -> dict[str, np.ndarray]:
        """Return uint8 (H, W, 3) RGB by view; size is (height, width) in pixels."""
        check_views(views, self.view_names)
        return self._renderer.render(self._data, views, size)

    def camera_parameters(self, view: str, size: tuple[int, int]) -> dict[str, Any]:
        """Return intrinsics (3x3) in px and extrinsics (4x4, world to camera), as lists."""
        check_views([view], self.view_names)
        camera = self._data.cam(view)
        fovy_degrees = float(self.model.cam(view).fovy[0])
        return camera_parameters(camera.xpos, camera.xmat.reshape(3, 3), fovy_degrees, size)

    def close(self) -> None:
        """Free the GL contexts."""
        self._renderer.close()


class MujocoScene:
    """A package's MuJoCo simulation.

    Pictures are made from its state and the packed model, as `tcn-robot rerender` makes them: both
    agree to the last pixel, and filming never touches the package's own simulation.
    """

    simulator = "mujoco"

    def __init__(
        self,
        simulation: Any,
        folder: Path | None,
        cameras: Mapping[str, PlacedCamera],
        first_views: Sequence[str],
        upright: bool,
        made_by: str,
    ) -> None:
        """Pack the model, which must be the last one that was loaded in this process.

        Args:
            simulation: What has `model` and `data`.
            folder: Folder of the file that the model came from, if any.
            cameras: Cameras to add to the model's own; of the same names they are left out.
            first_views: Views to name first.
            upright: Whether cameras that stand on their heads are turned.
            made_by: Package and version.

        Raises:
            NotPackable: When the model cannot be stored.
        """
        self._simulation = simulation
        model = simulation.model
        own = [model.cam(index).name for index in range(model.ncam)]
        added = {name: camera for name, camera in cameras.items() if name not in own}
        self.model_text = pack(model, folder, added, upright, made_by)
        try:
            self._pictures = StoredScene(self.model_text)
        except UserError as error:
            raise NotPackable(str(error)) from error
        if _shape(self._pictures.model) != _shape(model):
            raise NotPackable("the model that was loaded last is another one")
        names = self._pictures.view_names
        first = list(dict.fromkeys(name for name in (*first_views, *own) if name in names))
        self.view_names = (*first, *(name for name in names if name not in first))
        self._shown = False

    def moved(self) -> None:
        """Place what the package draws for people only, such as the goal, and look again."""
        draw = getattr(self._simulation, "_render_callback", None)
        if draw is not None:
            draw()
        self._shown = False

    def render_views(self, views: Sequence[str], size: tuple[int, int]) -> dict[str, np.ndarray]:
        """Return uint8 (H, W, 3) RGB by view; size is (height, width) in pixels."""
        self._show()
        return self._pictures.render_views(views, size)

    def camera_parameters(self, view: str, size: tuple[int, int]) -> dict[str, Any]:
        """Return intrinsics (3x3) in px and extrinsics (4x4, world to camera), as lists."""
        self._show()
        return self._pictures.camera_parameters(view, size)

    def get_state(self) -> np.ndarray:
        """Return MuJoCo's integration state and the model's changed fields, float64 (S,)."""
        return self._pictures.state_of(self._simulation.model, self._simulation.data)

    def set_state(self, state: np.ndarray) -> None:
        """Go to a state that `get_state` gave."""
        self._pictures.put_state(self._simulation.model, self._simulation.data, state)
        self._shown = False

    def close(self) -> None:
        """Free the GL contexts."""
        self._pictures.close()

    def _show(self) -> None:
        if not self._shown:
            self._pictures.set_state(self.get_state())
            self._shown = True


def _shape(model: Any) -> tuple[int, ...]:
    return (model.nq, model.nv, model.nu, model.na, model.nbody, model.ngeom, model.nsite)

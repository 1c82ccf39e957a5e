"""Sets what was drawn for an episode in a compiled MuJoCo model, in place, and takes it back.

Worlds and stored models share it: a recorded episode is rendered again by the same code.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tcn_robot.envs.bodies.hand import SKINS
from tcn_robot.envs.cameras import camera_parameters
from tcn_robot.envs.randomisation.camera_poses import CameraEntry, camera_pose, is_moving
from tcn_robot.envs.randomisation.colours import is_skin, shifted_colour
from tcn_robot.envs.randomisation.distractors import DISTRACTORS
from tcn_robot.envs.randomisation.drawing import Drawn, check_drawn
from tcn_robot.envs.randomisation.table import SKIN
from tcn_robot.envs.simulator import mujoco
from tcn_robot.envs.things import quaternion_of

# All that is ever changed of a model.
_FIELDS = (
    "light_dir",
    "light_diffuse",
    "geom_rgba",
    "geom_matid",
    "geom_friction",
    "mat_texrepeat",
    "cam_pos",
    "cam_quat",
    "cam_fovy",
    "body_pos",
    "body_quat",
    "body_mass",
    "body_inertia",
    "body_subtreemass",
    "body_invweight0",
    "dof_M0",
    "dof_invweight0",
)
_HEADLIGHT_FIELDS = ("ambient", "diffuse")
_BODY_ROOTS = ("base", "palm")  # of an arm, of what floats
_DEFAULT_RGBA = (0.5, 0.5, 0.5, 1.0)  # MuJoCo's, which stands for the material's


class MujocoRandomisation:
    """What was drawn, in one model."""

    def __init__(self, model: mujoco.MjModel) -> None:
        """Keep a copy of everything that may change."""
        self._model = model
        self._pristine = {name: getattr(model, name).copy() for name in _FIELDS}
        headlight = model.vis.headlight
        self._pristine_headlight = {
            name: np.array(getattr(headlight, name)) for name in _HEADLIGHT_FIELDS
        }
        self._moving: dict[str, CameraEntry] = {}
        names = [model.body(index).name for index in range(model.nbody)]
        self._bodies = {name: index for index, name in enumerate(names) if name}
        self._distractors = [thing.name for thing in DISTRACTORS if thing.name in self._bodies]
        self._cameras = tuple(model.cam(index).name for index in range(model.ncam))
        roots = [self._bodies[name] for name in _BODY_ROOTS if name in self._bodies]
        of_body = np.isin(model.body_rootid[model.geom_bodyid], roots)
        self._body_geoms = np.flatnonzero(of_body)

    def apply(self, data: mujoco.MjData, drawn: Drawn) -> None:
        """Set what was drawn; what it does not name is as the model was compiled.

        Distractors are moved in `data` too; nothing else in it changes but for derived quantities.

        Raises:
            UserError: For names that the model has not.
        """
        check_drawn(drawn, self._bodies, self._cameras)
        self._restore(data)
        if "light" in drawn:
            self._light(drawn["light"])
        if "colour" in drawn:
            self._colour(drawn["colour"])
        if SKIN in drawn:
            self._skin(drawn[SKIN])
        if "texture" in drawn:
            self._texture(drawn["texture"])
        for thing, factor in drawn.get("friction", {}).get("things", {}).items():
            self._model.geom_friction[self._geoms(thing), 0] *= factor
        self._model.geom_friction[self._body_geoms, 0] *= drawn.get("friction", {}).get("body", 1.0)
        for thing, factor in drawn.get("mass", {}).get("things", {}).items():
            self._mass(self._bodies[thing], factor)
        for view, entry in drawn.get("camera", {}).items():
            self._model.cam(view).fovy = entry["fovy_degrees"]
            self._aim(view, entry, 0.0)
        cameras = drawn.get("camera", {}).items()
        self._moving = {view: entry for view, entry in cameras if is_moving(entry)}
        for thing, entry in drawn.get("distractors", {}).items():
            self._distractor(data, thing, entry)
        mujoco.mj_kinematics(self._model, data)
        mujoco.mj_camlight(self._model, data)

    def put_distractors(self, data: mujoco.MjData) -> None:
        """Put distractors where they were drawn, after a state was set that has them elsewhere."""
        for thing in self._distractors:
            body = self._bodies[thing]
            self._put(data, body, self._model.body_pos[body], self._model.body_quat[body])

    def camera_parameters(
        self, data: mujoco.MjData, view: str, size: tuple[int, int]
    ) -> dict[str, Any]:
        """Return intrinsics and extrinsics of this moment, and `moving` when they change."""
        self.follow(data)
        camera = data.cam(view)
        fovy_degrees = float(self._model.cam(view).fovy[0])
        parameters: dict[str, Any] = camera_parameters(
            camera.xpos, camera.xmat.reshape(3, 3), fovy_degrees, size
        )
        if view in self._moving or self._model.cam(view).bodyid[0] != 0:
            parameters["moving"] = True
        return parameters

    def follow(self, data: mujoco.MjData) -> None:
        """Aim the moving cameras as they are at the time of the data."""
        if self._moving:
            for view, entry in self._moving.items():
                self._aim(view, entry, float(data.time))
            mujoco.mj_camlight(self._model, data)

    # Inside -------------------------------------------------------------------------------------

    def _restore(self, data: mujoco.MjData) -> None:
        for name, values in self._pristine.items():
            getattr(self._model, name)[:] = values
        for name, values in self._pristine_headlight.items():
            getattr(self._model.vis.headlight, name)[:] = values
        self.put_distractors(data)

    def _geoms(self, thing: str) -> np.ndarray:
        return np.flatnonzero(self._model.geom_bodyid == self._bodies[thing])

    def _aim(self, view: str, entry: CameraEntry, time_seconds: float) -> None:
        at, rotation = camera_pose(entry, time_seconds)
        camera = self._model.cam(view)
        camera.pos, camera.quat = at, quaternion_of(rotation)

    def _put(
        self,
        data: mujoco.MjData,
        body: int,
        at_metres: Sequence[float] | np.ndarray,
        quaternion: Sequence[float] | np.ndarray,
    ) -> None:
        """Put what only the task moves somewhere, in the model too: resets keep it there."""
        mocap = self._model.body_mocapid[body]
        self._model.body_pos[body], self._model.body_quat[body] = at_metres, quaternion
        data.mocap_pos[mocap], data.mocap_quat[mocap] = at_metres, quaternion

    def _light(self, drawn: Drawn) -> None:
        self._model.light_dir[:] = drawn["direction"]
        self._model.light_diffuse[:] = drawn["diffuse"]
        self._model.vis.headlight.ambient[:] = drawn["ambient"]
        self._model.vis.headlight.diffuse[:] = drawn["headlight"]

    def _colour(self, drawn: Drawn) -> None:
        for ground in ("table", "floor"):
            self._model.geom(ground).rgba[:3] = drawn[ground]
        for geom in self._body_geoms:
            self._shift(geom, drawn["body"])
        for thing, shift in drawn["things"].items():
            for geom in self._geoms(thing):
                self._shift(geom, shift)

    def _shift(self, geom: Any, shift: Sequence[float]) -> None:
        rgba, material = self._model.geom_rgba[geom], self._model.geom_matid[geom]
        if material >= 0 and np.array_equal(rgba, _DEFAULT_RGBA):
            rgba[:] = self._model.mat_rgba[material]
        rgba[:3] = shifted_colour(rgba, shift)

    def _skin(self, rgb: Sequence[float]) -> None:
        for geom in self._body_geoms:
            if is_skin(self._pristine["geom_rgba"][geom], SKINS):
                self._model.geom_rgba[geom, :3] = rgb

    def _texture(self, drawn: Drawn) -> None:
        material = self._model.mat(drawn["table"]).id
        self._model.geom("table").matid[0] = material
        self._model.mat_texrepeat[material] = drawn["repeat"]

    def _mass(self, body: int, factor: float) -> None:
        """Make a thing heavier, and what MuJoCo derived from it: nothing else hangs on it."""
        model = self._model
        added = (factor - 1.0) * model.body_mass[body]
        ancestor = body
        while ancestor != 0:
            model.body_subtreemass[ancestor] += added
            ancestor = model.body_parentid[ancestor]
        model.body_subtreemass[0] += added
        model.body_mass[body] *= factor
        model.body_inertia[body] *= factor
        model.body_invweight0[body] /= factor
        first, count = model.body_dofadr[body], model.body_dofnum[body]
        model.dof_M0[first : first + count] *= factor
        model.dof_invweight0[first : first + count] /= factor

    def _distractor(self, data: mujoco.MjData, thing: str, entry: Drawn) -> None:
        self._put(data, self._bodies[thing], entry["at_metres"], entry["quaternion"])
        self._model.geom_rgba[self._geoms(thing), :3] = entry["rgb"]

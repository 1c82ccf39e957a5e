"""A table with a body in MuJoCo."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tcn_robot.envs.bodies.body import roll_of
from tcn_robot.envs.cameras import VIEW_NAMES
from tcn_robot.envs.mujoco.model import TIP_SITE, model_xml
from tcn_robot.envs.mujoco.randomisation import MujocoRandomisation
from tcn_robot.envs.randomisation.table import RANGES
from tcn_robot.envs.rendering import ViewRenderer, check_views
from tcn_robot.envs.simulator import mujoco
from tcn_robot.envs.tolerance import clip
from tcn_robot.envs.world import NUM_RAMP_PIECES, Scene
from tcn_robot.errors import UserError

STATE = mujoco.mjtState.mjSTATE_INTEGRATION


class MujocoWorld:
    """A simulated table with a body; `World` says what its members mean.

    The joints of the body come first in MuJoCo's arrays, then the fingers', then the things'.
    """

    simulator = "mujoco"
    randomisations = tuple(RANGES)

    def __init__(self, scene: Scene) -> None:
        """Build the model of a scene."""
        self.scene = scene
        self.version = 0
        self.model_text = model_xml(scene)
        self.model = mujoco.MjModel.from_xml_string(self.model_text)
        self.data = mujoco.MjData(self.model)
        self._renderer = ViewRenderer(self.model, scene.shadows)
        self._randomisation = MujocoRandomisation(self.model)
        self._num_joints = scene.body.carrier.num_joints
        self._travel = np.array([finger.travel for finger in scene.body.effector.fingers])
        self._tip = self.model.site(TIP_SITE).id
        ramp_seconds = 1.0 / (scene.control_hz * NUM_RAMP_PIECES)
        self._substeps = round(ramp_seconds / self.model.opt.timestep)
        self._bodies = {thing.name: self.model.body(thing.name).id for thing in scene.things}
        body_of_geom = self.model.geom_bodyid
        self._of_effector = np.isin(
            body_of_geom, [self.model.body(name).id for name in ("palm", "finger1", "finger2")]
        )
        self._joints = {
            thing.name: self.data.joint(thing.name)
            for thing in scene.things
            if thing.motion != "placed"
        }

    # The body -----------------------------------------------------------------------------------

    @property
    def joints(self) -> np.ndarray:
        """The carrier's joints (J,) as they are."""
        return self.data.qpos[: self._num_joints].copy()

    @property
    def joint_targets(self) -> np.ndarray:
        """The carrier's joints (J,) as last commanded."""
        return self.data.ctrl[: self._num_joints].copy()

    @property
    def joint_velocities(self) -> np.ndarray:
        """How fast the carrier's joints move, (J,) in rad/s or m/s."""
        return self.data.qvel[: self._num_joints].copy()

    @property
    def opening(self) -> float:
        """How far the fingers are open, 0 to 1."""
        first, second = self.data.qpos[self._num_joints : self._num_joints + 2] / self._travel
        return clip(0.5 * (first + second))

    @property
    def opening_target(self) -> float:
        """How far they were told to open."""
        return float(self.data.ctrl[self._num_joints] / self._travel[0])

    @property
    def tip_metres(self) -> np.ndarray:
        """Where the tip is, (3,)."""
        return self.data.site_xpos[self._tip].copy()

    @property
    def roll_radians(self) -> float:
        """The tool's turn about its own axis."""
        return roll_of(self.data.site_xmat[self._tip].reshape(3, 3), self.scene.tool)

    @property
    def time_seconds(self) -> float:
        """Seconds since the reset on the simulation's clock."""
        return float(self.data.time)

    # Going on -----------------------------------------------------------------------------------

    def clear(self) -> None:
        """Put every thing where its description has it, everything at rest, the clock to 0."""
        mujoco.mj_resetData(self.model, self.data)
        self._moved()

    def apply(self, drawn: dict[str, Any]) -> None:
        """Set what `randomisation.draw` returned; {} takes all of it back.

        Raises:
            UserError: For what the model has not.
        """
        self._randomisation.apply(self.data, drawn)
        self.version += 1

    def stand(self, joints: np.ndarray, opening: float) -> None:
        """Put the body there at rest and let positions follow, without passing time."""
        targets = np.concatenate([joints, opening * self._travel])
        self.data.qpos[: len(targets)] = targets
        self.data.qvel[: len(targets)] = 0.0
        self.data.ctrl[:] = targets
        mujoco.mj_forward(self.model, self.data)
        self.version += 1

    def command(self, joint_targets: np.ndarray, opening_target: float) -> None:
        """Simulate one control step, the targets moving evenly to the given ones."""
        # Ramps, not jumps: the tip follows the command without overshooting.
        start = self.data.ctrl.copy()
        targets = np.concatenate([joint_targets, opening_target * self._travel])
        for share in np.arange(1, NUM_RAMP_PIECES + 1) / NUM_RAMP_PIECES:
            self.data.ctrl[:] = start + share * (targets - start)
            mujoco.mj_step(self.model, self.data, nstep=self._substeps)
        # Positions of sites and contacts belong to the step before until this call.
        mujoco.mj_forward(self.model, self.data)
        self.version += 1

    # The things ---------------------------------------------------------------------------------

    def position(self, thing: str) -> np.ndarray:
        """Where a thing is, (3,)."""
        return self.data.xpos[self._bodies[thing]].copy()

    def quaternion(self, thing: str) -> np.ndarray:
        """How it is turned, (4,)."""
        return self.data.xquat[self._bodies[thing]].copy()

    def velocity(self, thing: str) -> np.ndarray:
        """Its linear velocity, (3,) in m/s."""
        if thing not in self._joints:
            return np.zeros(3)
        joint = self._joints[thing]
        if len(joint.qvel) == 6:
            return joint.qvel[:3].copy()
        return np.asarray(joint.qvel[0] * joint.xaxis)

    def place(
        self,
        thing: str,
        position: Sequence[float] | np.ndarray,
        quaternion: Sequence[float] | np.ndarray | None = None,
    ) -> None:
        """Put a thing elsewhere at rest; None leaves it turned as it is.

        A sliding thing is put where it is at position 0 of its slide, which stays as it is.
        """
        body = self._bodies[thing]
        turned = self.data.xquat[body].copy() if quaternion is None else np.asarray(quaternion)
        # A sliding thing is moved with the stand that carries it.
        mocap = self.model.body_mocapid[[body, self.model.body_parentid[body]]].max()
        if thing in self._joints:
            self._joints[thing].qvel[:] = 0.0
        if mocap >= 0:
            self.data.mocap_pos[mocap] = position
            self.data.mocap_quat[mocap] = turned
        else:
            self._joints[thing].qpos[:3] = position
            self._joints[thing].qpos[3:] = turned
        self._moved()

    def slide(self, thing: str) -> float:
        """Position of a sliding thing along its axis, in metres."""
        return float(self._joints[thing].qpos[0])

    def set_slide(self, thing: str, metres: float) -> None:
        """Move a sliding thing along its axis and leave it at rest."""
        self._joints[thing].qpos[0] = metres
        self._joints[thing].qvel[0] = 0.0
        self._moved()

    def touching(self, thing: str) -> bool:
        """Whether the effector touches a thing."""
        pairs = self.data.contact.geom  # (contacts, 2)
        if not len(pairs):
            return False
        ours = self._of_effector[pairs]
        its = self.model.geom_bodyid[pairs] == self._bodies[thing]
        return bool(((ours[:, 0] & its[:, 1]) | (ours[:, 1] & its[:, 0])).any())

    # Pictures and states ------------------------------------------------------------------------

    def render(self, views: Sequence[str], size: tuple[int, int]) -> dict[str, np.ndarray]:
        """Return uint8 (height, width, 3) RGB by view; size is (height, width) in pixels."""
        check_views(views, VIEW_NAMES)
        self._randomisation.follow(self.data)
        return self._renderer.render(self.data, views, size)

    def camera_parameters(self, view: str, size: tuple[int, int]) -> dict[str, Any]:
        """Return intrinsics (3, 3) in px and extrinsics (4, 4), world to camera, as lists."""
        check_views([view], VIEW_NAMES)
        return self._randomisation.camera_parameters(self.data, view, size)

    def get_state(self) -> np.ndarray:
        """Return MuJoCo's full integration state, float64 (S,)."""
        state = np.empty(mujoco.mj_stateSize(self.model, STATE))
        mujoco.mj_getState(self.model, self.data, state, STATE)
        return state

    def set_state(self, state: np.ndarray) -> None:
        """Go to a state that `get_state` returned.

        Raises:
            UserError: When it belongs to another model.
        """
        state = np.array(state, dtype=np.float64)  # MuJoCo wants memory it may write to
        expected = mujoco.mj_stateSize(self.model, STATE)
        if state.shape != (expected,) or not np.isfinite(state).all():
            raise UserError(
                f"expected a state of {expected} finite numbers, found shape {state.shape}: "
                "it belongs to another model"
            )
        mujoco.mj_setState(self.model, self.data, state, STATE)
        mujoco.mj_forward(self.model, self.data)
        self.version += 1

    def close(self) -> None:
        """Free the renderers."""
        self._renderer.close()

    def _moved(self) -> None:
        mujoco.mj_kinematics(self.model, self.data)
        self.version += 1

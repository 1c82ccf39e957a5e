"""A table with a body in PyBullet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tcn_robot.envs.bodies.body import roll_of
from tcn_robot.envs.bullet.client import import_bullet
from tcn_robot.envs.bullet.model import PALM, SIMULATOR, description_text, scene_description
from tcn_robot.envs.bullet.motors import BulletMotors
from tcn_robot.envs.bullet.randomisation import BULLET_RANDOMISATIONS
from tcn_robot.envs.bullet.simulation import BulletSimulation
from tcn_robot.envs.cameras import VIEW_NAMES
from tcn_robot.envs.rendering import check_views
from tcn_robot.envs.things import rotation_matrix
from tcn_robot.envs.tolerance import clip
from tcn_robot.envs.world import TIMESTEP_SECONDS, Scene

TOUCH_METRES = 0.0005


class BulletWorld:
    """A simulated table with a body; `World` says what its members mean.

    Joints of the body are the carrier's first, then the fingers'. Every control step begins with
    no memory of earlier contacts, so that it depends on the state alone.
    """

    simulator = SIMULATOR
    randomisations = BULLET_RANDOMISATIONS

    def __init__(self, scene: Scene) -> None:
        """Build the model of a scene.

        Raises:
            UserError: When PyBullet is not installed.
        """
        import_bullet()  # before the arm's model is missed, which comes with it
        self.scene = scene
        self.version = 0
        description = scene_description(scene)
        self.model_text = description_text(description)
        self._simulation = BulletSimulation(description, TIMESTEP_SECONDS)
        self._bullet = self._simulation.bullet
        self._body = self._simulation.body
        self._palm = self._body.links[PALM]
        self._things = {thing.name: thing for thing in scene.things}
        self._num_joints = scene.body.carrier.num_joints
        self._travel = np.array([finger.travel for finger in scene.body.effector.fingers])
        self._motors = BulletMotors(scene, self._simulation)
        self._substeps = round(1.0 / (scene.control_hz * TIMESTEP_SECONDS))
        self._targets = np.zeros(self._num_joints + 2)
        self._time_seconds = 0.0
        self._state = self._start = np.zeros(0)
        self._moved()
        self._start = self._state

    # The body -----------------------------------------------------------------------------------

    @property
    def joints(self) -> np.ndarray:
        """The carrier's joints (J,) as they are."""
        return self._simulation.joint_positions(self._body)[: self._num_joints]

    @property
    def joint_targets(self) -> np.ndarray:
        """The carrier's joints (J,) as last commanded."""
        return self._targets[: self._num_joints].copy()

    @property
    def joint_velocities(self) -> np.ndarray:
        """How fast the carrier's joints move, (J,) in rad/s or m/s."""
        return self._simulation.joint_velocities(self._body)[: self._num_joints]

    @property
    def opening(self) -> float:
        """How far the fingers are open, 0 to 1."""
        fingers = self._simulation.joint_positions(self._body)[self._num_joints :]
        first, second = fingers / self._travel
        return clip(0.5 * (first + second))

    @property
    def opening_target(self) -> float:
        """How far they were told to open."""
        return float(self._targets[self._num_joints] / self._travel[0])

    @property
    def tip_metres(self) -> np.ndarray:
        """Where the tip is, (3,)."""
        at, rotation = self._palm_pose()
        return at + self.scene.body.effector.tip_metres * rotation[:, 2]

    @property
    def roll_radians(self) -> float:
        """The tool's turn about its own axis."""
        return roll_of(self._palm_pose()[1], self.scene.tool)

    @property
    def time_seconds(self) -> float:
        """Seconds since the reset on the simulation's clock."""
        return self._time_seconds

    # Going on -----------------------------------------------------------------------------------

    def clear(self) -> None:
        """Put every thing where its description has it, everything at rest, the clock to 0."""
        self.set_state(self._start)

    def apply(self, drawn: dict[str, Any]) -> None:
        """Set what `randomisation.draw` returned; {} takes all of it back.

        Raises:
            UserError: For what the scene has not, or what cannot be set here.
        """
        self._simulation.randomisation.apply(drawn)
        self._moved()

    def stand(self, joints: np.ndarray, opening: float) -> None:
        """Put the body there at rest and let positions follow, without passing time."""
        self._targets = np.concatenate([joints, opening * self._travel])
        self._simulation.set_joints(self._body, self._targets)
        self._moved()

    def command(self, joint_targets: np.ndarray, opening_target: float) -> None:
        """Simulate one control step, the targets moving evenly to the given ones."""
        self._simulation.forget_contacts()
        # Ramps, not jumps: the tip follows the command without overshooting.
        start = self._targets
        end = np.concatenate([joint_targets, opening_target * self._travel])
        for share in np.arange(1, self._substeps + 1) / self._substeps:
            self._targets = start + share * (end - start)
            self._motors.drive(self._targets)
            self._bullet.stepSimulation()
        self._time_seconds += self._substeps * TIMESTEP_SECONDS
        self._moved()

    # The things ---------------------------------------------------------------------------------

    def position(self, thing: str) -> np.ndarray:
        """Where a thing is, (3,)."""
        return self._pose(thing)[0]

    def quaternion(self, thing: str) -> np.ndarray:
        """How it is turned, (4,)."""
        return self._pose(thing)[1]

    def velocity(self, thing: str) -> np.ndarray:
        """Its linear velocity, (3,) in m/s."""
        body, described = self._simulation.bodies[thing], self._things[thing]
        if described.motion == "placed":
            return np.zeros(3)
        if described.slide is not None:
            state = self._bullet.getLinkState(body.id, body.joints[0], computeLinkVelocity=1)
            return np.array(state[6])
        return np.array(self._bullet.getBaseVelocity(body.id)[0])

    def place(
        self,
        thing: str,
        position: Sequence[float] | np.ndarray,
        quaternion: Sequence[float] | np.ndarray | None = None,
    ) -> None:
        """Put a thing elsewhere at rest; None leaves it turned as it is.

        A sliding thing is put where it is at position 0 of its slide, which stays as it is.
        """
        body = self._simulation.bodies[thing]
        turned = self.quaternion(thing) if quaternion is None else quaternion
        self._simulation.place(body, position, turned)
        if body.joints:
            self._simulation.set_joints(body, self._simulation.joint_positions(body))
        self._moved()

    def slide(self, thing: str) -> float:
        """Position of a sliding thing along its axis, in metres."""
        return float(self._simulation.joint_positions(self._simulation.bodies[thing])[0])

    def set_slide(self, thing: str, metres: float) -> None:
        """Move a sliding thing along its axis and leave it at rest."""
        self._simulation.set_joints(self._simulation.bodies[thing], np.array([metres]))
        self._moved()

    def touching(self, thing: str) -> bool:
        """Whether the effector touches a thing."""
        other = self._simulation.bodies[thing].id
        return bool(self._bullet.getClosestPoints(self._body.id, other, TOUCH_METRES))

    # Pictures and states ------------------------------------------------------------------------

    def render(self, views: Sequence[str], size: tuple[int, int]) -> dict[str, np.ndarray]:
        """Return uint8 (height, width, 3) RGB by view; size is (height, width) in pixels."""
        check_views(views, VIEW_NAMES)
        self._simulation.renderer.time_seconds = self._time_seconds
        return self._simulation.renderer.render(views, size)

    def camera_parameters(self, view: str, size: tuple[int, int]) -> dict[str, Any]:
        """Return intrinsics (3, 3) in px and extrinsics (4, 4), world to camera, as lists."""
        check_views([view], VIEW_NAMES)
        self._simulation.renderer.time_seconds = self._time_seconds
        return self._simulation.renderer.parameters(view, size)

    def get_state(self) -> np.ndarray:
        """Return time, targets, and poses and velocities of everything, float64 (S,)."""
        return self._state.copy()

    def set_state(self, state: np.ndarray) -> None:
        """Go to a state that `get_state` returned.

        Raises:
            UserError: When it belongs to another model.
        """
        self._simulation.set_state(state)
        self._time_seconds = float(self._simulation.commands[0])
        self._targets = self._simulation.commands[1:].copy()
        self._state = np.array(state, dtype=np.float64)
        self.version += 1

    def close(self) -> None:
        """Free the simulation."""
        self._simulation.close()

    def _moved(self) -> None:
        """Take down the state after a change, and go on from what was taken down.

        Bullet turns quaternions into matrices and back when they are set: only a state that was
        set again is to the last bit the one that is remembered.
        """
        self._simulation.commands = np.concatenate([[self._time_seconds], self._targets])
        self._state = self._simulation.get_state()
        self._simulation.set_state(self._state)
        self.version += 1

    def _palm_pose(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the palm's position (3,) and rotation (3, 3)."""
        state = self._bullet.getLinkState(self._body.id, self._palm, computeForwardKinematics=1)
        return np.array(state[4]), _rotation(state[5])

    def _pose(self, thing: str) -> tuple[np.ndarray, np.ndarray]:
        body = self._simulation.bodies[thing]
        if self._things[thing].slide is None:
            return self._simulation.pose(body)
        state = self._bullet.getLinkState(body.id, body.joints[0], computeForwardKinematics=1)
        x, y, z, w = state[5]
        return np.array(state[4]), np.array([w, x, y, z])


def _rotation(quaternion: Sequence[float]) -> np.ndarray:
    """Return the rotation (3, 3) of PyBullet's quaternion (x, y, z, w)."""
    x, y, z, w = quaternion
    return rotation_matrix((w, x, y, z))

"""A table with a body in PyBullet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tcn_robot.envs.bodies.body import roll_of
from tcn_robot.envs.bullet_model import (
    ARM_FORCE,
    PALM,
    SIMULATOR,
    description_text,
    finger_limit,
    scene_description,
)
from tcn_robot.envs.bullet_simulation import BulletSimulation
from tcn_robot.envs.cameras import VIEW_NAMES
from tcn_robot.envs.rendering import check_views
from tcn_robot.envs.things import rotation_matrix
from tcn_robot.envs.world import TIMESTEP_SECONDS, Scene

GAIN = 0.3
"""Share of the way to its target that a motor asks for in one timestep."""
HOLDING_SHARE = 0.05
"""Of a finger's force limit: what holds it in its place when nothing is squeezed."""
SQUEEZE_DAMPING_SECONDS = 0.02
"""Damping of the fingers' springs over their stiffness: nearly critical for every effector."""
TOUCH_METRES = 0.0005


class BulletWorld:
    """A simulated table with a body; `World` says what its members mean.

    Joints of the body are the carrier's first, then the fingers'. Every control step begins with
    no memory of earlier contacts, so that it depends on the state alone.
    """

    simulator = SIMULATOR

    def __init__(self, scene: Scene) -> None:
        """Build the model of a scene.

        Raises:
            UserError: When PyBullet is not installed.
        """
        self.scene = scene
        self.version = 0
        description = scene_description(scene)
        self.model_text = description_text(description)
        self._simulation = BulletSimulation(description, TIMESTEP_SECONDS)
        self._bullet = self._simulation.bullet
        self._body = self._simulation.body
        self._palm = self._body.links[PALM]
        self._things = {thing.name: thing for thing in scene.things}
        self._sliding = {thing.name: thing.slide for thing in scene.things if thing.slide}
        self._num_joints = scene.body.carrier.num_joints
        fingers = scene.body.effector.fingers
        self._travel = np.array([finger.travel for finger in fingers])
        self._finger_limits = np.array([finger_limit(finger) for finger in fingers])
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
    def opening(self) -> float:
        """How far the fingers are open, 0 to 1."""
        fingers = self._simulation.joint_positions(self._body)[self._num_joints :]
        return float(np.clip((fingers / self._travel).mean(), 0.0, 1.0))

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
            self._drive()
            for name in self._sliding:
                self._resist(name)
            self._bullet.stepSimulation()
        self._time_seconds += self._substeps * TIMESTEP_SECONDS
        self._moved()

    def _drive(self) -> None:
        """Set the motors: the carrier's as good as rigid, the fingers' like damped springs."""
        states = self._bullet.getJointStates(self._body.id, self._body.joints[self._num_joints :])
        fingers = np.array([state[:2] for state in states])  # (2, position and velocity)
        way = self._targets[self._num_joints :] - fingers[:, 0]
        squeeze = np.abs(way - SQUEEZE_DAMPING_SECONDS * fingers[:, 1])
        forces = self.scene.body.effector.squeeze * squeeze + HOLDING_SHARE * self._finger_limits
        forces = np.minimum(forces, self._finger_limits)
        self._bullet.setJointMotorControlArray(
            self._body.id,
            self._body.joints,
            self._bullet.POSITION_CONTROL,
            targetPositions=self._targets.tolist(),
            forces=[ARM_FORCE] * self._num_joints + forces.tolist(),
            positionGains=[GAIN] * len(self._targets),
            velocityGains=[1.0] * len(self._targets),
        )

    def _resist(self, thing: str) -> None:
        """Set spring, damping and friction of a sliding thing."""
        bullet, body, slide = self._bullet, self._simulation.bodies[thing], self._sliding[thing]
        position, velocity = bullet.getJointState(body.id, body.joints[0])[:2]
        brake = slide.friction_newton + slide.damping * abs(velocity)
        # A motor that wants rest can brake but never push, however light the thing is.
        bullet.setJointMotorControl2(
            body.id, body.joints[0], bullet.VELOCITY_CONTROL, targetVelocity=0.0, force=brake
        )
        if slide.stiffness > 0.0:
            spring = -slide.stiffness * position
            bullet.setJointMotorControl2(
                body.id, body.joints[0], bullet.TORQUE_CONTROL, force=spring
            )

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
        return self._simulation.renderer.render(views, size)

    def camera_parameters(self, view: str, size: tuple[int, int]) -> dict[str, Any]:
        """Return intrinsics (3, 3) in px and extrinsics (4, 4), world to camera, as lists."""
        check_views([view], VIEW_NAMES)
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
        self._time_seconds = float(self._simulation.extra[0])
        self._targets = self._simulation.extra[1:].copy()
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
        self._simulation.extra = np.concatenate([[self._time_seconds], self._targets])
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

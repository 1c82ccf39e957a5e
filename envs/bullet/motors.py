"""What moves joints in PyBullet: the body's servos, and what resists in sliding things."""

from __future__ import annotations

import numpy as np

from tcn_robot.envs.bullet.model import ARM_FORCE, finger_limit
from tcn_robot.envs.bullet.simulation import BulletSimulation, LoadedBody
from tcn_robot.envs.things import Slide
from tcn_robot.envs.world import Scene

GAIN = 0.3
"""Share of the way to its target that a motor asks for in one timestep."""
HOLDING_SHARE = 0.05
"""Of a finger's force limit: what holds it in its place when nothing is squeezed."""
SQUEEZE_DAMPING_SECONDS = 0.02
"""Damping of the fingers' springs over their stiffness: nearly critical for every effector."""


class BulletMotors:
    """Sets the forces of one scene; has to be asked again before every timestep."""

    def __init__(self, scene: Scene, simulation: BulletSimulation) -> None:
        """Bind to a scene and the simulation of it."""
        self._bullet, self._body = simulation.bullet, simulation.body
        self._num_joints = scene.body.carrier.num_joints
        self._squeeze = scene.body.effector.squeeze
        fingers = scene.body.effector.fingers
        self._finger_limits = np.array([finger_limit(finger) for finger in fingers])
        self._sliding = [
            (simulation.bodies[thing.name], thing.slide) for thing in scene.things if thing.slide
        ]

    def drive(self, targets: np.ndarray) -> None:
        """Set everything for the next timestep.

        Args:
            targets: (J + 2,) of the carrier's joints, then the fingers', in metres or radians.
        """
        forces = [ARM_FORCE] * self._num_joints + self._finger_forces(targets).tolist()
        self._bullet.setJointMotorControlArray(
            self._body.id,
            self._body.joints,
            self._bullet.POSITION_CONTROL,
            targetPositions=targets.tolist(),
            forces=forces,
            positionGains=[GAIN] * len(targets),
            velocityGains=[1.0] * len(targets),
        )
        for body, slide in self._sliding:
            self._resist(body, slide)

    def _finger_forces(self, targets: np.ndarray) -> np.ndarray:
        """Return the fingers' greatest forces (2,): those of damped springs.

        A constant force would let what is held drift from one finger to the other.
        """
        states = self._bullet.getJointStates(self._body.id, self._body.joints[self._num_joints :])
        fingers = np.array([state[:2] for state in states])  # (2, position and velocity)
        way = targets[self._num_joints :] - fingers[:, 0]
        stretch = np.abs(way - SQUEEZE_DAMPING_SECONDS * fingers[:, 1])
        forces = self._squeeze * stretch + HOLDING_SHARE * self._finger_limits
        return np.minimum(forces, self._finger_limits)

    def _resist(self, body: LoadedBody, slide: Slide) -> None:
        """Set spring, damping and friction of a sliding thing."""
        bullet, joint = self._bullet, body.joints[0]
        position, velocity = bullet.getJointState(body.id, joint)[:2]
        brake = slide.friction_newton + slide.damping * abs(velocity)
        # A motor that wants rest can brake but never push, however light the thing is.
        bullet.setJointMotorControl2(
            body.id, joint, bullet.VELOCITY_CONTROL, targetVelocity=0.0, force=brake
        )
        if slide.stiffness > 0.0:
            spring = -slide.stiffness * position
            bullet.setJointMotorControl2(body.id, joint, bullet.TORQUE_CONTROL, force=spring)

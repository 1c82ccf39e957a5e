"""Kinematics of a serial arm in plain numpy, the same for every simulator."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

DAMPING = 0.02
POSTURE_GAIN = 0.1


@dataclass(frozen=True)
class ChainJoint:
    """One revolute joint.

    Attributes:
        offset_metres: (3,) from the joint before, in that joint's frame.
        axis: (3,) unit axis in its own frame; at angle 0 all frames are parallel.
        low_radians: Least angle.
        high_radians: Greatest angle.
    """

    offset_metres: tuple[float, float, float]
    axis: tuple[float, float, float]
    low_radians: float
    high_radians: float


class Chain:
    """A serial arm standing at the origin: forward and inverse kinematics.

    The inverse is damped least squares (Wampler 1986) on position and orientation; what freedom is
    left is drawn to a home posture, so that one pose always has nearly one posture.
    """

    def __init__(
        self, joints: tuple[ChainJoint, ...], tip_metres: tuple[float, float, float]
    ) -> None:
        """Prepare the constant matrices.

        Args:
            joints: From the base to the flange.
            tip_metres: (3,) the tip in the last joint's frame.
        """
        self.num_joints = len(joints)
        self.low_radians = np.array([joint.low_radians for joint in joints])
        self.high_radians = np.array([joint.high_radians for joint in joints])
        self._offsets = np.array([joint.offset_metres for joint in joints])  # (J, 3)
        self._axes = np.array([joint.axis for joint in joints])  # (J, 3)
        x, y, z = self._axes.T
        zero = np.zeros_like(x)
        self._cross = np.array([[zero, -z, y], [z, zero, -x], [-y, x, zero]]).transpose(2, 0, 1)
        self._cross_squared = self._cross @ self._cross  # (J, 3, 3)
        self._tip = np.asarray(tip_metres, dtype=np.float64)

    def pose(self, joints_radians: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the tip's position (3,) in metres and its rotation (3, 3)."""
        _, _, position, rotation = self._walk(joints_radians)
        return position, rotation

    def solve(
        self,
        joints_radians: np.ndarray,
        position_metres: np.ndarray,
        rotation: np.ndarray,
        home_radians: np.ndarray,
        iterations: int = 2,
    ) -> np.ndarray:
        """Return joint angles (J,) near `joints_radians` that bring the tip to a pose.

        Args:
            joints_radians: (J,) where to start, usually the present angles.
            position_metres: (3,) where the tip shall be.
            rotation: (3, 3) how it shall be turned.
            home_radians: (J,) posture to which free motion is drawn.
            iterations: Newton steps; two are enough for moves of a few centimetres.
        """
        joints = np.array(joints_radians, dtype=np.float64)
        for _ in range(iterations):
            step = self._step(joints, position_metres, rotation, home_radians)
            joints = np.minimum(np.maximum(joints + step, self.low_radians), self.high_radians)
        return joints

    def _walk(self, joints: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return joint axes (J, 3), joint origins (J, 3), tip position (3,), tip rotation."""
        turns = (
            np.eye(3)
            + np.sin(joints)[:, None, None] * self._cross
            + (1.0 - np.cos(joints))[:, None, None] * self._cross_squared
        )  # (J, 3, 3), Rodrigues
        rotation, position = np.eye(3), np.zeros(3)
        axes, origins = np.empty((self.num_joints, 3)), np.empty((self.num_joints, 3))
        for index in range(self.num_joints):
            position = position + rotation @ self._offsets[index]
            origins[index] = position
            axes[index] = rotation @ self._axes[index]
            rotation = rotation @ turns[index]
        return axes, origins, position + rotation @ self._tip, rotation

    def _step(
        self, joints: np.ndarray, target: np.ndarray, rotation: np.ndarray, home: np.ndarray
    ) -> np.ndarray:
        axes, origins, position, turned = self._walk(joints)
        jacobian = np.empty((6, self.num_joints))
        jacobian[:3] = _cross(axes, position - origins).T
        jacobian[3:] = axes.T
        error = np.empty(6)
        error[:3] = target - position
        error[3:] = 0.5 * _cross(turned.T, rotation.T).sum(axis=0)
        posture = POSTURE_GAIN * (home - joints)
        right = np.stack([error, jacobian @ posture], axis=1)  # (6, 2)
        damped = jacobian @ jacobian.T + DAMPING**2 * np.eye(6)
        solved = np.linalg.solve(damped, right)
        step: np.ndarray = jacobian.T @ (solved[:, 0] - solved[:, 1]) + posture
        return step


def _cross(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the cross products of rows (N, 3); numpy's own is five times slower on few rows."""
    a, b, c = first.T
    d, e, f = second.T
    return np.stack([b * f - c * e, c * d - a * f, a * e - b * d], axis=1)

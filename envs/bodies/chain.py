"""Kinematics of a serial arm in plain numpy, the same for every simulator."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, sin

import numpy as np

DAMPING = 0.02
POSTURE_GAIN = 0.1
Triple = tuple[float, float, float]


@dataclass(frozen=True)
class ChainJoint:
    """One revolute joint.

    Attributes:
        offset_metres: (3,) from the joint before, in that joint's frame.
        axis: (3,) an axis of its own frame, plus or minus; at angle 0 all frames are parallel.
        low_radians: Least angle.
        high_radians: Greatest angle.
    """

    offset_metres: Triple
    axis: Triple
    low_radians: float
    high_radians: float


class Chain:
    """A serial arm standing at the origin: forward and inverse kinematics.

    The inverse is damped least squares (Wampler 1986) on position and orientation; what freedom is
    left is drawn to a home posture, so that one pose always has nearly one posture.
    """

    def __init__(self, joints: tuple[ChainJoint, ...], tip_metres: Triple) -> None:
        """Prepare the constant matrices.

        Args:
            joints: From the base to the flange.
            tip_metres: (3,) the tip in the last joint's frame.
        """
        self.num_joints = len(joints)
        self.low_radians = np.array([joint.low_radians for joint in joints])
        self.high_radians = np.array([joint.high_radians for joint in joints])
        self._turns = [_coordinate_axis(joint.axis) for joint in joints]
        self._offsets = [joint.offset_metres for joint in joints]
        self._tip = tip_metres

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
        """Return joint axes (3, J), joint origins (3, J), tip position (3,), tip rotation (3, 3).

        On seven joints plain floats are three times quicker than arrays.
        """
        axes, origins = [], []
        frame: list[Triple] = [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)]  # columns
        position: Triple = (0.0, 0.0, 0.0)
        for (axis, sign), offset, angle in zip(
            self._turns, self._offsets, joints.tolist(), strict=True
        ):
            position = _moved(position, frame, offset)
            origins.append(position)
            x, y, z = frame[axis]
            axes.append((sign * x, sign * y, sign * z))
            cosine, sine = cos(angle), sign * sin(angle)
            second, third = (axis + 1) % 3, (axis + 2) % 3
            (a, b, c), (d, e, f) = frame[second], frame[third]
            frame[second] = (cosine * a + sine * d, cosine * b + sine * e, cosine * c + sine * f)
            frame[third] = (cosine * d - sine * a, cosine * e - sine * b, cosine * f - sine * c)
        tip = np.array(_moved(position, frame, self._tip))
        return np.array(axes).T, np.array(origins).T, tip, np.array(frame).T

    def _step(
        self, joints: np.ndarray, target: np.ndarray, rotation: np.ndarray, home: np.ndarray
    ) -> np.ndarray:
        axes, origins, position, turned = self._walk(joints)
        jacobian = np.empty((6, self.num_joints))
        _cross(axes, position[:, None] - origins, jacobian[:3])
        jacobian[3:] = axes
        error = np.empty(6)
        error[:3] = target - position
        turns = np.empty((3, 3))
        _cross(turned, rotation, turns)
        error[3:] = 0.5 * turns.sum(axis=1)
        posture = POSTURE_GAIN * (home - joints)
        damped = jacobian @ jacobian.T
        damped.flat[::7] += DAMPING**2  # the diagonal
        # What moves to the target, and the part of the drawing home that does not move the tip.
        solved = np.linalg.solve(damped, error - jacobian @ posture)
        step: np.ndarray = jacobian.T @ solved + posture
        return step


def _coordinate_axis(axis: Triple) -> tuple[int, float]:
    """Return which axis of the frame (0 = x) a unit vector is, and its sign.

    Raises:
        ValueError: When it is none.
    """
    index = int(np.argmax(np.abs(axis)))
    if sorted(map(abs, axis)) != [0.0, 0.0, 1.0]:
        raise ValueError(f"a joint turns about x, y or z of its frame, found {axis}")
    return index, float(axis[index])


def _moved(position: Triple, frame: list[Triple], offset: Triple) -> Triple:
    """Return a position moved by an offset in a frame, given by its columns."""
    (x, y, z), (a, b, c) = position, offset
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = frame
    return (
        x + xx * a + yx * b + zx * c,
        y + xy * a + yy * b + zy * c,
        z + xz * a + yz * b + zz * c,
    )


def _cross(first: np.ndarray, second: np.ndarray, out: np.ndarray) -> None:
    """Write the cross products of columns (3, N); numpy's own is five times slower on few."""
    a, b, c = first
    d, e, f = second
    out[0] = b * f - c * e
    out[1] = c * d - a * f
    out[2] = a * e - b * d

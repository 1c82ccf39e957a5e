"""Inverse kinematics of the arm by damped least squares, with the tool held upright."""

from __future__ import annotations

import numpy as np

from tcn_robot.envs.simulator import mujoco

NUM_ARM_JOINTS = 7
DAMPING = 0.02
POSTURE_GAIN = 0.1
TOOL_DOWN = np.array([0.0, 0.0, -1.0])


class InverseKinematics:
    """Finds joint angles that bring the end effector to a point, the tool pointing down.

    Damped least squares (Wampler 1986) on position and tool direction; what freedom is left is
    drawn to a home posture, so that one place always has nearly one posture.
    """

    def __init__(self, model: mujoco.MjModel, home_radians: np.ndarray) -> None:
        """Prepare for one model.

        Args:
            model: A model whose first seven joints are the arm's and that has the site
                `end_effector`, whose z axis is the tool's direction.
            home_radians: (7,) posture to which free motion is drawn.
        """
        self._model = model
        self._scratch = mujoco.MjData(model)
        self._site = model.site("end_effector").id
        self._home = np.asarray(home_radians, dtype=np.float64)
        joints = model.jnt_range[:NUM_ARM_JOINTS]
        self._low, self._high = joints[:, 0], joints[:, 1]
        self._position_jacobian = np.zeros((3, model.nv))
        self._rotation_jacobian = np.zeros((3, model.nv))

    def solve(
        self, joints_radians: np.ndarray, target_metres: np.ndarray, iterations: int = 3
    ) -> np.ndarray:
        """Return joint angles (7,) near `joints_radians` that bring the tip to the target.

        Args:
            joints_radians: (7,) where to start, usually the present angles.
            target_metres: (3,) world position for the tip.
            iterations: Newton steps; three are enough for moves of a few centimetres.
        """
        joints = np.array(joints_radians, dtype=np.float64)
        for _ in range(iterations):
            joints = np.clip(joints + self._step(joints, target_metres), self._low, self._high)
        return joints

    def tip_metres(self, joints_radians: np.ndarray) -> np.ndarray:
        """Return where the tip is for joint angles (7,): (3,) in metres."""
        self._scratch.qpos[:NUM_ARM_JOINTS] = joints_radians
        mujoco.mj_kinematics(self._model, self._scratch)
        return np.array(self._scratch.site_xpos[self._site])

    def _step(self, joints: np.ndarray, target: np.ndarray) -> np.ndarray:
        scratch = self._scratch
        scratch.qpos[:NUM_ARM_JOINTS] = joints
        mujoco.mj_kinematics(self._model, scratch)
        mujoco.mj_comPos(self._model, scratch)
        mujoco.mj_jacSite(
            self._model, scratch, self._position_jacobian, self._rotation_jacobian, self._site
        )
        tool = scratch.site_xmat[self._site].reshape(3, 3)[:, 2]
        error = np.concatenate(
            [target - scratch.site_xpos[self._site], np.cross(tool, TOOL_DOWN)]
        )  # (6,)
        jacobian = np.concatenate(
            [
                self._position_jacobian[:, :NUM_ARM_JOINTS],
                self._rotation_jacobian[:, :NUM_ARM_JOINTS],
            ]
        )  # (6, 7)
        # Turning about the tool's own axis is free: take it out of the rotation rows.
        jacobian[3:] -= np.outer(tool, tool @ jacobian[3:])
        damped = np.linalg.inv(jacobian @ jacobian.T + DAMPING**2 * np.eye(6))
        pseudo_inverse = jacobian.T @ damped  # (7, 6)
        free = np.eye(NUM_ARM_JOINTS) - pseudo_inverse @ jacobian
        step: np.ndarray = pseudo_inverse @ error + free @ (POSTURE_GAIN * (self._home - joints))
        return step

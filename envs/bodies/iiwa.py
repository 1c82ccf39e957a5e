"""The arm: seven joints with the proportions of KUKA's LBR iiwa 14."""

from __future__ import annotations

import numpy as np

from tcn_robot.envs.bodies.body import Tool, roll_of, rolled
from tcn_robot.envs.bodies.chain import Chain, ChainJoint

FLANGE_METRES = 0.045
"""From the last joint to the flange, where the palm's frame is."""

JOINTS = (
    ChainJoint((0.0, 0.0, 0.1575), (0.0, 0.0, 1.0), -2.96, 2.96),
    ChainJoint((0.0, 0.0, 0.2025), (0.0, 1.0, 0.0), -2.09, 2.09),
    ChainJoint((0.0, 0.0, 0.2045), (0.0, 0.0, 1.0), -2.96, 2.96),
    # The elbow stays on one side: past the stretched arm it would bend the other way.
    ChainJoint((0.0, 0.0, 0.2155), (0.0, -1.0, 0.0), -2.09, -0.05),
    ChainJoint((0.0, 0.0, 0.1845), (0.0, 0.0, 1.0), -2.96, 2.96),
    ChainJoint((0.0, 0.0, 0.2155), (0.0, 1.0, 0.0), -2.09, 2.09),
    ChainJoint((0.0, 0.0, 0.081), (0.0, 0.0, 1.0), -3.05, 3.05),
)

HOMES: dict[Tool, np.ndarray] = {
    "down": np.array([0.0, 0.55, 0.0, -1.65, 0.0, 0.94, 0.0]),
    "forward": np.array([0.0, 1.10, 0.0, -1.85, 0.0, -1.38, 0.0]),
}


class IiwaCarrier:
    """Inverse kinematics of the arm with an effector at its flange."""

    num_joints = len(JOINTS)

    def __init__(self, tip_metres: float) -> None:
        """Prepare for an effector whose tip is so far from the flange."""
        self.chain = Chain(JOINTS, (0.0, 0.0, FLANGE_METRES + tip_metres))
        self.low, self.high = self.chain.low_radians, self.chain.high_radians
        self.joint_scale = np.full(self.num_joints, 0.08)

    def home(self, tool: Tool) -> np.ndarray:
        """Return the posture (7,) to which free motion is drawn, in radians."""
        return HOMES[tool]

    def solve(
        self,
        joints: np.ndarray,
        tip_metres: np.ndarray,
        roll_radians: float,
        tool: Tool,
        iterations: int = 2,
    ) -> np.ndarray:
        """Return joint angles (7,) that bring the tip to a point and a roll."""
        home = HOMES[tool]
        return self.chain.solve(joints, tip_metres, rolled(roll_radians, tool), home, iterations)

    def tip(self, joints: np.ndarray, tool: Tool) -> tuple[np.ndarray, float]:
        """Return tip (3,) in metres and roll in radians."""
        position, rotation = self.chain.pose(joints)
        return position, roll_of(rotation, tool)

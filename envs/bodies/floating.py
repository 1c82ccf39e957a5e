"""A carrier for bodies that float freely: three slides along the world's axes and a turn."""

from __future__ import annotations

import numpy as np

from tcn_robot.envs.bodies.body import TOOL_ROTATIONS, Tool

REACH_METRES = 1.5


class FloatingCarrier:
    """Joints: the palm's x, y, z in metres, then its roll about the tool's axis in radians."""

    num_joints = 4

    def __init__(self, tip_metres: float) -> None:
        """Keep the distance from palm to tip."""
        self.joint_scale = np.array([0.03, 0.03, 0.03, 0.2])
        self.low = np.array([-REACH_METRES, -REACH_METRES, -REACH_METRES, -3.0])
        self.high = -self.low
        self._tip_metres = tip_metres

    def home(self, tool: Tool) -> np.ndarray:
        """Return a place above the middle of the table, not rolled."""
        return np.array([0.55, 0.0, 0.35, 0.0])

    def solve(
        self,
        joints: np.ndarray,
        tip_metres: np.ndarray,
        roll_radians: float,
        tool: Tool,
        iterations: int = 2,
    ) -> np.ndarray:
        """Return the joints (4,), exactly."""
        palm = tip_metres - self._tip_metres * TOOL_ROTATIONS[tool][:, 2]
        return np.clip(np.append(palm, roll_radians), self.low, self.high)

    def tip(self, joints: np.ndarray, tool: Tool) -> tuple[np.ndarray, float]:
        """Return tip (3,) in metres and roll in radians."""
        return joints[:3] + self._tip_metres * TOOL_ROTATIONS[tool][:, 2], float(joints[3])

"""The reach: bring the tool's tip to a ball."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcn_robot.envs.task import Start, Task
from tcn_robot.envs.things import Shape, Thing
from tcn_robot.envs.tolerance import clip, tolerance

SUCCESS_METRES = 0.035


class Reach(Task):
    """Bring the tip of the tool to a yellow ball above the table.

    **Task.** The tip starts at a random place above the table, the ball stands on a post whose
    place is drawn anew within a few centimetres. Success: the tip is inside the ball,
    within 3.5 cm of its centre. The ball does not stop the tool.

    **Action** `Box(-1, 1, (3,))`: move the tip by up to 3 cm along x, y and z.

    **Observation** `Box(-10, 10, (9,))`: tip (x, y, z) and ball (x, y, z) from the middle of the
    workspace, ball minus tip (x, y, z); in units of 10 cm.

    **Phases** `approach` (farther than 10 cm), `near`, `done` (at the ball).

    **Rewards.** Sparse: 1 while the tip is at the ball. Dense, in [0, 1]: closeness of tip and
    ball. **Progress**: the share of the first distance that is done.

    **Length.** 50 steps at 10 Hz by default; nothing ends an episode early.
    """

    things = (
        Thing(
            "ball",
            (
                Shape("sphere", (0.035,), (0.98, 0.80, 0.10, 1.0), collides=False),
                Shape(
                    "cylinder",
                    (0.008, 0.08),
                    (0.35, 0.25, 0.20, 1.0),
                    (0.0, 0.0, -0.08),
                    collides=False,
                ),
            ),
            (0.60, 0.16, 0.16),
        ),
    )
    seen = ("ball",)
    phases = ("approach", "near", "done")
    workspace_low_metres = np.array([0.38, -0.30, 0.03])
    workspace_high_metres = np.array([0.74, 0.30, 0.36])
    observation_size = 9
    camera_target_metres = (0.56, 0.0, 0.17)
    middle_metres = np.array([0.56, 0.0, 0.16])
    middle_ball_metres = np.array([0.60, 0.16, 0.16])
    ball_range_metres = np.array([0.03, 0.03, 0.01])
    _start_distance_metres = 1.0

    def place(self, generator: np.random.Generator) -> Start:
        """Put the ball on the left, the tip anywhere on the right."""
        offset = generator.uniform(-self.ball_range_metres, self.ball_range_metres)
        ball = self.middle_ball_metres + offset
        self.move_ball(ball)
        tip = generator.uniform([0.42, -0.28, 0.06], [0.70, -0.02, 0.34])
        self._start_distance_metres = float(np.linalg.norm(ball - tip))
        return Start(tip)

    def move_ball(self, ball_metres: np.ndarray) -> None:
        """Put the ball somewhere else, (3,)."""
        self.world.place("ball", ball_metres)

    @property
    def ball_metres(self) -> np.ndarray:
        """The ball's centre, (3,)."""
        return self.world.position("ball")

    def observe(self) -> np.ndarray:
        """Return the observation the class describes."""
        tip, ball = self.world.tip_metres, self.ball_metres
        metres = np.concatenate([tip - self.middle_metres, ball - self.middle_metres, ball - tip])
        return 10 * metres

    def labels(self) -> dict[str, Any]:
        """Return phase, progress and success."""
        distance = self._distance()
        success = distance < SUCCESS_METRES
        phase = 2 if success else int(distance < 0.10)
        progress = clip(1.0 - distance / self._start_distance_metres)
        return {
            "phase_index": phase,
            "progress": 1.0 if success else float(progress),
            "success": bool(success),
        }

    def dense_reward(self) -> float:
        """Return the shaped reward, in [0, 1]."""
        return tolerance(self._distance(), 0.0, 0.08)

    def _distance(self) -> float:
        return float(np.linalg.norm(self.ball_metres - self.world.tip_metres))

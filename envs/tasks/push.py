"""The push: bring a block into a zone marked on the table."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcn_robot.envs.task import Start, Task
from tcn_robot.envs.things import Shape, Thing, rotation_matrix, turn_about
from tcn_robot.envs.tolerance import clip, tolerance

BLOCK_HALF_METRES = 0.04
PUSH_HEIGHT_METRES = 0.035
CONTACT_METRES = 0.075
SUCCESS_METRES = 0.04


class Push(Task):
    """Push a red block across the table into a green zone.

    **Task.** The tool stays at one height above the table. The block starts at a random place and
    angle on the arm's right, the tool at a random place beyond it; the zone on the left is always
    the same. Success: the block's centre lies within 4 cm of the zone's.

    **Action** `Box(-1, 1, (2,))`: move the tip by up to 3 cm along x and y.

    **Observation** `Box(-10, 10, (10,))`: tip (x, y), block (x, y), block minus tip (x, y), zone
    minus block (x, y), each from the middle of the table in units of 10 cm; cosine and sine of four
    times the block's angle (a square looks the same after a quarter turn).

    **Phases** `approach` (the tool has not come to the block), `push` (it touches, or nearly),
    `done` (the block lies in the zone).

    **Rewards.** Sparse: 1 while the block lies in the zone. Dense, in [0, 1]: a quarter for the
    tool near the block, three quarters for the block near the zone. **Progress**: a fifth for
    the way to the block, the rest for the share of the block's way that is done.

    **Play** (`--policy play`): 240 steps of pushing the block about and going back to a few places;
    while the tool rests there, the block is put elsewhere by a hand that is not shown.

    **Length.** 80 steps at 10 Hz; nothing ends an episode early.
    """

    things = (
        Thing(
            "zone",
            (Shape("cylinder", (0.075, 0.001), (0.15, 0.70, 0.30, 1.0), collides=False),),
            (0.58, 0.20, 0.0012),
        ),
        Thing(
            "block",
            (
                Shape("box", (0.04, 0.04, 0.04), (0.85, 0.15, 0.12, 1.0), mass_kg=0.2),
                Shape(
                    "box",
                    (0.04, 0.008, 0.001),
                    (0.98, 0.85, 0.30, 1.0),
                    (0.0, 0.0, 0.0402),
                    collides=False,
                ),
            ),
            (0.55, 0.0, BLOCK_HALF_METRES),
            motion="free",
        ),
    )
    seen = ("block", "zone")
    phases = ("approach", "push", "done")
    axes = (0, 1)
    workspace_low_metres = np.array([0.36, -0.32, 0.02])
    workspace_high_metres = np.array([0.76, 0.32, 0.10])
    observation_size = 10
    zone_metres = np.array([0.58, 0.20])
    middle_metres = np.array([0.56, 0.0])
    _start_distance_metres = 1.0

    def place(self, generator: np.random.Generator) -> Start:
        """Put the block on the right half, the tip farther right."""
        block = generator.uniform([0.50, -0.10], [0.64, 0.0])
        yaw_radians = generator.uniform(-np.pi / 4, np.pi / 4)
        self.world.place(
            "block", [*block, BLOCK_HALF_METRES], turn_about((0.0, 0.0, 1.0), yaw_radians)
        )
        self._start_distance_metres = float(np.linalg.norm(self.zone_metres - block))
        tip = generator.uniform([0.42, -0.31], [0.70, -0.27])
        return Start(np.array([*tip, PUSH_HEIGHT_METRES]))

    def hold_axes(self, target_metres: np.ndarray) -> np.ndarray:
        """Keep the tip at the height for pushing."""
        return np.array([target_metres[0], target_metres[1], PUSH_HEIGHT_METRES])

    @property
    def block_metres(self) -> np.ndarray:
        """The block's centre on the table, (2,)."""
        return self.world.position("block")[:2]

    def move_block(self, place_metres: np.ndarray) -> None:
        """Put the block elsewhere on the table, (2,), at rest and turned as it was."""
        height_metres = self.world.position("block")[2]
        self.world.place("block", [*place_metres, height_metres])

    def observe(self) -> np.ndarray:
        """Return the observation the class describes."""
        tip, block = self.world.tip_metres[:2], self.block_metres
        rotation = rotation_matrix(self.world.quaternion("block"))
        yaw_radians = np.arctan2(rotation[1, 0], rotation[0, 0])
        metres = [tip - self.middle_metres, block - self.middle_metres, block - tip]
        metres.append(self.zone_metres - block)
        turn = [np.cos(4 * yaw_radians), np.sin(4 * yaw_radians)]
        return np.concatenate([10 * np.concatenate(metres), turn])

    def labels(self) -> dict[str, Any]:
        """Return phase, progress and success."""
        to_zone, to_block = self._distances()
        success = to_zone < SUCCESS_METRES
        near_zone = to_zone < self._start_distance_metres - 0.02
        phase = 2 if success else int(near_zone or to_block < CONTACT_METRES)
        reached = clip(1.0 - (to_block - CONTACT_METRES) / 0.25)
        pushed = clip(1.0 - to_zone / self._start_distance_metres)
        return {
            "phase_index": phase,
            "progress": 1.0 if success else float(0.2 * reached + 0.8 * pushed),
            "success": bool(success),
        }

    def dense_reward(self) -> float:
        """Return the shaped reward, in [0, 1]."""
        to_zone, to_block = self._distances()
        reach = tolerance(to_block, CONTACT_METRES, 0.1)
        return 0.25 * reach + 0.75 * tolerance(to_zone, 0.0, 0.08)

    def _distances(self) -> tuple[float, float]:
        block = self.block_metres
        to_zone = float(np.linalg.norm(self.zone_metres - block))
        to_block = float(np.linalg.norm(self.world.tip_metres[:2] - block))
        return to_zone, to_block

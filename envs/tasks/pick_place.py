"""Pick and place: lift a cube over the rim of a tray."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcn_robot.envs.task import Start, Task
from tcn_robot.envs.things import Shape, Thing, turn_about
from tcn_robot.envs.tolerance import clip, tolerance

CUBE_HALF_METRES = 0.024
TRAY_INNER_METRES = 0.065
TRAY_RIM_METRES = 0.030
WOOD = (0.45, 0.30, 0.18, 1.0)
LIFTED_METRES = 0.02


def tray() -> Thing:
    """Return a square tray with a rim."""
    half, rim, wall = TRAY_INNER_METRES, TRAY_RIM_METRES, 0.005
    shapes = [Shape("box", (half, half, 0.002), (0.15, 0.65, 0.30, 1.0), (0.0, 0.0, 0.002))]
    for x, y in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        size = (
            wall if x else half + 2 * wall,
            wall if y else half + 2 * wall,
            0.5 * rim,
        )
        at = (x * (half + wall), y * (half + wall), 0.5 * rim)
        shapes.append(Shape("box", size, WOOD, at))
    return Thing("tray", tuple(shapes), (0.58, 0.20, 0.0))


class PickPlace(Task):
    """Pick up a magenta cube and put it into a tray.

    **Task.** The cube starts at a random place and angle on the arm's right; the tray on the left
    is always the same, and its rim keeps the cube from being pushed in. Success: the cube lies
    inside the rim, within 5.5 cm of the tray's middle along x and y, and low.

    **Action** `Box(-1, 1, (4,))`: move the tip by up to 3 cm along x, y and z; open (+) or close
    (-) the fingers by up to a third.

    **Observation** `Box(-10, 10, (13,))`: tip (x, y, z) and cube (x, y, z) from the middle of the
    table, cube minus tip (x, y, z), tray minus cube (x, y), in units of 10 cm; opening of the
    fingers; height of the cube above where it lies in units of 10 cm.

    **Phases** `approach`, `grasp` (the fingers are at the cube), `carry` (it is lifted), `done`.

    **Rewards.** Sparse: 1 while the cube lies in the tray. Dense, in [0, 1]: a fifth for the tip
    near the cube, a fifth for the cube lifted, three fifths for its nearness to a point above the
    tray and then in it. **Progress**: a quarter for the way to the cube, the rest for the cube's.

    **Length.** 100 steps at 10 Hz; nothing ends an episode early.
    """

    things = (
        tray(),
        Thing(
            "cube",
            (
                Shape(
                    "box",
                    (CUBE_HALF_METRES,) * 3,
                    (0.80, 0.10, 0.62, 1.0),
                    mass_kg=0.08,
                    friction=0.8,
                ),
            ),
            (0.55, -0.1, CUBE_HALF_METRES),
            motion="free",
        ),
    )
    seen = ("cube", "tray")
    phases = ("approach", "grasp", "carry", "done")
    grips = True
    workspace_low_metres = np.array([0.36, -0.32, 0.022])
    workspace_high_metres = np.array([0.76, 0.32, 0.30])
    observation_size = 13
    camera_target_metres = (0.56, 0.0, 0.08)
    middle_metres = np.array([0.56, 0.0, 0.10])
    tray_metres = np.array([0.58, 0.20])
    _start_distance_metres = 1.0

    def place(self, generator: np.random.Generator) -> Start:
        """Put the cube on the right half, the tip above the table."""
        cube = generator.uniform([0.48, -0.20], [0.66, -0.06])
        yaw_radians = generator.uniform(-np.pi / 6, np.pi / 6)
        self.world.place(
            "cube", [*cube, CUBE_HALF_METRES], turn_about((0.0, 0.0, 1.0), yaw_radians)
        )
        self._start_distance_metres = float(np.linalg.norm(self.tray_metres - cube))
        return Start(generator.uniform([0.44, -0.28, 0.14], [0.70, 0.05, 0.24]), opening=1.0)

    @property
    def cube_metres(self) -> np.ndarray:
        """The cube's centre, (3,)."""
        return self.world.position("cube")

    @property
    def lift_metres(self) -> float:
        """How high the cube is above where it lies."""
        return float(self.cube_metres[2]) - CUBE_HALF_METRES

    def observe(self) -> np.ndarray:
        """Return the observation the class describes."""
        tip, cube = self.world.tip_metres, self.cube_metres
        metres = [tip - self.middle_metres, cube - self.middle_metres, cube - tip]
        metres += [self.tray_metres - cube[:2]]
        return np.concatenate(
            [10 * np.concatenate(metres), [self.world.opening, 10 * self.lift_metres]]
        )

    def labels(self) -> dict[str, Any]:
        """Return phase, progress, success and whether the fingers touch the cube."""
        success, contact = self._in_tray(), self.world.touching("cube")
        to_cube, to_tray = self._distances()
        lifted = self.lift_metres > LIFTED_METRES
        phase = 3 if success else 2 if lifted else int(contact or to_cube < 0.03)
        reached = clip(1.0 - (to_cube - 0.015) / 0.25)
        carried = clip(1.0 - to_tray / self._start_distance_metres)
        raised = clip(self.lift_metres / 0.06)
        on_the_way = 0.25 * reached + 0.15 * max(raised, carried) + 0.55 * carried
        return {
            "phase_index": phase,
            "progress": 1.0 if success else float(on_the_way),
            "success": success,
            "contact": contact,
        }

    def dense_reward(self) -> float:
        """Return the shaped reward, in [0, 1]."""
        if self._in_tray():
            return 1.0
        to_cube, to_tray = self._distances()
        reach = tolerance(to_cube, 0.01, 0.08)
        lift = min(1.0, max(0.0, self.lift_metres / 0.05))
        near = tolerance(to_tray, 0.03, 0.08) * min(1.0, 0.3 + lift)
        return 0.2 * reach + 0.2 * lift + 0.5 * near

    def _in_tray(self) -> bool:
        off_metres = np.abs(self.cube_metres[:2] - self.tray_metres).max()
        return bool(off_metres < 0.055 and self.lift_metres < 0.5 * TRAY_RIM_METRES)

    def _distances(self) -> tuple[float, float]:
        cube = self.cube_metres
        to_cube = float(np.linalg.norm(cube - self.world.tip_metres))
        return to_cube, float(np.linalg.norm(self.tray_metres - cube[:2]))

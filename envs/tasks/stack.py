"""Stacking: put one cube onto another."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tcn_robot.envs.task import Start, Task
from tcn_robot.envs.things import Colour, Shape, Thing, turn_about
from tcn_robot.envs.tolerance import tolerance

CUBE_HALF_METRES = 0.024
OFF_METRES = 0.022
HEIGHT_TOLERANCE_METRES = 0.006
REST_METRES_PER_SECOND = 0.05
APART_METRES = 0.12
LIFTED_METRES = 0.02


def cube(name: str, rgba: Colour, y_metres: float) -> Thing:
    """Return a cube that lies freely on the table."""
    shape = Shape("box", (CUBE_HALF_METRES,) * 3, rgba, mass_kg=0.08, friction=0.8)
    return Thing(name, (shape,), (0.56, y_metres, CUBE_HALF_METRES), motion="free")


class Stack(Task):
    """Stack a red cube onto a green one.

    **Task.** Both cubes lie at random places and angles, at least 12 cm apart. Success: the red
    cube rests on the green one (its centre within 2.2 cm along x and y, its height right within
    6 mm, nearly at rest) and the fingers do not touch it.

    **Action** `Box(-1, 1, (4,))`: move the tip by up to 3 cm along x, y and z; open (+) or close
    (-) the fingers by up to a third.

    **Observation** `Box(-10, 10, (15,))`: tip (x, y, z) and green cube (x, y) from the middle of
    the workspace, red cube minus tip (x, y, z), green minus red (x, y), in units of 10 cm; opening
    of the fingers; cosine and sine of four times the angle of the red and of the green cube.

    **Phases** `approach`, `grasp` (the fingers are at the red cube), `carry` (it is lifted) and
    `done`.

    **Rewards.** Sparse: 1 while the cubes are stacked. Dense, in [0, 1]: a fifth for the tip near
    the red cube, a fifth for the red cube lifted, four tenths for its nearness to its place on the
    green one, a tenth for letting it go there; all of it when stacked. **Progress**: a fifth for
    the way to the red cube, a tenth for lifting it, most of the rest for its way to the green one.

    **Play** (`--policy play`): 240 steps of carrying either cube about, next to the other one, over
    it, green onto red, and going back to a few places; while the tool rests there, a cube is put
    elsewhere by a hand that is not shown.

    **Length.** 100 steps at 10 Hz; nothing ends an episode early.
    """

    things = (
        cube("red", (0.85, 0.13, 0.10, 1.0), -0.1),
        cube("green", (0.15, 0.65, 0.25, 1.0), 0.1),
    )
    seen = ("red", "green")
    phases = ("approach", "grasp", "carry", "done")
    grips = True
    workspace_low_metres = np.array([0.38, -0.30, 0.022])
    workspace_high_metres = np.array([0.74, 0.30, 0.30])
    observation_size = 15
    camera_target_metres = (0.56, 0.0, 0.11)
    middle_metres = np.array([0.56, 0.0, 0.10])
    low_metres = np.array([0.46, -0.18])
    high_metres = np.array([0.66, 0.18])
    """Where the cubes may lie, (2,)."""
    _start_distance_metres = 1.0

    def place(self, generator: np.random.Generator) -> Start:
        """Put both cubes on the table well apart, the tip anywhere above."""
        green = generator.uniform(self.low_metres, self.high_metres)
        red = green
        while np.linalg.norm(red - green) < APART_METRES:
            red = generator.uniform(self.low_metres, self.high_metres)
        for name, at in (("red", red), ("green", green)):
            turned = turn_about((0.0, 0.0, 1.0), generator.uniform(-np.pi / 6, np.pi / 6))
            self.world.place(name, [*at, CUBE_HALF_METRES], turned)
        self._start_distance_metres = self._to_goal()
        tip = generator.uniform([0.44, -0.26, 0.14], [0.70, 0.26, 0.26])
        return Start(tip, opening=float(generator.uniform(0.6, 1.0)))

    @property
    def goal_metres(self) -> np.ndarray:
        """Where the red cube's centre belongs, (3,)."""
        return self.world.position("green") + np.array([0.0, 0.0, 2 * CUBE_HALF_METRES])

    @property
    def lift_metres(self) -> float:
        """How high the red cube is above where it lies on the table."""
        return float(self.world.position("red")[2]) - CUBE_HALF_METRES

    def observe(self) -> np.ndarray:
        """Return the observation the class describes."""
        tip, red = self.world.tip_metres, self.world.position("red")
        green = self.world.position("green")
        metres = [tip - self.middle_metres, green[:2] - self.middle_metres[:2], red - tip]
        metres.append(green[:2] - red[:2])
        turns = [*self._turn("red"), *self._turn("green")]
        return np.concatenate([10 * np.concatenate(metres), [self.world.opening], turns])

    def labels(self) -> dict[str, Any]:
        """Return phase, progress, success and whether the fingers touch the red cube."""
        contact, on_green = self.world.touching("red"), self._on_green()
        success = on_green and not contact
        to_red = self._to_red()
        reached = _share(1.0 - (to_red - 0.015) / 0.35)
        carried = _share(1.0 - self._to_goal() / self._start_distance_metres)
        raised = _share(self.lift_metres / 0.05)
        on_the_way = 0.2 * reached + 0.15 * raised + 0.5 * carried + 0.1 * on_green
        lifted = self.lift_metres > LIFTED_METRES
        return {
            "phase_index": 3 if success else 2 if lifted else int(contact or to_red < 0.03),
            "progress": 1.0 if success else on_the_way,
            "success": success,
            "contact": contact,
        }

    def dense_reward(self) -> float:
        """Return the shaped reward, in [0, 1]."""
        if self._on_green():
            return 0.9 if self.world.touching("red") else 1.0
        reach = tolerance(self._to_red(), 0.01, 0.08)
        lift = _share(self.lift_metres / 0.05)
        near = tolerance(self._to_goal(), 0.005, 0.06) * min(1.0, 0.3 + lift)
        return 0.2 * reach + 0.2 * lift + 0.4 * near

    def _on_green(self) -> bool:
        """Whether the red cube rests on the green one, whoever touches it."""
        x, y, z = (self.world.position("red") - self.goal_metres).tolist()
        if max(abs(x), abs(y)) > OFF_METRES or abs(z) > HEIGHT_TOLERANCE_METRES:
            return False
        return bool(np.linalg.norm(self.world.velocity("red")) < REST_METRES_PER_SECOND)

    def _to_red(self) -> float:
        return float(np.linalg.norm(self.world.position("red") - self.world.tip_metres))

    def _to_goal(self) -> float:
        return float(np.linalg.norm(self.world.position("red") - self.goal_metres))

    def _turn(self, name: str) -> tuple[float, float]:
        """Return cosine and sine of four times an angle: a quarter turn looks the same."""
        w, x, y, z = self.world.quaternion(name).tolist()
        yaw_radians = math.atan2(2 * (x * y + w * z), 1 - 2 * (y * y + z * z))
        return math.cos(4 * yaw_radians), math.sin(4 * yaw_radians)


def _share(value: float) -> float:
    return min(1.0, max(0.0, float(value)))

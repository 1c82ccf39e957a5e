"""The dish rack of the TCN paper: a plate into a slot."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcn_robot.envs.task import Start, Task
from tcn_robot.envs.things import Colour, Shape, Thing, rotation_matrix, turn_about
from tcn_robot.envs.tolerance import clip, tolerance

PLATE_RADIUS_METRES = 0.07
PLATE_HALF_METRES = 0.006
BASE_METRES = 0.004
REST_METRES = BASE_METRES + PLATE_RADIUS_METRES
"""Height of the plate's centre when it stands."""
LOWERING_METRES = 0.26
"""Height of the plate above its slot at which lowering it begins to count: as high as it can be."""
WALL_METRES = 0.004
HOLLOW_METRES = 0.040
"""From the middle of a slot to the blocks that keep a plate from rolling."""
WHITE: Colour = (0.92, 0.93, 0.96, 1.0)
BLUE: Colour = (0.10, 0.25, 0.70, 1.0)
STEEL: Colour = (0.30, 0.33, 0.38, 1.0)
WOOD: Colour = (0.55, 0.38, 0.22, 1.0)
YELLOW: Colour = (0.95, 0.75, 0.10, 1.0)


def slot_shapes(
    y_metres: float, half_gap_metres: float, height_metres: float, rgba: Colour
) -> tuple[Shape, ...]:
    """Return two walls and two blocks between which a plate stands across y."""
    walls = tuple(
        Shape(
            "box",
            (0.05, 0.5 * WALL_METRES, 0.5 * height_metres),
            rgba,
            (
                0.0,
                y_metres + side * (half_gap_metres + 0.5 * WALL_METRES),
                BASE_METRES + 0.5 * height_metres,
            ),
            friction=0.3,
        )
        for side in (1.0, -1.0)
    )
    blocks = tuple(
        Shape(
            "box",
            (0.008, half_gap_metres, 0.0035),
            rgba,
            (side * HOLLOW_METRES, y_metres, BASE_METRES + 0.0035),
            friction=0.3,
        )
        for side in (1.0, -1.0)
    )
    return walls + blocks


def plate_shapes() -> tuple[Shape, ...]:
    """Return a white plate with a blue ring, its axis along y."""
    turn = turn_about((1.0, 0.0, 0.0), 0.5 * np.pi)
    radius, half = PLATE_RADIUS_METRES, PLATE_HALF_METRES
    return (
        Shape("cylinder", (radius, half), WHITE, quaternion=turn, mass_kg=0.12, friction=0.7),
        Shape("cylinder", (0.72 * radius, half + 0.0004), BLUE, quaternion=turn, collides=False),
        Shape("cylinder", (0.58 * radius, half + 0.0008), WHITE, quaternion=turn, collides=False),
    )


class DishRack(Task):
    """Put a plate from its stand into the middle slot of a rack.

    **Task.** The plate stands upright in a wooden stand on the arm's right, whose place is random;
    the rack on the left with three slots is always the same, the middle one is yellow. Success:
    the plate stands in the middle slot (its centre within 2 cm along the slot, 1 cm across and 1 cm
    in height, its axis within 15 degrees of the slot's), whether it is still held or not.

    **Action** `Box(-1, 1, (4,))`: move the tip by up to 3 cm along x, y and z; open (+) or close
    (-) the fingers by up to a third.

    **Observation** `Box(-10, 10, (13,))`: tip (x, y, z) and plate (x, y, z) from the middle of the
    table, plate minus tip (x, y, z), slot minus plate (x, y, z), in units of 10 cm; opening of the
    fingers.

    **Phases** `approach`, `grasp` (the fingers are at the rim), `carry` (the plate is lifted),
    `done`.

    **Rewards.** Sparse: 1 while the plate stands in the slot. Dense, in [0, 1]: 0.15 for the tip
    near the rim, 0.15 for the plate lifted or above its slot, 0.35 for its nearness to the slot,
    0.3 for lowering it there. **Progress**: a quarter for the way to the plate, the rest for the
    plate's.

    **Length.** 100 steps at 10 Hz; nothing ends an episode early.
    """

    things = (
        Thing(
            "rack",
            (
                Shape("box", (0.055, 0.085, 0.5 * BASE_METRES), STEEL, (0, 0, 0.5 * BASE_METRES)),
                *slot_shapes(0.0, 0.0115, 0.055, YELLOW),
                *slot_shapes(0.055, 0.0115, 0.055, STEEL),
                *slot_shapes(-0.055, 0.0115, 0.055, STEEL),
            ),
            (0.57, 0.17, 0.0),
        ),
        Thing(
            "stand",
            (
                Shape("box", (0.055, 0.022, 0.5 * BASE_METRES), WOOD, (0, 0, 0.5 * BASE_METRES)),
                *slot_shapes(0.0, 0.009, 0.030, WOOD),
            ),
            (0.57, -0.15, 0.0),
        ),
        Thing("plate", plate_shapes(), (0.57, -0.15, REST_METRES), motion="free"),
    )
    seen = ("plate", "rack")
    phases = ("approach", "grasp", "carry", "done")
    grips = True
    workspace_low_metres = np.array([0.36, -0.32, 0.06])
    workspace_high_metres = np.array([0.76, 0.32, 0.32])
    observation_size = 13
    camera_target_metres = (0.56, 0.0, 0.10)
    middle_metres = np.array([0.56, 0.0, 0.12])
    slot_metres = np.array([0.57, 0.17, REST_METRES])
    _start_distance_metres = 1.0

    def place(self, generator: np.random.Generator) -> Start:
        """Put the stand with the plate on the right half, the tip above the table."""
        x, y = generator.uniform([0.50, -0.21], [0.64, -0.10])
        self.world.place("stand", [x, y, 0.0])
        self.world.place("plate", [x, y, REST_METRES + 0.0005], (1.0, 0.0, 0.0, 0.0))
        self._start_distance_metres = float(np.linalg.norm(self.slot_metres[:2] - [x, y]))
        return Start(generator.uniform([0.44, -0.24, 0.20], [0.70, 0.06, 0.28]), opening=1.0)

    @property
    def plate_metres(self) -> np.ndarray:
        """The plate's centre, (3,)."""
        return self.world.position("plate")

    @property
    def rim_metres(self) -> np.ndarray:
        """Where the plate is taken, just below its upper rim, (3,)."""
        return self.plate_metres + np.array([0.0, 0.0, PLATE_RADIUS_METRES - 0.014])

    @property
    def lift_metres(self) -> float:
        """How high the plate is above where it stands."""
        return float(self.plate_metres[2]) - REST_METRES

    def observe(self) -> np.ndarray:
        """Return the observation the class describes."""
        tip, plate = self.world.tip_metres, self.plate_metres
        metres = [tip - self.middle_metres, plate - self.middle_metres, plate - tip]
        metres += [self.slot_metres - plate]
        return np.append(10 * np.concatenate(metres), self.world.opening)

    def labels(self) -> dict[str, Any]:
        """Return phase, progress, success and whether the fingers touch the plate."""
        success, contact = self._in_slot(), self.world.touching("plate")
        to_rim, to_slot = self._distances()
        phase = 3 if success else 2 if self.lift_metres > 0.02 else int(contact or to_rim < 0.03)
        reached = clip(1.0 - (to_rim - 0.015) / 0.25)
        carried = clip(1.0 - to_slot / self._start_distance_metres)
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
        if self._in_slot():
            return 1.0
        to_rim, to_slot = self._distances()
        reach = tolerance(to_rim, 0.01, 0.08)
        # Above its slot the plate need not be high any more: the way down is paid, never punished.
        over = tolerance(to_slot, 0.004, 0.025)
        lift = max(clip(self.lift_metres / 0.05), over)
        carried = clip(1.0 - to_slot / self._start_distance_metres)
        near = 0.5 * (carried + tolerance(to_slot, 0.01, 0.08)) * min(1.0, 0.3 + lift)
        lowered = over * clip(1.0 - self.lift_metres / LOWERING_METRES)
        return 0.15 * reach + 0.15 * lift + 0.35 * near + 0.3 * lowered

    def _in_slot(self) -> bool:
        off_metres = np.abs(self.plate_metres - self.slot_metres)
        axis = rotation_matrix(self.world.quaternion("plate"))[:, 1]
        near = off_metres[0] < 0.02 and off_metres[1] < 0.01 and off_metres[2] < 0.01
        return bool(near and abs(axis[1]) > np.cos(np.radians(15.0)))

    def _distances(self) -> tuple[float, float]:
        to_rim = float(np.linalg.norm(self.rim_metres - self.world.tip_metres))
        return to_rim, float(np.linalg.norm(self.slot_metres[:2] - self.plate_metres[:2]))

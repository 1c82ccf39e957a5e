"""Pouring, the other task of the TCN paper: beads from a cup into a bowl."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcn_robot.envs.task import Start, Task
from tcn_robot.envs.things import Colour, Shape, Thing, cup_shapes, rotation_matrix
from tcn_robot.envs.tolerance import clip, tolerance

TRAY_METRES = 0.004
"""Height of the tray on which cup and bowl stand."""
CUP_RADIUS_METRES, CUP_HEIGHT_METRES, CUP_WALL_METRES = 0.031, 0.080, 0.004
GRASP_METRES = 0.058
"""How high above its underside the cup is taken."""
BOWL_RADIUS_METRES, BOWL_HEIGHT_METRES, BOWL_TAPER_RADIANS = 0.060, 0.060, 0.25
BEAD_METRES = 0.010
NUM_BEADS, BEADS_PER_LAYER = 12, 7
ENOUGH = 0.75
"""Share of the beads that has to be in the bowl."""
POURING_DISTANCE_METRES = 0.08
LIFTED_METRES = 0.02
TILTED_DEGREES = 30.0
FALLING_METRES_PER_SECOND = 0.2
RED: Colour = (0.85, 0.15, 0.13, 1.0)
YELLOW: Colour = (1.0, 0.83, 0.10, 1.0)
NAVY: Colour = (0.10, 0.22, 0.50, 1.0)
SLATE: Colour = (0.30, 0.33, 0.36, 1.0)
BEADS = tuple(f"bead{index:02d}" for index in range(NUM_BEADS))


def tray() -> Thing:
    """Return a flat tray with a rim that keeps spilt beads on the table."""
    x, y, rim = 0.13, 0.25, 0.008
    shapes = [Shape("box", (x, y, 0.5 * TRAY_METRES), SLATE, (0.0, 0.0, 0.5 * TRAY_METRES))]
    for side in (1.0, -1.0):
        along_y = Shape("box", (0.003, y + 0.006, rim), SLATE, (side * (x + 0.003), 0.0, rim))
        along_x = Shape("box", (x, 0.003, rim), SLATE, (0.0, side * (y + 0.003), rim))
        shapes += [along_y, along_x]
    return Thing("tray", tuple(shapes), (0.77, 0.0, 0.0))


def packed_metres(turns_radians: np.ndarray) -> np.ndarray:
    """Return where beads lie in an upright cup, (NUM_BEADS, 3) from the middle of its underside.

    Args:
        turns_radians: (layers,) how each layer of one bead with six round it is turned.
    """
    spacing = CUP_RADIUS_METRES - BEAD_METRES
    places = []
    for index in range(NUM_BEADS):
        layer, within = divmod(index, BEADS_PER_LAYER)
        angle = turns_radians[layer] + within * np.pi / 3
        out = spacing * np.array([np.cos(angle), np.sin(angle)]) if within else np.zeros(2)
        height = CUP_WALL_METRES + BEAD_METRES + layer * 2.0 * BEAD_METRES
        places.append([*out, height + 0.0005 * (layer + 1)])
    return np.array(places)


def bead_things(cup_metres: np.ndarray) -> tuple[Thing, ...]:
    """Return the beads, lying in a cup at a place (3,)."""
    shape = Shape("sphere", (BEAD_METRES,), YELLOW, mass_kg=0.012, friction=0.0)
    places = cup_metres + packed_metres(np.zeros(NUM_BEADS))
    return tuple(
        Thing(name, (shape,), (float(x), float(y), float(z)), motion="free")
        for name, (x, y, z) in zip(BEADS, places, strict=True)
    )


class Pour(Task):
    """Pour the beads from a cup into a bowl.

    **Task.** The cup with 12 beads stands at a random place on the arm's right; the bowl on the
    left is always the same. The tool points forward, takes the cup from the side and pours by
    turning about its own axis. Success: at least three quarters of the beads lie in the bowl (below
    its rim and not in the cup), whatever became of the others.

    **Action** `Box(-1, 1, (5,))`: move the tip by up to 3 cm along x, y and z; turn the tool by up
    to 0.15 rad (negative tilts a held cup towards the bowl, down to -2.4 rad); open (+) or close
    (-) the fingers by up to a third.

    **Observation** `Box(-10, 10, (18,))`: tip (x, y, z) and cup (x, y, z) from the middle of the
    table, cup minus tip (x, y, z), bowl minus the cup's mouth (x, y), in units of 10 cm; the tool's
    turn in radians; opening of the fingers; the cup's axis (x, y, z); share of the beads in the cup
    and in the bowl.

    **Phases** `reach`, `grasp` (the fingers are at the cup), `lift` (it is off the tray), `pour`
    (it is tilted over the bowl, or beads are in the bowl already), `done`.

    **Attributes** that the TCN paper names for pouring, in `info`: `contact` (the effector touches
    the cup), `distance` (the cup is within pouring distance: its mouth less than 8 cm from the
    bowl's middle, along x and y; `distance_metres` says how far), `container_angle` (degrees
    between the cup's axis and upright), `liquid_flowing` (a bead outside cup and bowl is above
    the bowl's rim, or one outside the cup falls faster than 0.2 m/s), `has_liquid` (the bowl
    holds a bead); and `share_transferred`.

    **Rewards.** Sparse: 1 while the bowl holds enough. Dense, in [0, 1]: for the tip near the cup,
    the cup lifted, its mouth near the bowl, its tilt there, and four tenths for the share
    transferred. **Progress** adds up the same steps.

    **Length.** 100 steps at 10 Hz; nothing ends an episode early.
    """

    bowl_metres = np.array([0.79, 0.14, TRAY_METRES])
    things = (
        tray(),
        Thing(
            "bowl",
            cup_shapes(
                BOWL_RADIUS_METRES, BOWL_HEIGHT_METRES, 0.004, NAVY, taper=BOWL_TAPER_RADIANS
            ),
            (0.79, 0.14, TRAY_METRES),
        ),
        Thing(
            "cup",
            cup_shapes(CUP_RADIUS_METRES, CUP_HEIGHT_METRES, CUP_WALL_METRES, RED, mass_kg=0.10),
            (0.77, -0.15, TRAY_METRES),
            motion="free",
        ),
        *bead_things(np.array([0.77, -0.15, TRAY_METRES])),
    )
    seen = ("cup", "bowl")
    phases = ("reach", "grasp", "lift", "pour", "done")
    tool = "forward"
    rolls = True
    grips = True
    roll_low_radians = -2.4
    roll_high_radians = 0.6
    workspace_low_metres = np.array([0.67, -0.28, 0.06])
    workspace_high_metres = np.array([0.87, 0.28, 0.26])
    observation_size = 18
    camera_target_metres = (0.74, 0.0, 0.08)
    middle_metres = np.array([0.74, 0.0, 0.10])
    _start_distance_metres = 0.3

    def place(self, generator: np.random.Generator) -> Start:
        """Put the filled cup on the right half of the tray, the tip behind it."""
        x, y = generator.uniform([0.75, -0.19], [0.81, -0.09])
        self.fill(np.array([x, y, TRAY_METRES + 0.0003]), generator)
        self._start_distance_metres = max(0.05, self._to_pouring())
        tip = generator.uniform([0.67, -0.24, 0.08], [0.69, -0.02, 0.24])
        return Start(tip, float(generator.uniform(0.7, 1.0)), float(generator.uniform(-0.3, 0.0)))

    def fill(self, cup_metres: np.ndarray, generator: np.random.Generator) -> None:
        """Stand the cup upright at a place (3,) and put all beads into it."""
        self.world.place("cup", cup_metres, (1.0, 0.0, 0.0, 0.0))
        turns = generator.uniform(0.0, np.pi / 3, NUM_BEADS)
        for name, place in zip(BEADS, cup_metres + packed_metres(turns), strict=True):
            self.world.place(name, place)

    def reported(self) -> tuple[str, ...]:
        """Return the cup: twelve beads would only swell recordings."""
        return ("cup",)

    @property
    def cup_metres(self) -> np.ndarray:
        """The middle of the cup's underside, (3,)."""
        return self.world.position("cup")

    @property
    def axis(self) -> np.ndarray:
        """Direction from the cup's underside to its mouth, (3,) unit length."""
        return rotation_matrix(self.world.quaternion("cup"))[:, 2]

    @property
    def grasp_metres(self) -> np.ndarray:
        """Where the cup is taken, on its axis, (3,)."""
        return self.cup_metres + GRASP_METRES * self.axis

    @property
    def mouth_metres(self) -> np.ndarray:
        """The middle of the cup's mouth, (3,)."""
        return self.cup_metres + CUP_HEIGHT_METRES * self.axis

    @property
    def container_angle_degrees(self) -> float:
        """Angle between the cup's axis and upright, 0 to 180."""
        return float(np.degrees(np.arccos(clip(self.axis[2], -1.0, 1.0))))

    def beads_metres(self) -> np.ndarray:
        """Return where the beads are, (NUM_BEADS, 3)."""
        return np.array([self.world.position(name) for name in BEADS])

    def in_cup(self, beads_metres: np.ndarray) -> np.ndarray:
        """Return which beads (N, 3) are in the cup, bool (N,)."""
        turn = rotation_matrix(self.world.quaternion("cup"))
        within = (beads_metres - self.cup_metres) @ turn
        radius = np.hypot(within[:, 0], within[:, 1])
        high = (within[:, 2] > 0.0) & (within[:, 2] < CUP_HEIGHT_METRES)
        return high & (radius < CUP_RADIUS_METRES + CUP_WALL_METRES)

    def in_bowl(self, beads_metres: np.ndarray) -> np.ndarray:
        """Return which beads (N, 3) are in the bowl and not in the cup, bool (N,)."""
        within = beads_metres - self.bowl_metres
        lean = (within[:, 2] - 0.5 * BOWL_HEIGHT_METRES) * np.tan(BOWL_TAPER_RADIANS)
        radius = np.hypot(within[:, 0], within[:, 1])
        high = (within[:, 2] > 0.0) & (within[:, 2] < BOWL_HEIGHT_METRES)
        return high & (radius < BOWL_RADIUS_METRES + lean) & ~self.in_cup(beads_metres)

    def observe(self) -> np.ndarray:
        """Return the observation the class describes."""
        tip, cup, beads = self.world.tip_metres, self.grasp_metres, self.beads_metres()
        metres = [tip - self.middle_metres, cup - self.middle_metres, cup - tip]
        metres += [(self.bowl_metres - self.mouth_metres)[:2]]
        tool = [self.world.roll_radians, self.world.opening]
        shares = [self.in_cup(beads).mean(), self.in_bowl(beads).mean()]
        return np.concatenate([10 * np.concatenate(metres), tool, self.axis, shares])

    def labels(self) -> dict[str, Any]:
        """Return phase, progress, success and the paper's attributes of pouring."""
        beads, contact = self.beads_metres(), self.world.touching("cup")
        in_bowl = self.in_bowl(beads)
        share, angle = float(in_bowl.mean()), self.container_angle_degrees
        distance_metres = float(np.linalg.norm((self.mouth_metres - self.bowl_metres)[:2]))
        near, success = distance_metres < POURING_DISTANCE_METRES, share >= ENOUGH
        return {
            "phase_index": self._phase(success, share > 0 or (near and angle > TILTED_DEGREES)),
            "progress": 1.0 if success else self._progress(share),
            "success": success,
            "contact": contact,
            "distance": near,
            "distance_metres": distance_metres,
            "container_angle": angle,
            "liquid_flowing": self._flows(beads, in_bowl),
            "has_liquid": share > 0,
            "share_transferred": share,
        }

    def dense_reward(self) -> float:
        """Return the shaped reward, in [0, 1]."""
        share = float(self.in_bowl(self.beads_metres()).mean())
        if share >= ENOUGH:
            return 1.0
        reach = tolerance(self._to_cup(), 0.01, 0.08)
        lift = self._lifted(0.05)
        near = tolerance(self._to_pouring(), 0.015, 0.08) * lift
        tilt = near * min(1.0, self.container_angle_degrees / 100.0)
        return 0.1 * reach + 0.1 * lift + 0.2 * near + 0.2 * tilt + 0.4 * share

    def _progress(self, share: float) -> float:
        """Return how far it has come before success: steps that build on one another."""
        reached = clip(1.0 - (self._to_cup() - 0.01) / 0.2)
        lifted, off_metres = self._lifted(0.06), self._to_pouring()
        carried = lifted * clip(1.0 - off_metres / self._start_distance_metres)
        tilted = float(off_metres < 0.05) * min(1.0, self.container_angle_degrees / 100.0)
        before = 0.2 * reached + 0.2 * lifted + 0.35 * carried + 0.25 * tilted
        poured = share / ENOUGH
        # What has been poured stays poured when the cup is taken away again.
        return float(0.55 * max(before, poured) + 0.44 * poured)

    def _phase(self, success: bool, pours: bool) -> int:
        if success or pours:
            return 4 if success else 3
        if self.cup_metres[2] - TRAY_METRES > LIFTED_METRES:
            return 2
        return int(self.world.touching("cup") or self._to_cup() < 0.03)

    def _flows(self, beads: np.ndarray, in_bowl: np.ndarray) -> bool:
        outside = ~self.in_cup(beads)
        rim_metres = TRAY_METRES + BOWL_HEIGHT_METRES
        if (outside & ~in_bowl & (beads[:, 2] > rim_metres)).any():
            return True
        speeds = [self.world.velocity(BEADS[index])[2] for index in np.flatnonzero(outside)]
        return bool(speeds and min(speeds) < -FALLING_METRES_PER_SECOND)

    def _lifted(self, full_metres: float) -> float:
        return clip((self.cup_metres[2] - TRAY_METRES) / full_metres)

    def _to_cup(self) -> float:
        return float(np.linalg.norm(self.grasp_metres - self.world.tip_metres))

    def _to_pouring(self) -> float:
        """Return how far, along x and y, the cup is from where it pours into the bowl's middle."""
        return float(np.linalg.norm((self.grasp_metres - self.pouring_metres)[:2]))

    @property
    def pouring_metres(self) -> np.ndarray:
        """Where the tip is when it pours, (3,)."""
        return self.bowl_metres + np.array([0.0, -0.035, 0.14])

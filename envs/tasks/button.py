"""The button: press it down and hold it."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcn_robot.envs.task import Start, Task
from tcn_robot.envs.things import Colour, Shape, Slide, Thing
from tcn_robot.envs.tolerance import clip, tolerance

BOX_HEIGHT_METRES = 0.05
TOP_METRES = 0.08
"""Height of the button's upper side above the table when nothing presses it."""
TRAVEL_METRES = 0.025
PRESSED_SHARE = 0.8
FINGER_METRES = 0.015
"""How far the fingers reach below the tip, about, for every body."""
RED: Colour = (0.85, 0.12, 0.10, 1.0)
YELLOW: Colour = (0.93, 0.80, 0.25, 1.0)


def box() -> Thing:
    """Return a box with a hole for the button, which is filled with what stops nothing."""
    half, hole, half_height = 0.06, 0.036, 0.5 * BOX_HEIGHT_METRES
    middle, width = 0.5 * (half + hole), 0.5 * (half - hole)
    at = (0.0, 0.0, half_height - 0.0003)
    shapes = [Shape("box", (hole, hole, half_height), YELLOW, at, collides=False)]
    for side in (-1.0, 1.0):
        shapes += [
            Shape("box", (width, half, half_height), YELLOW, (side * middle, 0.0, half_height)),
            Shape("box", (hole, width, half_height), YELLOW, (0.0, side * middle, half_height)),
        ]
    return Thing("box", tuple(shapes), (0.58, 0.10, 0.0))


class Button(Task):
    """Press a big red button on a box and hold it down.

    **Task.** The box stands at a random place on the table, the closed fingers start anywhere above
    and mostly to the right. A spring pushes the button up. Success: it is pressed by at least four
    fifths of its 2.5 cm at this moment; once let go it is not.

    **Action** `Box(-1, 1, (3,))`: move the tip by up to 3 cm along x, y and z.

    **Observation** `Box(-10, 10, (8,))`: tip (x, y, z) from the middle of the workspace, the
    button's upper side minus the fingers' lower end (x, y, z), box (x, y) from the middle of the
    table; in units of 10 cm.

    **Phases** `approach`, `press` (the fingers are at the button, or it has gone down a little),
    `done` (it is pressed).

    **Rewards.** Sparse: 1 while the button is pressed. Dense, in [0, 1]: three tenths for the
    fingers near the middle of the button, seven tenths for the share of its travel. **Progress**:
    four tenths for the way to the button, the rest for the share of the travel; `pressed` tells
    that share.

    **Play** (`--policy play`): 240 steps of touching the button, pressing it half way and going
    back to a few places; while the tool rests there, the box is put elsewhere by a hand that is
    not shown.

    **Length.** 50 steps at 10 Hz; nothing ends an episode early.
    """

    things = (
        box(),
        Thing(
            "button",
            (
                Shape(
                    "cylinder",
                    (0.034, 0.5 * (TOP_METRES - BOX_HEIGHT_METRES)),
                    RED,
                    (0.0, 0.0, 0.5 * (TOP_METRES + BOX_HEIGHT_METRES)),
                    mass_kg=0.03,
                ),
            ),
            (0.58, 0.10, 0.0),
            motion="slide",
            slide=Slide((0.0, 0.0, -1.0), 0.0, TRAVEL_METRES, stiffness=300.0, damping=6.0),
        ),
    )
    seen = ("button", "box")
    phases = ("approach", "press", "done")
    # No lower than what presses the button home: nothing is squeezed.
    workspace_low_metres = np.array([0.40, -0.30, 0.067])
    workspace_high_metres = np.array([0.74, 0.30, 0.30])
    observation_size = 8
    camera_target_metres = (0.56, 0.0, 0.11)
    middle_metres = np.array([0.56, 0.0, 0.15])
    low_metres = np.array([0.48, -0.02])
    high_metres = np.array([0.68, 0.22])
    """Where the middle of the box may be, (2,)."""

    def place(self, generator: np.random.Generator) -> Start:
        """Put the box on the left half, the tip anywhere above, mostly to the right of it."""
        self.move_box(generator.uniform(self.low_metres, self.high_metres))
        return Start(generator.uniform([0.44, -0.28, 0.14], [0.70, 0.12, 0.28]))

    def move_box(self, place_metres: np.ndarray) -> None:
        """Put the box with its button elsewhere on the table, (2,)."""
        for thing in ("box", "button"):
            self.world.place(thing, [*place_metres, 0.0])

    @property
    def box_metres(self) -> np.ndarray:
        """The middle of the box on the table, (2,)."""
        return self.world.position("box")[:2]

    @property
    def pressed(self) -> float:
        """The share of the button's travel that is done, in [0, 1]."""
        return clip(self.world.slide("button") / TRAVEL_METRES)

    @property
    def top_metres(self) -> np.ndarray:
        """The middle of the button's upper side, (3,)."""
        return self.world.position("button") + np.array([0.0, 0.0, TOP_METRES])

    def observe(self) -> np.ndarray:
        """Return the observation the class describes."""
        tip = self.world.tip_metres
        metres = [tip - self.middle_metres, self._way(), self.box_metres - self.middle_metres[:2]]
        return 10 * np.concatenate(metres)

    def labels(self) -> dict[str, Any]:
        """Return phase, progress, success, contact and the share of the travel."""
        pressed, contact = self.pressed, self.world.touching("button")
        success = pressed >= PRESSED_SHARE
        reached = clip(1.0 - (self._distance() - 0.01) / 0.45)
        share = min(1.0, pressed / PRESSED_SHARE)
        return {
            "phase_index": 2 if success else int(contact or pressed > 0.15),
            "progress": 1.0 if success else 0.4 * reached + 0.6 * share,
            "success": success,
            "contact": contact,
            "pressed": pressed,
        }

    def dense_reward(self) -> float:
        """Return the shaped reward, in [0, 1]."""
        if self.pressed >= PRESSED_SHARE:
            return 1.0
        return 0.3 * tolerance(self._distance(), 0.01, 0.08) + 0.7 * self.pressed

    def _way(self) -> np.ndarray:
        """Return the way (3,) from the fingers' lower end to the button, in metres."""
        way = self.top_metres - self.world.tip_metres
        way[2] += FINGER_METRES
        return way

    def _distance(self) -> float:
        return float(np.linalg.norm(self._way()))

"""The drawer: pull it open by its handle."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcn_robot.envs.task import Start, Task
from tcn_robot.envs.things import Colour, Shape, Slide, Thing, Vector, turn_about
from tcn_robot.envs.tolerance import clip, tolerance

HALF_WIDTH_METRES = 0.10
HEIGHT_METRES = 0.08
DEPTH_METRES = 0.15
WALL_METRES = 0.006
FRONT_METRES = 0.012
GAP_METRES = 0.082
"""Between the drawer's front and its handle: room for the closed fingers of every body."""
BAR_RADIUS_METRES = 0.006
BAR_HEIGHT_METRES = 0.060
TRAVEL_METRES = 0.13
OPEN_METRES = 0.10
HOOK_HEIGHT_METRES = 0.058
"""Of the tip, when the fingers reach well below the bar."""
CLEAR_METRES = 0.05
"""How much higher the tip has to be to pass over the bar."""
WOOD: Colour = (0.50, 0.34, 0.20, 1.0)
LIGHT_WOOD: Colour = (0.80, 0.62, 0.38, 1.0)
LINING: Colour = (0.96, 0.86, 0.35, 1.0)
RED: Colour = (0.85, 0.12, 0.10, 1.0)


def _panel(low: Vector, high: Vector, rgba: Colour, mass_kg: float = 0.0) -> Shape:
    """Return a box from one corner to the opposite one."""
    x, y, z = (0.5 * (a + b) for a, b in zip(low, high, strict=True))
    half_x, half_y, half_z = (0.5 * (b - a) for a, b in zip(low, high, strict=True))
    return Shape("box", (half_x, half_y, half_z), rgba, (x, y, z), mass_kg=mass_kg, friction=0.4)


def cabinet() -> Thing:
    """Return the cabinet, open in front; its origin is the foot of the front, middle."""
    w, d, h, wall = HALF_WIDTH_METRES, DEPTH_METRES, HEIGHT_METRES, WALL_METRES
    shapes = (
        _panel((-w, 0.0, h - wall), (w, d, h), WOOD),
        _panel((-w, 0.0, 0.0), (w, d, wall), WOOD),
        _panel((-w, 0.0, wall), (wall - w, d, h - wall), WOOD),
        _panel((w - wall, 0.0, wall), (w, d, h - wall), WOOD),
        _panel((-w, d - wall, wall), (w, d, h - wall), WOOD),
    )
    return Thing("cabinet", shapes, (0.58, 0.12, 0.0))


def drawer() -> Thing:
    """Return the drawer, closed: a lined tray, a front, and a bar on two posts before it."""
    w, d, h = HALF_WIDTH_METRES - 0.009, DEPTH_METRES - 0.010, HEIGHT_METRES - 0.014
    wall, floor = WALL_METRES, 0.010
    front, bar = -0.001 - FRONT_METRES, -0.001 - FRONT_METRES - GAP_METRES - BAR_RADIUS_METRES
    shapes = [
        _panel((-w, 0.0, floor), (w, d, floor + wall), LINING, 0.1),
        _panel((-w, 0.0, floor), (wall - w, d, h), LINING, 0.05),
        _panel((w - wall, 0.0, floor), (w, d, h), LINING, 0.05),
        _panel((-w, d - wall, floor), (w, d, h), LINING, 0.05),
        _panel(
            (-HALF_WIDTH_METRES, front, 0.004),
            (HALF_WIDTH_METRES, -0.001, HEIGHT_METRES),
            LIGHT_WOOD,
            0.15,
        ),
    ]
    along_x, along_y = (
        turn_about((0.0, 1.0, 0.0), np.pi / 2),
        turn_about((1.0, 0.0, 0.0), np.pi / 2),
    )
    at = (0.0, bar, BAR_HEIGHT_METRES)
    shapes.append(Shape("capsule", (BAR_RADIUS_METRES, 0.07), RED, at, along_x, 0.05, friction=0.4))
    for side in (-1.0, 1.0):
        at = (side * 0.066, 0.5 * (front + bar), BAR_HEIGHT_METRES)
        size = (BAR_RADIUS_METRES, 0.5 * (front - bar))
        shapes.append(Shape("capsule", size, RED, at, along_y, 0.02, friction=0.4))
    slide = Slide((0.0, -1.0, 0.0), 0.0, TRAVEL_METRES, damping=8.0, friction_newton=2.0)
    return Thing("drawer", tuple(shapes), (0.58, 0.12, 0.0), motion="slide", slide=slide)


class Drawer(Task):
    """Open a drawer by the bar of its handle.

    **Task.** A cabinet on the left, its place drawn anew within a few centimetres, has a drawer
    that opens towards the right, by 13 cm at most and up to 2 cm at the start. The closed fingers
    reach behind the bar from above and pull. Success: open by at least 10 cm.

    **Action** `Box(-1, 1, (3,))`: move the tip by up to 3 cm along x, y and z.

    **Observation** `Box(-10, 10, (9,))`: tip (x, y, z) from the middle of the workspace, the
    place to hook in minus the tip (x, y, z), cabinet (x, y) from where it stands on average,
    opening; in units of 10 cm.

    **Phases** `approach`, `hook` (the fingers are behind the bar), `pull` (the drawer has come out
    by 2 cm), `done`.

    **Rewards.** Sparse: 1 while the drawer is open. Dense, in [0, 1]: three tenths for the way
    over the bar and down behind it, seven tenths for the opening. **Progress**: a quarter for the
    way to the handle, the rest for the share of the drawer's way that is done;
    `opening_metres` tells that way.

    **Play** (`--policy play`): 240 steps of opening the drawer a little and closing it, and of
    going back to a few places; while the tool rests there, the drawer and the cabinet are moved by
    a hand that is not shown.

    **Length.** 80 steps at 10 Hz; nothing ends an episode early.
    """

    things = (cabinet(), drawer())
    seen = ("cabinet", "drawer")
    phases = ("approach", "hook", "pull", "done")
    workspace_low_metres = np.array([0.40, -0.30, 0.030])
    workspace_high_metres = np.array([0.76, 0.26, 0.28])
    observation_size = 9
    camera_target_metres = (0.56, 0.0, 0.11)
    middle_metres = np.array([0.58, 0.0, 0.12])
    low_metres = np.array([0.54, 0.09])
    high_metres = np.array([0.62, 0.15])
    """Where the foot of the cabinet's front may be, (2,)."""
    _start_opening_metres = 0.0

    def place(self, generator: np.random.Generator) -> Start:
        """Put the cabinet on the left, the drawer nearly closed, the tip above and to the right."""
        self.move_cabinet(generator.uniform(self.low_metres, self.high_metres))
        self._start_opening_metres = float(generator.uniform(0.0, 0.02))
        self.world.set_slide("drawer", self._start_opening_metres)
        return Start(generator.uniform([0.46, -0.28, 0.12], [0.70, 0.02, 0.26]))

    def move_cabinet(self, place_metres: np.ndarray) -> None:
        """Put the cabinet with its drawer elsewhere on the table, (2,)."""
        for thing in ("cabinet", "drawer"):
            self.world.place(thing, [*place_metres, 0.0])

    @property
    def cabinet_metres(self) -> np.ndarray:
        """The foot of the cabinet's front on the table, (2,)."""
        return self.world.position("cabinet")[:2]

    @property
    def opening_metres(self) -> float:
        """How far the drawer is open."""
        return self.world.slide("drawer")

    @property
    def hook_metres(self) -> np.ndarray:
        """Where the tip hooks in: between front and bar, (3,)."""
        off = np.array([0.0, -0.001 - FRONT_METRES - 0.5 * GAP_METRES, HOOK_HEIGHT_METRES])
        return self.world.position("drawer") + off

    def observe(self) -> np.ndarray:
        """Return the observation the class describes."""
        tip = self.world.tip_metres
        cabinet_off = self.cabinet_metres - 0.5 * (self.low_metres + self.high_metres)
        metres = [tip - self.middle_metres, self.hook_metres - tip, cabinet_off]
        return 10 * np.concatenate([*metres, [self.opening_metres]])

    def labels(self) -> dict[str, Any]:
        """Return phase, progress, success, contact and the opening."""
        opening, contact = self.opening_metres, self.world.touching("drawer")
        success = opening >= OPEN_METRES
        start = self._start_opening_metres
        pulled = clip((opening - start) / (OPEN_METRES - start))
        reached = clip(1.0 - (self._off_the_way() - 0.03) / 0.35)
        hooked = int(np.abs(self.world.tip_metres - self.hook_metres).max() < 0.035)
        phase = 3 if success else 2 if opening > start + 0.02 else hooked
        return {
            "phase_index": phase,
            "progress": 1.0 if success else 0.25 * reached + 0.75 * pulled,
            "success": success,
            "contact": contact,
            "opening_metres": opening,
        }

    def dense_reward(self) -> float:
        """Return the shaped reward, in [0, 1]."""
        if self.opening_metres >= OPEN_METRES:
            return 1.0
        opened = tolerance(OPEN_METRES - self.opening_metres, 0.0, 0.06)
        return 0.3 * tolerance(self._off_the_way(), 0.03, 0.08) + 0.7 * opened

    def _off_the_way(self) -> float:
        """Return how far the tip is from hooking in, going over the bar and not through it."""
        way = self.hook_metres - self.world.tip_metres
        aside = float(np.linalg.norm(way[:2]))
        # Beside the gap the tip should be high, above it it may go down.
        clear = CLEAR_METRES * clip((aside - 0.02) / 0.03)
        return float(np.hypot(aside, way[2] + clear))

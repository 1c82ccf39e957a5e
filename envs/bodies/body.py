"""What a body is: an effector with two opposing fingers, and what carries it.

All bodies do the same with one action, so that a demonstration or a policy can cross over. The
palm's frame: z points out of the palm along the fingers, the fingers close along y. The tip, the
point between the fingers that actions move, lies on z.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from tcn_robot.envs.things import Shape, Vector

Tool = Literal["down", "forward"]
"""Which way the effector points: at the table, or away from the robot along +x."""

TOOL_ROTATIONS: dict[Tool, np.ndarray] = {
    "down": np.array([[-1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, -1.0]]),
    "forward": np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]]),
}
"""The palm's rotation (3, 3) in the world at roll 0."""

OPEN_METRES = 0.09
"""Gap between the fingers at opening 1, for every body."""


@dataclass(frozen=True)
class Finger:
    """One finger, or all that move together.

    Attributes:
        shapes: In the palm's frame at opening 0.
        joint: "slide" along `axis`, or "hinge" about it.
        axis: Unit vector in the palm's frame; positive is opening.
        anchor_metres: Where a hinge is.
        travel: Joint position at opening 1, in metres or radians; at opening 0 it is 0.
    """

    shapes: tuple[Shape, ...]
    joint: Literal["slide", "hinge"]
    axis: Vector
    travel: float
    anchor_metres: Vector = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Effector:
    """A palm with two opposing fingers.

    Attributes:
        palm: Shapes that do not move against the palm.
        fingers: The two fingers.
        tip_metres: Distance of the tip from the palm's origin along z.
        radius_metres: How far the closed effector reaches sideways at its tip, about.
        squeeze: Stiffness of the fingers' servos, N/m or N m/rad.
    """

    palm: tuple[Shape, ...]
    fingers: tuple[Finger, Finger]
    tip_metres: float
    radius_metres: float
    squeeze: float


class Carrier(Protocol):
    """What carries the effector: kinematics from its joints to the tip and back."""

    num_joints: int
    joint_scale: np.ndarray
    """(J,) how far one action of joint control moves each joint, in radians or metres."""
    low: np.ndarray
    high: np.ndarray

    def home(self, tool: Tool) -> np.ndarray:
        """Return the joints (J,) from which searches start."""
        ...

    def solve(
        self,
        joints: np.ndarray,
        tip_metres: np.ndarray,
        roll_radians: float,
        tool: Tool,
        iterations: int = 2,
    ) -> np.ndarray:
        """Return joints (J,) near the given ones that bring the tip to a point and a roll."""
        ...

    def tip(self, joints: np.ndarray, tool: Tool) -> tuple[np.ndarray, float]:
        """Return tip (3,) in metres and roll about the tool's axis in radians."""
        ...


@dataclass(frozen=True)
class Body:
    """A body for one direction of the tool.

    Attributes:
        name: As `embodiment=` has it.
        effector: Palm and fingers.
        carrier: What moves the palm.
        arm: Name of the arm's model in `assets/`, None for a body that floats freely.
        meshes: Whether the arm is shown with the manufacturer's meshes.
        skin: Names of colours (`SKINS`) one of which each episode draws; empty for a fixed one.
    """

    name: str
    effector: Effector
    carrier: Carrier
    arm: str | None = None
    meshes: bool = False
    skin: tuple[tuple[float, float, float], ...] = ()


def roll_of(rotation: np.ndarray, tool: Tool) -> float:
    """Return the turn of a palm's rotation (3, 3) about the tool's own axis, in radians."""
    turned = TOOL_ROTATIONS[tool].T @ rotation
    return float(np.arctan2(turned[1, 0] - turned[0, 1], turned[0, 0] + turned[1, 1]))


def rolled(roll_radians: float, tool: Tool) -> np.ndarray:
    """Return the palm's rotation (3, 3) in the world at a roll."""
    cosine, sine = np.cos(roll_radians), np.sin(roll_radians)
    turn = np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])
    return np.asarray(TOOL_ROTATIONS[tool] @ turn)

"""What every task says of itself, for any simulator and any body.

A task is one small file with a subclass of `Task`: what lies on the table, where things start,
what is observed and how far the task has come.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from tcn_robot.envs.bodies.body import Tool
from tcn_robot.envs.things import Thing, Vector
from tcn_robot.envs.world import World


@dataclass(frozen=True)
class Start:
    """How the body stands when an episode begins.

    Attributes:
        tip_metres: (3,) where the tip is.
        opening: How far the fingers are open, 0 to 1.
        roll_radians: The tool's turn about its own axis.
    """

    tip_metres: np.ndarray
    opening: float = 0.0
    roll_radians: float = 0.0


class Task(ABC):
    """A task on the table, bound to a world.

    What is the same in every episode are class attributes; what an episode draws are attributes of
    the object, set by `place`.
    """

    things: ClassVar[tuple[Thing, ...]]
    """What lies on the table."""
    phases: ClassVar[tuple[str, ...]]
    """Names of the phases in their order."""
    tool: ClassVar[Tool] = "down"
    """Which way the effector points."""
    axes: ClassVar[tuple[int, ...]] = (0, 1, 2)
    """World axes (0 = x, 1 = y, 2 = z) that an action moves."""
    rolls: ClassVar[bool] = False
    """Whether an action turns the tool about its own axis."""
    grips: ClassVar[bool] = False
    """Whether an action moves the fingers; otherwise they stay as they start."""
    action_scale_metres: ClassVar[float] = 0.03
    roll_scale_radians: ClassVar[float] = 0.15
    grip_scale: ClassVar[float] = 0.34
    workspace_low_metres: ClassVar[np.ndarray]
    workspace_high_metres: ClassVar[np.ndarray]
    roll_low_radians: ClassVar[float] = 0.0
    roll_high_radians: ClassVar[float] = 0.0
    observation_size: ClassVar[int]
    camera_target_metres: ClassVar[Vector] = (0.56, 0.0, 0.04)
    seen: ClassVar[tuple[str, ...]] = ()
    """Things that every fixed camera must show at the start."""

    def __init__(self, world: World) -> None:
        """Bind the task to a world that was built from its `things`."""
        self.world = world

    @abstractmethod
    def place(self, generator: np.random.Generator) -> Start:
        """Put the things where they start and return how the body starts."""

    @abstractmethod
    def observe(self) -> np.ndarray:
        """Return what a policy sees: float (observation_size,), about unit scale."""

    @abstractmethod
    def labels(self) -> dict[str, Any]:
        """Return `progress` in [0, 1], `success` and `phase_index` of this moment, and more."""

    @abstractmethod
    def dense_reward(self) -> float:
        """Return the shaped task reward of this moment, in [0, 1]."""

    def reported(self) -> tuple[str, ...]:
        """Return the things whose poses `info` has: those that can move."""
        return tuple(thing.name for thing in self.things if thing.motion != "placed")

    def hold_axes(self, target_metres: np.ndarray) -> np.ndarray:
        """Return a target with the axes that no action moves put to their fixed value."""
        return target_metres

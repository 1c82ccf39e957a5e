"""What tasks and demonstrators see of a simulator, the same for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from tcn_robot.envs.bodies.body import Body
from tcn_robot.envs.things import Thing, Vector

TIMESTEP_SECONDS = 0.005
NUM_RAMP_PIECES = 5


@dataclass(frozen=True)
class Scene:
    """All that a simulator needs to build its model.

    Attributes:
        things: What lies on the table.
        body: Who does the task.
        tool: Direction of the tool.
        camera_target_metres: Where the fixed cameras look.
        control_hz: Control steps per second.
        shadows: Whether pictures have shadows and reflections (ten times slower in software).
    """

    things: tuple[Thing, ...]
    body: Body
    tool: Any
    camera_target_metres: Vector
    control_hz: float
    shadows: bool = False


class World(Protocol):
    """A simulated table with a body. Positions in metres, quaternions (w, x, y, z)."""

    simulator: str
    randomisations: tuple[str, ...]
    """Names of `randomisation.table.RANGES` that `apply` can set."""
    scene: Scene
    version: int
    """Grows whenever anything moves: pictures of one version are the same."""

    @property
    def joints(self) -> np.ndarray:
        """The carrier's joints (J,) as they are."""
        ...

    @property
    def joint_targets(self) -> np.ndarray:
        """The carrier's joints (J,) as last commanded."""
        ...

    @property
    def joint_velocities(self) -> np.ndarray:
        """How fast the carrier's joints move, (J,) in rad/s or m/s."""
        ...

    @property
    def opening(self) -> float:
        """How far the fingers are open, 0 to 1."""
        ...

    @property
    def opening_target(self) -> float:
        """How far they were told to open."""
        ...

    @property
    def tip_metres(self) -> np.ndarray:
        """Where the tip is, (3,)."""
        ...

    @property
    def roll_radians(self) -> float:
        """The tool's turn about its own axis."""
        ...

    @property
    def time_seconds(self) -> float:
        """Seconds since the reset on the simulation's clock."""
        ...

    def clear(self) -> None:
        """Put every thing where its description has it, everything at rest, the clock to 0."""
        ...

    def apply(self, drawn: dict[str, Any]) -> None:
        """Set what `randomisation.draw` returned, as plain JSON data; {} takes all of it back.

        Before things are placed: distractors are put where they were drawn. Cameras with waves
        move with the clock from then on.

        Raises:
            UserError: For what the model has not, or the simulator cannot do.
        """
        ...

    def stand(self, joints: np.ndarray, opening: float) -> None:
        """Put the body there at rest and let positions follow, without passing time."""
        ...

    def command(self, joint_targets: np.ndarray, opening_target: float) -> None:
        """Simulate one control step, the targets moving evenly to the given ones."""
        ...

    def position(self, thing: str) -> np.ndarray:
        """Where a thing is, (3,)."""
        ...

    def quaternion(self, thing: str) -> np.ndarray:
        """How it is turned, (4,)."""
        ...

    def velocity(self, thing: str) -> np.ndarray:
        """Its linear velocity, (3,) in m/s."""
        ...

    def place(
        self,
        thing: str,
        position: Sequence[float] | np.ndarray,
        quaternion: Sequence[float] | np.ndarray | None = None,
    ) -> None:
        """Put a thing elsewhere at rest; None leaves it turned as it is."""
        ...

    def slide(self, thing: str) -> float:
        """Position of a sliding thing along its axis, in metres."""
        ...

    def set_slide(self, thing: str, metres: float) -> None:
        """Move a sliding thing along its axis and leave it at rest."""
        ...

    def touching(self, thing: str) -> bool:
        """Whether the effector touches a thing."""
        ...

    def render(self, views: Sequence[str], size: tuple[int, int]) -> dict[str, np.ndarray]:
        """Return uint8 (height, width, 3) RGB by view; size is (height, width) in pixels."""
        ...

    def camera_parameters(self, view: str, size: tuple[int, int]) -> dict[str, Any]:
        """Return intrinsics (3, 3) in px and extrinsics (4, 4), world to camera, as lists."""
        ...

    def get_state(self) -> np.ndarray:
        """Return all that going on and rendering need, float64 (S,)."""
        ...

    def set_state(self, state: np.ndarray) -> None:
        """Go to a state that `get_state` returned.

        Raises:
            UserError: When it belongs to another model.
        """
        ...

    @property
    def model_text(self) -> str:
        """The exact model; with a state it lets any further camera be rendered later."""
        ...

    def close(self) -> None:
        """Free renderers and connections."""
        ...

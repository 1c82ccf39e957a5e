"""What can be recorded: cameras that give frames, simulators that give everything."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np


class FrameSource(Protocol):
    """A camera, a stream, a film or a folder of pictures.

    `is_live` says whether it runs at its own pace (frames that are not taken are lost) and stamps
    arrivals, or lies on the disk and has times of its own. `frame_rate_hz` is the rate it was asked
    for or claims; None where nobody knows before frames have come.
    """

    address: str
    frame_rate_hz: float | None
    is_live: bool

    def read(self) -> tuple[float, np.ndarray] | None:
        """Return (measured capture time in seconds, uint8 (H, W, 3) RGB), or None at the end."""
        ...

    def close(self) -> None:
        """Release what is held; a `read` that waits may return None."""
        ...


class SimulatedSource(Protocol):
    """A simulated task as `gymnasium.Env.unwrapped` of `tcn_robot.envs` has it.

    A source may also have `randomisation` (a dict of what was drawn for the episode); it is
    stored as it is.
    """

    simulator: str
    embodiment: str
    view_names: tuple[str, ...]
    horizon: int

    @property
    def control_hz(self) -> float:
        """Control steps, and so frames, per second."""
        ...

    @property
    def simulation_time_seconds(self) -> float:
        """Time on the simulator's clock."""
        ...

    @property
    def model_xml(self) -> str:
        """The exact model; with `get_state` it lets any further camera be rendered later."""
        ...

    def reset(self, *, seed: int | None = None) -> tuple[np.ndarray, dict[str, Any]]:
        """Start an episode; return observation and labels (numbers, text, truth values)."""
        ...

    def step(self, action: np.ndarray) -> tuple[np.ndarray, Any, bool, bool, dict[str, Any]]:
        """Do one control step; return observation, reward, terminated, truncated, labels."""
        ...

    def render_views(self, views: Sequence[str], size: tuple[int, int]) -> dict[str, np.ndarray]:
        """Return uint8 (H, W, 3) RGB by view; size is (height, width) in pixels."""
        ...

    def camera_parameters(self, view: str, size: tuple[int, int]) -> dict[str, Any]:
        """Return intrinsics (3x3) and extrinsics (4x4, world to camera) as lists."""
        ...

    def get_state(self) -> np.ndarray:
        """Return float64 (S,): all that rendering and going on need."""
        ...

    def set_state(self, state: np.ndarray) -> None:
        """Put the simulator into a state that `get_state` gave."""
        ...


Policy = Callable[[Any, np.random.Generator], Iterator[np.ndarray]]
"""A demonstrator: given the source (already reset) and its own randomness, an iterator whose
`next` gives the action for the source's current state; when it ends, filming ends."""

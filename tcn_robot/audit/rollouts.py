"""One episode as the audit sees it: frames, what the simulator says of them, and edits of both."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tcn_robot.errors import UserError


@dataclass(frozen=True)
class Rollout:
    """What happened in an episode, and in which order it is shown.

    An edit in time (backwards, back and forth, standing still) is another `index` into the same
    moments, so that frames and labels stay together and nothing is copied.

    Attributes:
        kind: Who acts or what was done to it, such as "expert" or "loop".
        start_seed: Seed of the start.
        frames: {view: uint8 (N, H, W, 3)}, one picture per moment.
        infos: N dictionaries of the simulator's labels; `success` is None where nobody knows.
        index: int64 (T,), which moment is shown at each step.
        states: float64 (N, S) of the simulator, None where it has none.
        actions: float32 (N - 1, A), None where they are not known.
    """

    kind: str
    start_seed: int
    frames: dict[str, NDArray[np.uint8]]
    infos: tuple[dict[str, Any], ...]
    index: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    states: NDArray[np.float64] | None = None
    actions: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        """Show every moment once when no order is given."""
        if not len(self.index):
            object.__setattr__(self, "index", np.arange(len(self.infos), dtype=np.int64))

    def __len__(self) -> int:
        """Return T, the number of steps that are shown."""
        return len(self.index)

    def film(self) -> dict[str, NDArray[np.uint8]]:
        """Return what is shown, {view: uint8 (T, H, W, 3)}."""
        in_order = np.array_equal(self.index, np.arange(len(self.infos)))
        if in_order:
            return self.frames
        return {view: frames[self.index] for view, frames in self.frames.items()}

    def labels(self, name: str) -> NDArray[np.float64] | None:
        """Return a label of each step, float64 (T,); None where any step lacks it."""
        values = [info.get(name) for info in self.infos]
        if any(value is None for value in values):
            return None
        return np.array(values, dtype=np.float64)[self.index]

    @property
    def progress(self) -> NDArray[np.float64] | None:
        """How far the task has come, float64 (T,) in [0, 1]; None for tasks that do not say."""
        return self.labels("progress")

    @property
    def success(self) -> bool | None:
        """Whether the task is done at the last step; None where nobody knows."""
        done = self.labels("success")
        return None if done is None else bool(done[-1])

    @property
    def ever_success(self) -> bool | None:
        """Whether the task was done at any step; None where nobody knows."""
        done = self.labels("success")
        return None if done is None else bool(done.any())

    def shown(self, kind: str, index: NDArray[np.int64]) -> Rollout:
        """Return the same moments in another order, (T,) indices into the moments.

        Raises:
            UserError: For an order without steps.
        """
        if not len(index):
            raise UserError(f"{kind}: expected 1 step or more to show, found none")
        return replace(self, kind=kind, index=np.asarray(index, dtype=np.int64))

    def pictured(self, kind: str, frames: dict[str, NDArray[np.uint8]]) -> Rollout:
        """Return the same moments with other pictures of them, {view: uint8 (N, H, W, 3)}."""
        return replace(self, kind=kind, frames=frames)


def held(index: NDArray[np.int64], num_steps: int) -> NDArray[np.int64]:
    """Return an order cut or held to a number of steps: the last moment is shown until then."""
    short = index[:num_steps]
    return np.concatenate([short, np.full(num_steps - len(short), short[-1], dtype=np.int64)])


def back_and_forth(first: int, last: int, num_steps: int) -> NDArray[np.int64]:
    """Return first, first + 1, ... last, last - 1, ... first, ... for a number of steps, (T,).

    Raises:
        ValueError: When `last` is not above `first`.
    """
    if last <= first:
        raise ValueError(f"expected moments to go between, found {first} to {last}")
    period = 2 * (last - first)
    phase = np.arange(num_steps) % period
    return np.asarray(first + np.minimum(phase, period - phase), dtype=np.int64)


def moving_steps(rollout: Rollout) -> int:
    """Return how many steps pass until the task is done for good, or until the last; at least 2.

    What is shown afterwards is waiting: it says nothing of the order.
    """
    done = rollout.labels("success")
    if done is None or not done[-1]:
        return len(rollout)
    undone = np.flatnonzero(done < 0.5)
    return max(2, int(undone[-1]) + 2) if len(undone) else len(rollout)


def moment_at(rollout: Rollout, share: float) -> int:
    """Return the first step at which a share of the task is done.

    Where the task does not say how far it has come, the share of the steps that it takes.

    Args:
        rollout: A success in the order of time.
        share: In (0, 1).
    """
    progress, steps = rollout.progress, moving_steps(rollout)
    if progress is None:
        return round(share * (steps - 1))
    there = np.flatnonzero(progress >= share)
    return int(there[0]) if len(there) else steps - 1

"""What is said of a training while it runs: lines of progress, TensorBoard, rewards and returns."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback

from tcn_robot.rewards.wrappers import EPISODE_SCORES_KEY

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

LINE_INTERVAL_SECONDS = 15.0
RECENT_LINES = 5
# What infos say of a task's own rewards, and what their sums over an episode are called.
RETURNS = {"reward_sparse": "return_sparse", "reward_dense": "return_dense"}

Say = Callable[[str], None]
Losses = Callable[[], Mapping[str, float]]


def open_tensorboard(folder: Path, steps: int) -> SummaryWriter | None:
    """Return a writer that drops what was written after the step it continues from.

    None where TensorBoard is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder), purge_step=steps + 1)  # type: ignore[no-untyped-call]


def write_scalars(writer: SummaryWriter | None, figures: Mapping[str, Any], steps: int) -> None:
    """Write every float of some figures, whole numbers and the rest left out."""
    if writer is None:
        return
    for name, value in figures.items():
        if isinstance(value, float):
            writer.add_scalar(name, value, steps)  # type: ignore[no-untyped-call]
    writer.flush()  # type: ignore[no-untyped-call]


class TrainingLog(BaseCallback):
    """Follows a training step by step; several seeds share a log, so lines are plain.

    Into TensorBoard go, under `training/`, at the end of every episode of all envs: the mean
    `return` of the reward that is learned from, `return_sparse` and `return_dense` of the task's
    own, `success` at the last step, and the last losses.
    """

    def __init__(
        self,
        name: str,
        total_steps: int,
        say: Say,
        losses: Losses = dict,
        writer: SummaryWriter | None = None,
    ) -> None:
        """Start the clock.

        Args:
            name: Stands at the start of every line.
            total_steps: Control steps of the whole training.
            say: Takes lines.
            losses: Returns what the last update said.
            writer: Takes what happens to single episodes; None: nobody does.
        """
        super().__init__()
        self._name = name
        self._total_steps = total_steps
        self._say = say
        self._losses = losses
        self._writer = writer
        self._note = ""
        self._last_seconds = time.monotonic()
        self._recent: deque[tuple[float, int]] = deque(maxlen=RECENT_LINES)
        self._rewards: list[float] = []
        self._sums: dict[str, np.ndarray] = {}

    def note(self, text: str) -> None:
        """Show a short text, such as the latest success, and say a line now."""
        self._note = f", {text}"
        self._speak(time.monotonic())

    def begin_segment(self) -> None:
        """Forget the rewards so far: fresh episodes begin."""
        self._rewards.clear()
        self._sums.clear()

    def mean_reward(self) -> float:
        """Return the mean reward per transition since `begin_segment`."""
        return float(np.mean(self._rewards))

    def _on_step(self) -> bool:
        now = time.monotonic()
        if not self._recent:
            self._recent.append((now, self.num_timesteps))
        if now - self._last_seconds >= LINE_INTERVAL_SECONDS:
            self._speak(now)
        rewards = np.array(self.locals["rewards"], np.float64)  # (N,)
        for env, info in enumerate(self.locals["infos"]):
            if EPISODE_SCORES_KEY in info:  # the steps before were paid nothing
                rewards[env] += info[EPISODE_SCORES_KEY].sum()
        self._rewards.append(float(rewards.mean()))
        if self._writer is not None:
            self._follow_episodes(rewards, self.locals["dones"], self.locals["infos"])
        return True

    def _follow_episodes(
        self, rewards: np.ndarray, dones: np.ndarray, infos: list[dict[str, Any]]
    ) -> None:
        """Add a step of all envs to their episodes; write the means of those that end."""
        step = {"return": rewards} | {
            name: np.array([info[key] for info in infos], np.float64)
            for key, name in RETURNS.items()
            if all(key in info for info in infos)
        }
        for name, values in step.items():
            self._sums[name] = self._sums.get(name, 0.0) + values
        if not np.any(dones):
            return
        figures = {name: float(sums[dones].mean()) for name, sums in self._sums.items()}
        if all("success" in info for info in infos):
            figures["success"] = float(np.mean([info["success"] for info in infos], where=dones))
        figures |= self._losses()
        named = {f"training/{name}": value for name, value in figures.items()}
        write_scalars(self._writer, named, self.num_timesteps)
        for sums in self._sums.values():
            sums[dones] = 0.0

    def _speak(self, now: float) -> None:
        self._last_seconds = now
        # The rate of the last minute or so: the steps before the first update are much faster.
        first_seconds, first_steps = self._recent[0] if self._recent else (now, 0)
        rate = (self.num_timesteps - first_steps) / max(now - first_seconds, 1e-9)
        rate = max(rate, 1e-9)
        self._recent.append((now, self.num_timesteps))
        left_minutes = max(self._total_steps - self.num_timesteps, 0) / rate / 60
        self._say(
            f"{self._name}: {self.num_timesteps:,}/{self._total_steps:,} steps, "
            f"{rate:.0f} steps/s, {left_minutes:.1f} min left{self._note}"
        )


def print_line(line: str) -> None:
    """Write a line to standard error at once."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()

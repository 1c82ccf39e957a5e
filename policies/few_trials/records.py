"""What a search leaves on disk, iteration by iteration: arrays as safetensors, figures as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tcn_robot.atomic import atomic_file, make_folders, write_text_atomically
from tcn_robot.errors import UserError
from tcn_robot.policies.result_files import read_result_file

LINES_FILE = "iterations.jsonl"
RESULT_FILE = "result.json"
CONTROLLER_FILE = "controller.safetensors"
# What is read from a result.
NEEDED_FIGURES = {
    "start": (),
    "final": ("success", "replay_equals_rollout"),
    "mean": ("success",),
    "iterations": ("rollouts", "success_best", "success_mean"),
    "noisy_replays": (),
}


@dataclass(frozen=True)
class Iteration:
    """One iteration of a search.

    Attributes:
        parameters: float64 (N, P), what was tried.
        rewards: float64 (N, H), what each step earned, before weighting.
        success: bool (N, H), whether the task was done after each step.
        mean_success: bool (H,), the same of a rollout of the optimiser's mean afterwards.
    """

    parameters: NDArray[np.float64]
    rewards: NDArray[np.float64]
    success: NDArray[np.bool_]
    mean_success: NDArray[np.bool_]

    def returns(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the weighted sum of each rollout's rewards, (N,)."""
        return self.rewards @ weights


FIELDS = ("parameters", "rewards", "success", "mean_success")


def iteration_file(folder: Path, index: int) -> Path:
    """Return where an iteration of a search lies."""
    return folder / f"iteration_{index:03}.safetensors"


def save_arrays(path: Path, arrays: dict[str, NDArray[Any]]) -> None:
    """Write arrays into one file, whole or not at all."""
    from safetensors.numpy import save

    with atomic_file(path) as partial:
        partial.write_bytes(save({name: np.ascontiguousarray(arrays[name]) for name in arrays}))


def save_iteration(folder: Path, index: int, iteration: Iteration) -> None:
    """Write one iteration."""
    make_folders(folder)
    arrays = {name: getattr(iteration, name) for name in FIELDS}
    save_arrays(iteration_file(folder, index), arrays)


def load_iterations(folder: Path) -> list[Iteration]:
    """Read the iterations of a search that are finished, in order; none where nothing has begun.

    Raises:
        UserError: For a damaged file.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    found: list[Iteration] = []
    while (path := iteration_file(folder, len(found))).is_file():
        try:
            arrays = load_file(str(path))
            found.append(Iteration(*(arrays[name] for name in FIELDS)))
        except (SafetensorError, OSError, KeyError) as error:
            raise UserError(
                f"{path} is damaged; delete it and those of later iterations beside it, then give "
                "the same command with --resume"
            ) from error
    return found


@dataclass(frozen=True)
class Found:
    """The best rollout so far.

    Attributes:
        iteration: In which it was played.
        rollout: Its place there.
        weighted_return: Its weighted sum of rewards.
        success: Whether the task was done at its last step.
    """

    iteration: int
    rollout: int
    weighted_return: float
    success: bool


def best_of(iterations: list[Iteration], weights: NDArray[np.float64]) -> list[Found]:
    """Return the best rollout up to each iteration; of equal ones the first.

    Args:
        iterations: In order.
        weights: (H,), of the steps.
    """
    best: list[Found] = []
    for index, iteration in enumerate(iterations):
        returns = iteration.returns(weights)
        place = int(returns.argmax())
        here = Found(index, place, float(returns[place]), bool(iteration.success[place, -1]))
        improves = not best or here.weighted_return > best[-1].weighted_return
        best.append(here if improves else best[-1])
    return best


def write_lines(folder: Path, iterations: list[Iteration], weights: NDArray[np.float64]) -> None:
    """Write the figures of all iterations, one JSON object a line.

    Made from the arrays alone, so that a search that was stopped and went on has the same lines.
    """
    lines: list[dict[str, Any]] = []
    rollouts = 0
    for iteration, best in zip(iterations, best_of(iterations, weights), strict=True):
        rollouts += len(iteration.parameters)
        returns = iteration.returns(weights)
        lines.append(
            {
                "iteration": len(lines),
                "rollouts": rollouts,
                "return_mean": float(returns.mean()),
                "return_best": best.weighted_return,
                "success_share": float(iteration.success[:, -1].mean()),
                "success_best": best.success,
                "success_mean": bool(iteration.mean_success[-1]),
            }
        )
    text = "".join(json.dumps(line) + "\n" for line in lines)
    write_text_atomically(folder / LINES_FILE, text)


def read_result(folder: Path) -> dict[str, Any] | None:
    """Return what came out of a search, None when it is not finished.

    Raises:
        UserError: When the file is damaged.
    """
    return read_result_file(folder / RESULT_FILE, NEEDED_FIGURES, "start")

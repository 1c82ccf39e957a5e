"""The table of figures that need no labels but the simulator's progress: one line each."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from tcn_robot.benchmarks.alignment.figures.figure import Figure
from tcn_robot.benchmarks.alignment.figures.found import Found
from tcn_robot.errors import UserError
from tcn_robot.metrics import (
    Distance,
    alignment_accuracy,
    alignment_error,
    chance_accuracy_within_seconds,
    chance_alignment_accuracy,
    chance_alignment_error,
    two_way_cycle_consistency,
)

TOLERANCES_FRAMES = (0, 1, 3, 5)
TOLERANCES_SECONDS = (0.1, 0.2, 0.5)
DISTANCES: tuple[Distance, ...] = ("euclidean", "cosine")


def _no_order(_: NDArray[np.float64]) -> float:
    return 0.0


def _chance_error(times_seconds: NDArray[np.float64]) -> float:
    return chance_alignment_error(len(times_seconds))


def _chance_accuracy(times_seconds: NDArray[np.float64], tolerance: int) -> float:
    return chance_alignment_accuracy(len(times_seconds), tolerance)


def _chance_in_seconds(times_seconds: NDArray[np.float64], seconds: float) -> float:
    return chance_accuracy_within_seconds(times_seconds, times_seconds, seconds)


def _error(found: Found, distance: Distance = "euclidean") -> float:
    u, v = found.query.embedding, found.target.embedding
    return alignment_error(u, v, **found.clocks, distance=distance)


def _accuracy(found: Found, tolerance: int, distance: Distance = "euclidean") -> float:
    u, v = found.query.embedding, found.target.embedding
    return alignment_accuracy(u, v, tolerance, **found.clocks, distance=distance)


def _accuracy_in_seconds(found: Found, seconds: float) -> float:
    return alignment_accuracy(
        found.query.embedding,
        found.target.embedding,
        tolerance_seconds=seconds,
        times_u=found.query.times_seconds,
        times_v=found.target.times_seconds,
    )


def _two_way_cycle(found: Found) -> float:
    return two_way_cycle_consistency(found.query.embedding, found.target.embedding)


_ERROR = Figure("error", "error %", True, "lower", "moments", _error, _chance_error)
_ERROR_BY_COSINE = Figure(
    "error_cosine", "error by cosine %", True, "lower", "moments",
    partial(_error, distance="cosine"), _chance_error,
)  # fmt: skip
_ACROSS_EPISODES = (
    Figure("tau_a", "tau_a", False, "higher", "pairs", lambda f: f.order.tau_a, _no_order),
    Figure("tau_b", "tau_b", False, "higher", "pairs", lambda f: f.order.tau_b, _no_order),
    Figure("ties", "ties %", True, "neither", "pairs", lambda f: f.order.ties),
    Figure(
        "progress_error", "progress error %", True, "lower", "pairs", lambda f: f.progress_error
    ),
)  # fmt: skip
_FURTHER_ACROSS_EPISODES = (
    Figure(
        "effective_states", "states in use", False, "neither", "pairs",
        lambda f: f.order.effective_states,
    ),
    Figure("cycle_2", "two-way cycles %", True, "higher", "pairs", _two_way_cycle),
)  # fmt: skip


def _near(tolerance: int, distance: Distance) -> Figure:
    by_cosine = distance == "cosine"
    return Figure(
        f"accuracy_{tolerance}{'_cosine' if by_cosine else ''}",
        f"within {tolerance} frame{'s' if tolerance != 1 else ''}"
        f"{' by cosine' if by_cosine else ''} %",
        True, "higher", "moments",
        partial(_accuracy, tolerance=tolerance, distance=distance),
        partial(_chance_accuracy, tolerance=tolerance),
    )  # fmt: skip


def across_views(
    tolerances: Sequence[int] = TOLERANCES_FRAMES, seconds: Sequence[float] = TOLERANCES_SECONDS
) -> tuple[Figure, ...]:
    """Return the figures of two films of the same moments.

    Args:
        tolerances: Frames either side that still count, >= 0.
        seconds: Seconds either side that still count, >= 0.

    Raises:
        UserError: A tolerance below zero.
    """
    for name, given in (("--tolerances", tolerances), ("--within-seconds", seconds)):
        if any(not value >= 0 for value in given):
            raise UserError(f"{name} must be at least 0, found {min(given)}")
    near, near_by_cosine = (
        [_near(k, distance) for k in dict.fromkeys(tolerances)] for distance in DISTANCES
    )
    soon = [
        Figure(
            f"accuracy_{s:g}_seconds", f"within {s:g} s %", True, "higher", "moments",
            partial(_accuracy_in_seconds, seconds=s),
            partial(_chance_in_seconds, seconds=s),
            in_seconds=True,
        )
        for s in dict.fromkeys(seconds)
    ]  # fmt: skip
    return (_ERROR, *near, *soon, _ERROR_BY_COSINE, *near_by_cosine)


def across_episodes() -> tuple[Figure, ...]:
    """Return the figures of two films of different episodes."""
    return (*_ACROSS_EPISODES, *_FURTHER_ACROSS_EPISODES)


#: What every encoder is compared by in studies, on cards and in reports.
BASIC: dict[str, Figure] = {
    figure.name: figure for figure in (_ERROR, *across_views((1,), ())[1:2], *_ACROSS_EPISODES)
}

"""The table of figures that need no labels but the simulator's progress: one line each."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from tcn_robot.benchmarks.figures import Figure
from tcn_robot.benchmarks.found import EmbeddedFilm, Found
from tcn_robot.errors import UserError
from tcn_robot.metrics import (
    alignment_accuracy,
    alignment_error,
    chance_alignment_accuracy,
    chance_alignment_error,
    two_way_cycle_consistency,
)

TOLERANCES_FRAMES = (0, 1, 3, 5)
TOLERANCES_SECONDS = (0.1, 0.2, 0.5)


def _no_order(_: int) -> float:
    return 0.0


def _error(found: Found) -> float:
    return alignment_error(found.query.embedding, found.target.embedding, **found.clocks)


def _accuracy(found: Found, tolerance: int) -> float:
    u, v = found.query.embedding, found.target.embedding
    return alignment_accuracy(u, v, tolerance, **found.clocks)


def _error_by_cosine(found: Found) -> float:
    return _error(_by_cosine(found))


def _accuracy_by_cosine(found: Found, tolerance: int) -> float:
    return _accuracy(_by_cosine(found), tolerance)


def _by_cosine(found: Found) -> Found:
    films = [
        EmbeddedFilm(film.directions, film.times_seconds, film.progress)
        for film in (found.query, found.target)
    ]
    return Found(*films)


def _accuracy_in_seconds(found: Found, seconds: float) -> float:
    """Return the share of frames found within some seconds, both directions averaged."""
    shares = []
    for one in (found, found.back):
        gaps = np.abs(one.query.times_seconds[:, None] - one.target.times_seconds[None, :])
        # Times are sums of steps: a hair more than the tolerance is the tolerance.
        shares.append(one.mean_over_ties(gaps <= seconds + 1e-9))
    return float(np.mean(shares))


def _progress_error(found: Found) -> float | None:
    queries, targets = found.query.progress, found.target.progress
    if queries is None or targets is None:
        return None
    return found.mean_over_ties(np.abs(queries[:, None] - targets[None, :]))


def _two_way_cycle(found: Found) -> float:
    return two_way_cycle_consistency(found.query.embedding, found.target.embedding)


def _view_figure(name: str, heading: str, measure: object, tolerance: int) -> Figure:
    chance = partial(chance_alignment_accuracy, tolerance=tolerance)
    return Figure(name, heading, True, "higher", "moments", measure, chance)  # type: ignore[arg-type]


_ERROR = Figure("error", "error %", True, "lower", "moments", _error, chance_alignment_error)
_ACROSS_EPISODES = (
    Figure("tau_a", "tau_a", False, "higher", "pairs", lambda f: f.order.tau_a, _no_order),
    Figure("tau_b", "tau_b", False, "higher", "pairs", lambda f: f.order.tau_b, _no_order),
    Figure("ties", "ties %", True, "neither", "pairs", lambda f: f.order.ties),
    Figure("progress_error", "progress error %", True, "lower", "pairs", _progress_error),
)  # fmt: skip
_FURTHER_ACROSS_EPISODES = (
    Figure(
        "effective_states", "states in use", False, "neither", "pairs",
        lambda f: f.order.effective_states,
    ),
    Figure("cycle_2", "two-way cycles %", True, "higher", "pairs", _two_way_cycle),
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
    near = [
        _view_figure(f"accuracy_{k}", f"within {_frames(k)} %", partial(_accuracy, tolerance=k), k)
        for k in dict.fromkeys(tolerances)
    ]
    soon = [
        Figure(
            f"accuracy_{s:g}_seconds", f"within {s:g} s %", True, "higher", "moments",
            partial(_accuracy_in_seconds, seconds=s),
        )
        for s in dict.fromkeys(seconds)
    ]  # fmt: skip
    by_cosine = [
        Figure(
            "error_cosine", "error by cosine %", True, "lower", "moments", _error_by_cosine,
            chance_alignment_error,
        ),
        *(
            _view_figure(
                f"accuracy_{k}_cosine", f"within {_frames(k)} by cosine %",
                partial(_accuracy_by_cosine, tolerance=k), k,
            )
            for k in dict.fromkeys(tolerances)
        ),
    ]  # fmt: skip
    return (_ERROR, *near, *soon, *by_cosine)


def across_episodes() -> tuple[Figure, ...]:
    """Return the figures of two films of different episodes."""
    return (*_ACROSS_EPISODES, *_FURTHER_ACROSS_EPISODES)


def _frames(count: int) -> str:
    return f"{count} frame{'s' if count != 1 else ''}"


#: What every encoder is compared by in studies, on cards and in reports.
BASIC: dict[str, Figure] = {
    figure.name: figure for figure in (_ERROR, *across_views((1,), ())[1:2], *_ACROSS_EPISODES)
}

"""Faults of what the robot did and felt: unreadable, not finite, at other times."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tcn_robot.errors import UserError
from tcn_robot.recordings import format as dataset_format
from tcn_robot.recordings.checking.kinds import Fault
from tcn_robot.recordings.checking.times import is_simulated
from tcn_robot.recordings.reader import Episode

TIME_ERROR_SECONDS = 1e-6


def step_faults(episode: Episode, times_seconds: np.ndarray | None) -> Iterator[Fault]:
    """Yield what is wrong with `steps.parquet`.

    Args:
        episode: The episode.
        times_seconds: Times of one view, to which a simulator's rows belong; None if unknown.
    """
    path = episode.path / dataset_format.STEPS_FILE
    expected = episode.metadata.get("steps")
    if not expected or not path.is_file():  # a missing file is told by its own fault
        return
    try:
        steps = episode.steps
    except UserError as error:
        yield Fault("damaged-steps", str(error))
        return
    assert steps is not None
    for name, values in steps.items():
        yield from _not_finite(path, name, values)
    rows = len(next(iter(steps.values())))
    if rows != expected:
        yield Fault("counts-disagree", f"{path} holds {rows} rows, expected {expected}")
    elif is_simulated(episode) and times_seconds is not None and "time_seconds" in steps:
        own = np.asarray(steps["time_seconds"], np.float64)
        if len(own) == len(times_seconds):
            off = np.flatnonzero(~(np.abs(own - times_seconds) <= TIME_ERROR_SECONDS))
            if off.size:
                first = int(off[0])
                message = (
                    f"{path}: row {first} has time {own[first]} s, its frame "
                    f"{times_seconds[first]} s"
                )
                yield Fault("step-times-disagree", message, None, float(times_seconds[first]))


def _not_finite(path: object, name: str, values: np.ndarray) -> Iterator[Fault]:
    if values.dtype.kind != "f":
        return
    # The last action is null: nothing is done any more when the last frame was seen.
    checked = values[:-1] if name == "action" else values
    wrong = np.flatnonzero(~np.isfinite(checked.reshape(len(checked), -1)).all(axis=1))
    if wrong.size:
        message = f"{path}: column {name!r} is not finite in row {wrong[0]} ({wrong.size} rows)"
        yield Fault("not-finite", message)

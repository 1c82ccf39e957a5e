"""Faults of what the robot did and felt: unreadable, not finite, at other times."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tcn_robot.errors import UserError
from tcn_robot.recordings import format as dataset_format
from tcn_robot.recordings.checking.kinds import Fault
from tcn_robot.recordings.reader import Episode
from tcn_robot.recordings.tables import rows_not_finite

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
    for name, wrong in rows_not_finite(path).items():
        message = f"{path}: column {name!r} is not finite in row {wrong[0]} ({wrong.size} rows)"
        yield Fault("not-finite", message)
    rows = len(next(iter(steps.values())))
    if rows != expected:
        yield Fault("counts-disagree", f"{path} holds {rows} rows, expected {expected}")
    elif episode.is_simulated and times_seconds is not None and "time_seconds" in steps:
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

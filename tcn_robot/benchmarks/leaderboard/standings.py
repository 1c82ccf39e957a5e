"""What a leaderboard says: runs on a task, runs over all tasks, by one figure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tcn_robot.benchmarks.leaderboard.significance import Difference

SIGNIFICANT = 0.05
Interval = tuple[float, float]


@dataclass(frozen=True)
class Measure:
    """A figure that runs are ranked by.

    Attributes:
        name: Of the figure in the lines of results.
        higher_is_better: Whether more of it is better.
        controls: Rows without an encoder that a trained one should be better than.
    """

    name: str
    higher_is_better: bool
    controls: tuple[str, ...]

    @property
    def sign(self) -> float:
        """What makes a score of the figure: higher is better."""
        return 1.0 if self.higher_is_better else -1.0


# Cameras that run in step let a counter of frames find every moment of another view: it is no
# control of the error. Across episodes it is one, as demonstrations take nearly the same time.
MEASURES = (
    Measure("error", False, ("chance", "collapsed")),
    Measure("tau_b", True, ("chance", "collapsed", "frame_counter")),
)


@dataclass(frozen=True)
class Standing:
    """One run on one task.

    Attributes:
        run: Its name.
        objective: What it was trained for.
        is_control: Whether nothing was trained.
        mean: Of the figure over seeds and episodes.
        interval: Over seeds and episodes; over episodes where there is one seed.
        seeds: The figure of each seed.
        rank: Among trained runs, 1 for the best; None for controls.
        rank_interval: Of it.
        behind_best: How far behind the best trained run; None for that one and for controls.
        p_value: Of being as good as the best one, corrected by Holm for all of them; None likewise.
        reached_by: Controls that it is not surely better than.
    """

    run: str
    objective: str
    is_control: bool
    mean: float
    interval: Interval
    seeds: tuple[float, ...]
    rank: float | None = None
    rank_interval: Interval | None = None
    behind_best: Difference | None = None
    p_value: float | None = None
    reached_by: tuple[str, ...] = ()

    @property
    def is_worse(self) -> bool:
        """Whether it is significantly worse than the best."""
        return self.p_value is not None and self.p_value < SIGNIFICANT


@dataclass(frozen=True)
class TaskBoard:
    """All runs on one task by one figure.

    Attributes:
        name: What the task is called.
        standings: Best first, controls among them.
        references: {row without an encoder: its figure}.
        zero: The figure that counts as 0 across tasks.
        zero_from: Whose it is: "untrained", the same network untrained, or "chance".
        one: The figure that counts as 1, the ceiling.
    """

    name: str
    standings: tuple[Standing, ...]
    references: Mapping[str, float]
    zero: float
    zero_from: str
    one: float

    def of(self, run: str) -> Standing | None:
        """Return a run's standing, None where it has none."""
        return next((one for one in self.standings if one.run == run), None)


@dataclass(frozen=True)
class OverallStanding:
    """One run over all tasks.

    Attributes:
        run: Its name.
        is_control: Whether nothing was trained.
        score: Interquartile mean of the normalised scores of all seeds on all tasks.
        interval: Of it, over seeds and episodes within each task.
        rank: Mean over tasks of its rank among trained runs; None for controls.
        rank_interval: Of it.
        behind_best: How far its score is behind that of the best trained run; None for that one and
            for controls.
        p_value: Of being as good as the best one, corrected by Holm for all of them; None likewise.
    """

    run: str
    is_control: bool
    score: float
    interval: Interval
    rank: float | None
    rank_interval: Interval | None
    behind_best: Difference | None = None
    p_value: float | None = None

    @property
    def is_worse(self) -> bool:
        """Whether it is significantly worse than the best."""
        return self.p_value is not None and self.p_value < SIGNIFICANT


@dataclass(frozen=True)
class Board:
    """All runs on all tasks by one figure.

    Attributes:
        measure: The figure.
        tasks: The tasks.
        overall: Runs that have a result on every task, best first; empty with one task or run.
        better: (R, R) how probable it is that run i beats run j, in the order of `overall`.
        better_low: (R, R) lower end of its interval.
        better_high: (R, R) upper end.
    """

    measure: Measure
    tasks: tuple[TaskBoard, ...]
    overall: tuple[OverallStanding, ...]
    better: NDArray[np.float64]
    better_low: NDArray[np.float64]
    better_high: NDArray[np.float64]

"""What the page of a leaderboard shows, ready to be drawn; parts that do not exist are empty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tcn_robot.benchmarks.leaderboard.standings import Board
from tcn_robot.report.media import Film


@dataclass(frozen=True)
class SeedCurve:
    """How one seed was trained.

    Attributes:
        steps: Of the losses.
        loss: At each of them.
        validation_steps: Of the measurements.
        validation_error: Alignment error on validation episodes, in [0, 1].
    """

    steps: Sequence[float]
    loss: Sequence[float]
    validation_steps: Sequence[float]
    validation_error: Sequence[float]


@dataclass(frozen=True)
class RunFacts:
    """What a run is and what it cost.

    Attributes:
        run: Its name.
        objective: What it was trained for.
        steps: Optimisation steps.
        parameters: Of the encoder.
        core_minutes: {task: mean over seeds, of one core}.
        seeds: {task: number of seeds}.
    """

    run: str
    objective: str
    steps: int
    parameters: int
    core_minutes: Mapping[str, float]
    seeds: Mapping[str, int]


@dataclass(frozen=True)
class RetrievalFilms:
    """What each run finds in another view, on one episode of a task.

    Attributes:
        task: Name of the task.
        episode: Name of the episode, for the caption.
        query_view: View that is asked from.
        found_view: View that is looked in.
        films: {run: film}.
        seed: Of the encoders.
    """

    task: str
    episode: str
    query_view: str
    found_view: str
    films: Mapping[str, Film]
    seed: int


@dataclass
class LeaderboardEvidence:
    """Everything a leaderboard's page may show.

    Attributes:
        title: Of the page.
        boards: One per figure.
        facts: One entry per run, in the order of the lines.
        curves: {run: {task: one curve per seed}}.
        films: One entry per task.
        data: {task: words on its recordings}.
        origin: {what: text} on commits, versions and processors.
        commands: That made the results and the page.
        missing: What is not shown and how to get it.
    """

    title: str
    boards: Sequence[Board]
    facts: Sequence[RunFacts]
    curves: Mapping[str, Mapping[str, Sequence[SeedCurve]]]
    films: Sequence[RetrievalFilms]
    data: Mapping[str, str]
    origin: Mapping[str, str]
    commands: Sequence[str]
    missing: list[str] = field(default_factory=list)

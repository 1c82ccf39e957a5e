"""What a report shows about policies: runs side by side, what they were given, their rewards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tcn_robot.report.audit_evidence import AuditEvidence
from tcn_robot.report.media import Film


@dataclass(frozen=True)
class SuccessCurve:
    """How often the policies of one run succeed, while they learn.

    Attributes:
        steps: Environment steps at each evaluation, float (K,).
        success: Share of successful held-out starts, float (number of seeds, K), NaN where missing.
        middle: Interquartile mean of the seeds, float (K,), NaN where not all were evaluated.
        interval: Its 95 % interval, float (K, 2), NaN where there is none.
        starts: Held-out starts of an evaluation, 0 if unknown.
        is_level: Whether its steps are no environment steps, as for behaviour cloning.
    """

    steps: np.ndarray
    success: np.ndarray
    middle: np.ndarray
    interval: np.ndarray
    starts: int = 0
    is_level: bool = False


@dataclass(frozen=True)
class PolicyRun:
    """One run: a reward that taught a task, all seeds.

    Attributes:
        name: What it is called, each run of a task otherwise: "progress", "sparse (second)".
        task: Task without namespace.
        reward: Its reward; "none" for behaviour cloning.
        origin: Where it comes from: a folder, or the study and the run's name in it.
        study: Its study, "" for none.
        figures: What its finished seeds have reached, None when none is finished: `seeds` (how
            many), `seed_numbers`, `starts`, `steps`, `success` with `success_interval` and
            `success_per_seed`, `success_any`, `iqm` and `true_return` as (value, interval or None)
            or None, `steps_to_success` in words, `minutes`.
        curve: Success while learning.
        films: View name to film of the first seed's final policy.
        options: Options that are not their defaults, in words.
        config: All options, in words.
        command: What makes it again.
        reward_digests: SHA-256 of its learned reward as fitted; several machines have several.
    """

    name: str
    task: str
    reward: str
    origin: str = ""
    study: str = ""
    figures: Mapping[str, Any] | None = None
    curve: SuccessCurve | None = None
    films: Mapping[str, Film] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    config: Mapping[str, str] = field(default_factory=dict)
    command: str = ""
    reward_digests: tuple[str, ...] = ()


@dataclass(frozen=True)
class MethodOverTasks:
    """A method that was tried on several tasks.

    Attributes:
        name: What taught, and the study that it is of.
        tasks: The tasks.
        trainings: Seeds of all tasks together.
        iqm: Interquartile mean of success and its interval, None where not known.
    """

    name: str
    tasks: Sequence[str]
    trainings: int
    iqm: tuple[float, tuple[float, float] | None] | None


@dataclass(frozen=True)
class GivenAudit:
    """An audit of a reward.

    Attributes:
        evidence: What its own page would show, without films.
        source: The file.
        runs: Names of the runs that learned from this very reward, by its digest.
    """

    evidence: AuditEvidence
    source: str
    runs: Sequence[str] = ()


def by_task(runs: Sequence[PolicyRun]) -> dict[str, list[PolicyRun]]:
    """Return the runs of each task, in their order."""
    tasks: dict[str, list[PolicyRun]] = {}
    for run in runs:
        tasks.setdefault(run.task, []).append(run)
    return tasks

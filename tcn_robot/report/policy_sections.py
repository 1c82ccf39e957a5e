"""The sections of a report about policies: how good they are, films, audits, options."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from tcn_robot.report.evidence import Evidence
from tcn_robot.report.figures_policy import standings_figure, success_figure
from tcn_robot.report.policy_evidence import PolicyRun
from tcn_robot.report.section import Drawing, Section

# Fewer runs than this say as much in their table.
FEWEST_STANDINGS = 3


def policy_section(evidence: Evidence) -> Section | None:
    """Return how often the policies succeed; the tasks' own figures and tables stand in it."""
    if not any(run.figures or run.curve for run in evidence.runs):
        return None
    finished = [run for run in evidence.runs if run.figures]
    drawings = []
    if len(finished) >= FEWEST_STANDINGS:
        drawings = [
            Drawing(
                partial(standings_figure, evidence.runs),
                "Final success of every run, with its interval and each seed",
                "Large dot: interquartile mean of the seeds; bar: its 95 % interval, seeds and "
                "starts drawn again; small dots: each seed. Where every draw is alike, as at 0 or "
                "100 % of all starts, there is no interval.",
            )
        ]
    return Section(
        "policy",
        "Success while learning",
        [
            f"{_comparison(finished)} Success is what the simulator says about the task at the "
            "last step. A policy that learns from films never sees it.".strip()
        ],
        drawings,
    )


def task_drawing(runs: Sequence[PolicyRun]) -> Drawing | None:
    """Return the learning curves of the runs of one task, None where there are none."""
    curves = [run.curve for run in runs if run.curve is not None]
    if not curves:
        return None
    starts = sorted({curve.starts for curve in curves} - {0})
    on = f" on {' or '.join(map(str, starts))} held-out starts" if starts else ""
    several = max(len(curve.success) for curve in curves) > 1
    words = [
        f"Thick: interquartile mean of the seeds{on}, of three or fewer their mean; shaded: its "
        "95 % interval, seeds and starts drawn again (stratified bootstrap)."
    ]
    words.append("Thin: each seed." if several else "")
    if max(len(curve.success) for curve in curves) == min(len(curve.success) for curve in curves):
        words.append("" if several else "One seed each: what another would do is not in it.")
    if any(curve.is_level for curve in curves):
        words.append("Dashed: behaviour cloning, which takes no environment steps.")
    return Drawing(
        partial(success_figure, list(runs)),
        f"Success on held-out starts of {runs[0].task} over environment steps",
        " ".join(filter(None, words)),
    )


def _comparison(finished: Sequence[PolicyRun]) -> str:
    """Say whether the policies can be compared."""
    tasks: dict[str, list[PolicyRun]] = {}
    for run in finished:
        tasks.setdefault(run.task, []).append(run)
    compared = [runs for runs in tasks.values() if len(runs) > 1]
    if not compared:
        return ""
    unequal = [
        runs[0].task
        for runs in compared
        if len({_conditions(run) for run in runs if run.figures}) > 1
    ]
    if not unequal:
        return "The same algorithm, budget and starts; only the reward differs."
    where = f"on {', '.join(unequal)} " if len(tasks) > 1 else ""
    return f"Mind that {where}budget, starts, algorithm or number of seeds differ."


def _conditions(run: PolicyRun) -> tuple[object, ...]:
    figures = run.figures or {}
    counted = tuple(figures.get(name) for name in ("steps", "starts", "seeds"))
    return (*counted, run.config.get("algo"), run.config.get("observation"))


def films_section(evidence: Evidence) -> Section | None:
    """Return the films of the final policies."""
    if not any(run.films for run in evidence.runs):
        return None
    return Section(
        "films",
        "The resulting policy",
        [
            "The policy of the first seed as it was after training, from every camera, on a "
            "held-out start: the same one for all runs of a task."
        ],
    )


def audit_section(evidence: Evidence) -> Section | None:
    """Return the audits of the rewards."""
    if not evidence.audits:
        return None
    return Section(
        "audit",
        "The reward under audit",
        [
            "What the reward pays to failures, cheats and an adversary that searches for them, "
            "found without learning from it."
        ],
    )


def options_section(evidence: Evidence) -> Section | None:
    """Return what each run was given."""
    if not any(run.config for run in evidence.runs):
        return None
    return Section(
        "options",
        "What each run was given",
        ["Options that are not their defaults; all of them, and the run's own command, below."],
    )

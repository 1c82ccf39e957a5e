"""Policies in words: headline figures, rows of tables, what a page is called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tcn_robot.report.evidence import Evidence
from tcn_robot.report.figures_policy import CLONED, is_learned, run_label, strokes_of
from tcn_robot.report.policy_evidence import MethodOverTasks, PolicyRun, by_task
from tcn_robot.report.words import NOT_MEASURED, Headline, interval_text, share_text

MOST_HEADLINES = 3
GOOD_SUCCESS = 0.8


def policy_headlines(runs: Sequence[PolicyRun]) -> list[Headline]:
    """Return the best learned reward of each task beside the others; without one, a count."""
    tasks = by_task([run for run in runs if run.figures])
    several = len(tasks) > 1
    found = [
        headline
        for task, of_task in tasks.items()
        if (headline := _task_headline(task if several else "", of_task)) is not None
    ]
    return found[:MOST_HEADLINES] or _counts(tasks)


def _task_headline(task: str, runs: Sequence[PolicyRun]) -> Headline | None:
    learned = [run for run in runs if is_learned(run)]
    if not learned:
        return None
    best = max(learned, key=_success)
    others = [
        f"{run_label(run)}: {share_text(_success(run))}" for run in runs if run not in learned
    ]
    which = "the learned reward" if len(learned) == 1 else f"the best of {len(learned)} learned "
    which += f" of {best.study}" if len(learned) == 1 and best.study else ""
    which += "" if len(learned) == 1 else f"rewards, {best.name}"
    where = f"{task}: " if task else ""
    meaning = f"{where}of held-out starts solved by the policy trained with {which}"
    return Headline(share_text(_success(best)), meaning, "; ".join(others), accent=True)


def _success(run: PolicyRun) -> float:
    assert run.figures is not None
    return float(run.figures["success"])


def _counts(tasks: dict[str, list[PolicyRun]]) -> list[Headline]:
    """Return how many tasks were solved, where nothing was learned from films."""
    if len(tasks) < 2:
        return []
    good = [task for task, runs in tasks.items() if max(map(_success, runs)) >= GOOD_SUCCESS]
    words = f"tasks on which a policy reaches {share_text(GOOD_SUCCESS)} success"
    return [Headline(f"{len(good)} of {len(tasks)}", words, ", ".join(good), accent=True)]


def policy_rows(runs: Sequence[PolicyRun]) -> list[dict[str, Any]]:
    """Return one row per run of a task: words for every cell, and the colour of its curve."""
    return [
        {
            "name": run_label(run),
            "light": stroke.light,
            "dark": stroke.dark,
            "learned": is_learned(run),
            "cells": _cells(run) if run.figures else None,
            "size": _size(run),
            "origin": run.origin,
        }
        for run, stroke in zip(runs, strokes_of(runs), strict=True)
    ]


COLUMNS = (
    ("success", "95 %, Wilson"),
    ("interquartile mean", "95 %, bootstrap"),
    ("each seed", ""),
    ("at any step", ""),
    ("true return", "dense; 95 %"),
    ("steps to 80 %", "median; seeds"),
    ("minutes", "per seed"),
)


def _cells(run: PolicyRun) -> list[tuple[str, str]]:
    """Return figure and small print of each of `COLUMNS`."""
    figures = run.figures
    assert figures is not None
    steps, _, seeds = str(figures["steps_to_success"]).partition(" ")
    per_seed = ", ".join(f"{100 * share:.0f}" for share in figures["success_per_seed"])
    return [
        (share_text(figures["success"]), interval_text("error", list(figures["success_interval"]))),
        _mean(figures["iqm"], share_text, lambda ends: interval_text("error", list(ends))),
        (per_seed, ""),
        (share_text(figures["success_any"]), ""),
        _mean(
            figures["true_return"], "{:.1f}".format, lambda ends: "{:.1f} to {:.1f}".format(*ends)
        ),
        (steps, seeds.strip("()")),
        (f"{figures['minutes']:.1f}", ""),
    ]


def _mean(pair: Any, figure: Any, ends: Any) -> tuple[str, str]:
    if pair is None:
        return NOT_MEASURED, ""
    value, interval = pair
    return figure(value), ends(interval) if interval is not None else "[–]"


def _size(run: PolicyRun) -> str:
    """Return how much was trained and tried."""
    if run.figures is None:
        return "no seed is finished"
    seeds, starts = run.figures["seeds"], run.figures["starts"]
    counted = f"{seeds} seed{'s' if seeds > 1 else ''} × {starts} starts"
    steps = "updates" if run.reward == CLONED else "steps"
    return f"{counted}, {int(run.figures['steps']):,} {steps}"


def over_tasks_rows(methods: Sequence[MethodOverTasks]) -> list[dict[str, str]]:
    """Return one row per method that was tried on several tasks."""
    rows = []
    for method in methods:
        figure, small = _mean(
            method.iqm, share_text, lambda ends: interval_text("error", list(ends))
        )
        rows.append(
            {
                "name": method.name,
                "tasks": ", ".join(method.tasks),
                "trainings": str(method.trainings),
                "figure": figure,
                "interval": small,
            }
        )
    return rows


def page_title(evidence: Evidence) -> str:
    """Return what the page is called."""
    if evidence.policies_first and evidence.studies:
        return " + ".join(evidence.studies)
    tasks = by_task(evidence.runs)
    if len(tasks) > 1:
        return f"Policies on {len(tasks)} tasks"
    task = evidence.task.removeprefix("tcn_robot/") or "An embedding"
    if not any(run.figures for run in evidence.runs):
        return f"{task}: what the encoder learnt" if not evidence.runs else task
    if any(is_learned(run) for run in evidence.runs):
        return f"{task}, learned from films"
    return f"{task}: {_listed(list(dict.fromkeys(run.name for run in evidence.runs)))}"


def page_lead(evidence: Evidence) -> str:
    """Say what was done, as far as the evidence goes."""
    counted = _counted(evidence.runs) if evidence.policies_first else ""
    if evidence.description:
        return f"{evidence.description} {counted}"
    if evidence.runs and not any(is_learned(run) for run in evidence.runs):
        return counted
    views = len(evidence.strip.frames) if evidence.strip else 0
    filmed = f"Several cameras ({views} here)" if views else "Several cameras"
    text = (
        f"{filmed} film a few demonstrations. From the films alone an encoder learns an embedding "
        "in which the same moment looks the same from every camera."
    )
    if evidence.runs or evidence.rewards:
        text += " The embedding becomes a reward"
        text += ", and a simulated robot learns the task with it." if evidence.runs else "."
    return f"{text} {counted}".strip()


def _counted(runs: Sequence[PolicyRun]) -> str:
    """Say how much stands on the page."""
    trainings = sum(run.figures["seeds"] for run in runs if run.figures)
    tasks = by_task(runs)
    parts = [
        f"{len(runs)} run{'s' if len(runs) > 1 else ''}",
        f"{len(tasks)} task{'s' if len(tasks) > 1 else ''}",
        f"{trainings} finished training{'s' if trainings != 1 else ''}",
    ]
    return f"Here: {', '.join(parts)}." if runs else ""


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"

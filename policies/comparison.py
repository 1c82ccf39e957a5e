"""Runs side by side: interquartile means over tasks, seeds and starts, with their intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tcn_robot.metrics.aggregates import Aggregate, stratified_iqm

# Draws of every interval start here: the same figures give the same interval.
BOOTSTRAP_SEED = 0


@dataclass(frozen=True)
class ComparedRun:
    """One run as it stands beside others.

    Attributes:
        name: What it is called.
        task: Task without namespace.
        method: What taught it, such as "sac, progress", the same on every task.
        finals: Figures of the final evaluation of each seed.
        study: The study that it belongs to, "" for none: methods are pooled within a study.
    """

    name: str
    task: str
    method: str
    finals: tuple[Mapping[str, Any], ...]
    study: str = ""


def method_of(config: Mapping[str, Any]) -> str:
    """Return in words what taught a run, from its options; older ones may lack some.

    Runs whose rewards differ in an option are different methods, and are not pooled.

    Args:
        config: Options as `ImitateConfig` has them.
    """
    parts = [str(config.get("algo", "sac"))]
    if config["reward"] != "none":
        parts.append(str(config["reward"]))
    if config.get("gap"):
        parts.append(str(config["gap"]))
    if config.get("observation", "state") != "state":
        parts.append(f"sees {config['observation']}")
    if config.get("play"):
        parts.append("shown by another body")
    options = config.get("reward_options") or {}
    parts += [f"{name} {value}" for name, value in sorted(options.items())]
    if config.get("max_demos") and config.get("gap") != "one-demonstration":
        parts.append(f"at most {config['max_demos']} demonstrations")
    return ", ".join(parts)


def episode_figures(finals: Sequence[Mapping[str, Any]], name: str) -> np.ndarray | None:
    """Return a figure of each seed and start, float64 (S, N), starts in the same order.

    Args:
        finals: Of each seed, as `summarise` gives them.
        name: "success", "return_sparse", "return_dense" or "return_learned".

    Returns:
        None where a seed lacks it, or was evaluated on another number of starts. Of results from
        before single episodes were kept, success alone is known: so many of so many.
    """
    rows = []
    for final in finals:
        known = final.get("episodes", {}).get(name)
        if known is None and name == "success" and "starts" in final:
            done = round(final["success"] * final["starts"])
            known = [1.0] * done + [0.0] * (final["starts"] - done)
        if known is None:
            return None
        rows.append(known)
    if not rows or len({len(row) for row in rows}) > 1:
        return None
    return np.array(rows, dtype=np.float64)


def aggregate(runs: Sequence[ComparedRun], name: str) -> Aggregate | None:
    """Return the interquartile mean of a figure over some runs, one per task.

    None where a run lacks the figure.
    """
    tasks = [episode_figures(run.finals, name) for run in runs]
    whole = [task for task in tasks if task is not None]
    if not whole or len(whole) < len(tasks):
        return None
    return stratified_iqm(whole, np.random.default_rng(BOOTSTRAP_SEED))


def success_while_training(
    seeds: Sequence[Sequence[Mapping[str, Any]]],
) -> dict[int, Aggregate]:
    """Return the interquartile mean of success at each step where every seed was evaluated.

    Args:
        seeds: The evaluations of each seed, each with "steps", "success" and "starts".

    Returns:
        {control steps: mean and interval}, in the order of the steps.
    """
    by_steps = [{int(line["steps"]): line for line in evaluations} for evaluations in seeds]
    common = sorted(set.intersection(*map(set, by_steps))) if by_steps else []
    found = {}
    for steps in common:
        figures = episode_figures([seed[steps] for seed in by_steps], "success")
        if figures is not None:
            found[steps] = stratified_iqm([figures], np.random.default_rng(BOOTSTRAP_SEED))
    return found


def over_tasks(runs: Sequence[ComparedRun]) -> dict[str, list[ComparedRun]]:
    """Return the runs of each method that was tried on several tasks, one run per task.

    Methods of which a study has several runs on a task are left out: which one would count?

    Returns:
        {method, and the study it is of: runs}.
    """
    methods: dict[str, list[ComparedRun]] = {}
    for run in runs:
        name = f"{run.method} ({run.study})" if run.study else run.method
        methods.setdefault(name, []).append(run)
    return {
        method: of_method
        for method, of_method in methods.items()
        if len(of_method) > 1 and len({run.task for run in of_method}) == len(of_method)
    }


def interval_text(found: Aggregate | None, unit: str = "{:.0%}") -> str:
    """Return "80% [71%, 88%]", or a dash where nothing is known; "100% [–]" without interval."""
    if found is None:
        return "–"
    if found.interval is None:
        return f"{unit.format(found.value)} [–]"
    low, high = (unit.format(end) for end in found.interval)
    return f"{unit.format(found.value)} [{low}, {high}]"

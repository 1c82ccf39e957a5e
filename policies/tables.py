"""Tables and curves of finished runs, made from their lines of results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tcn_robot.errors import UserError
from tcn_robot.policies.comparison import (
    ComparedRun,
    aggregate,
    interval_text,
    method_of,
    over_tasks,
)
from tcn_robot.policies.config import NO_REWARD
from tcn_robot.policies.figures import Curve, save_figure, success_points
from tcn_robot.policies.run import pool_seeds
from tcn_robot.policies.study_plan import POLICY_KIND

GOOD_SUCCESS = 0.8
HEADER = (
    "| reward | control steps | success | 95 % interval | each seed | at any step "
    "| steps to 80 % | minutes per seed |"
)
RULE = "|---|---|---|---|---|---|---|---|"


@dataclass(frozen=True)
class RunResults:
    """All seeds of one run.

    Attributes:
        task: Task without namespace.
        name: The run's name in its study.
        reward: Its reward.
        steps: Control steps asked for.
        lines: One line of results per seed, in the order of the seeds.
    """

    task: str
    name: str
    reward: str
    steps: int
    lines: tuple[dict[str, Any], ...]


def group_runs(lines: Sequence[dict[str, Any]]) -> dict[str, list[RunResults]]:
    """Return the runs of each task; a seed that two machines ran counts once, the first.

    Args:
        lines: Lines of results; those of other kinds are passed over.
    """
    by_run: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
    for line in lines:
        if line.get("kind") == POLICY_KIND:
            by_run.setdefault((line["study"], line["run"]), {}).setdefault(line["key"], line)
    tasks: dict[str, list[RunResults]] = {}
    for (_, name), seeds in by_run.items():
        ordered = tuple(sorted(seeds.values(), key=lambda line: line["seed"]))
        config = ordered[0]["config"]
        task = config["task"].rpartition("/")[2].rpartition(":")[2]
        run = RunResults(task, name, config["reward"], config["steps"], ordered)
        tasks.setdefault(task, []).append(run)
    for runs in tasks.values():
        runs.sort(key=lambda run: (run.reward in ("dense", "sparse"), run.reward, run.name))
    return dict(sorted(tasks.items()))


def steps_to_success(line: dict[str, Any]) -> int | None:
    """Return the control steps of the first evaluation with at least 80 % success."""
    for evaluation in line["figures"]["evaluations"]:
        if evaluation["success"] >= GOOD_SUCCESS:
            return int(evaluation["steps"])
    return None


def table_of(runs: Sequence[RunResults]) -> str:
    """Return the Markdown table of the runs of one task."""
    return "\n".join([HEADER, RULE, *(_row(run, runs) for run in runs)])


def _row(run: RunResults, runs: Sequence[RunResults]) -> str:
    pooled = pool_seeds(
        [
            {"seed": line["seed"], "final": line["figures"]["final"], "seconds": line["seconds"]}
            for line in run.lines
        ]
    )
    low, high = pooled["success_interval"]
    reached = [steps_to_success(line) for line in run.lines]
    found = [steps for steps in reached if steps is not None]
    to_success = f"{np.median(found):,.0f} ({len(found)} of {len(reached)})" if found else "–"
    per_seed = ", ".join(f"{100 * share:.0f}" for share in pooled["success_per_seed"])
    minutes = np.mean([line["seconds"] for line in run.lines]) / 60
    alone = sum(other.reward == run.reward for other in runs) == 1
    cells = [
        _label(run, alone),
        f"{run.steps:,}",
        f"**{100 * pooled['success']:.0f} %**",
        f"{100 * low:.0f} to {100 * high:.0f}",
        per_seed,
        f"{100 * pooled['success_any']:.0f} %",
        to_success,
        f"{minutes:.1f}",
    ]
    return f"| {' | '.join(cells)} |"


def _label(run: RunResults, alone: bool) -> str:
    """Return what a row is called: its reward, and its run where others have the same one."""
    name = "behaviour cloning" if run.reward == NO_REWARD else run.reward
    if (observation := run.lines[0]["config"].get("observation", "state")) != "state":
        name = f"{name}, sees {observation}"
    return name if alone else f"{name} ({run.name})"


def table_over_tasks(tasks: Mapping[str, Sequence[RunResults]]) -> str:
    """Return the Markdown table of the methods that were tried on several tasks; "" without one.

    Args:
        tasks: What `group_runs` returned.
    """
    compared = [
        ComparedRun(
            run.name,
            run.task,
            method_of(run.lines[0]["config"]),
            tuple(line["figures"]["final"] for line in run.lines),
            run.lines[0]["study"],
        )
        for runs in tasks.values()
        for run in runs
    ]
    rows = []
    for method, runs_of_method in over_tasks(compared).items():
        found = aggregate(runs_of_method, "success")
        names = ", ".join(sorted(run.task for run in runs_of_method))
        count = 0 if found is None else found.num_scores
        rows.append(f"| {method} | {names} | {count} | {interval_text(found)} |")
    if not rows:
        return ""
    head = "| method (study) | tasks | trainings | interquartile mean of success, 95 % |"
    return "\n".join([head, "|---|---|---|---|", *rows])


def draw_tasks(tasks: dict[str, list[RunResults]], path: Path) -> None:
    """Draw success over steps, one panel per task, into one PNG."""
    panels = []
    for task, runs in tasks.items():
        curves = []
        for run in runs:
            alone = sum(other.reward == run.reward for other in runs) == 1
            seeds = [success_points(line["figures"]["evaluations"]) for line in run.lines]
            cloned = run.reward == NO_REWARD
            curves.append(Curve(run.reward if alone else run.name, run.reward, seeds, cloned))
        panels.append((task, curves))
    save_figure(path, panels)


def describe_origin(lines: Sequence[dict[str, Any]]) -> str:
    """Return one sentence about commits, versions and processors of the lines."""
    lines = [line for line in lines if line.get("kind") == POLICY_KIND]
    commits = sorted({(line["commit"] or "unknown")[:10] for line in lines})
    machines = sorted(
        {f"{line['machine']['cpu']}, {line['machine']['cores']} cores" for line in lines}
    )
    versions = sorted(
        {
            f"{name} {version}"
            for line in lines
            for name, version in line["versions"].items()
            if name in ("torch", "mujoco", "stable-baselines3")
        }
    )
    return (
        f"From {len(lines)} trainings; commits {', '.join(commits)}; {', '.join(versions)}; "
        f"{'; '.join(machines)}."
    )


def replace_between_markers(text: str, marker: str, content: str) -> str:
    """Return the text with what stands between two markers replaced.

    Args:
        text: A document with `<!-- MARKER -->` and `<!-- end of MARKER -->`, each once.
        marker: Name of the place.
        content: What shall stand there.

    Raises:
        UserError: When a marker is missing or there twice.
    """
    first, last = f"<!-- {marker} -->", f"<!-- end of {marker} -->"
    if text.count(first) != 1 or text.count(last) != 1 or text.index(first) > text.index(last):
        raise UserError(f"expected {first!r} and behind it {last!r}, each once, in the document")
    before, _, rest = text.partition(first)
    _, _, after = rest.partition(last)
    return f"{before}{first}\n\n{content}\n\n{last}{after}"

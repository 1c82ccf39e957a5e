"""Tables and curves of finished runs, made from their lines of results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tcn_robot.errors import UserError
from tcn_robot.metrics.aggregates import Aggregate
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
        lines: One line of results per finished seed, in the order of the seeds.
        config: Its options; those of older results may lack some.
        study: Its study, "" for none.
    """

    task: str
    name: str
    reward: str
    steps: int
    lines: tuple[dict[str, Any], ...]
    config: Mapping[str, Any]
    study: str = ""


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
    for (study, name), seeds in by_run.items():
        ordered = tuple(sorted(seeds.values(), key=lambda line: line["seed"]))
        config = ordered[0]["config"]
        task = short_task(config["task"])
        run = RunResults(task, name, config["reward"], config["steps"], ordered, config, study)
        tasks.setdefault(task, []).append(run)
    return {task: in_order(runs) for task, runs in sorted(tasks.items())}


def short_task(task: str) -> str:
    """Return a task without namespace and module."""
    return task.rpartition("/")[2].rpartition(":")[2]


def in_order(runs: Iterable[RunResults]) -> list[RunResults]:
    """Return the runs of a task as they stand in tables: learned rewards before the task's own."""
    own = ("dense", "sparse")
    return sorted(runs, key=lambda run: (run.reward in own, run.reward, run.name))


def steps_to_success(line: dict[str, Any]) -> int | None:
    """Return the control steps of the first evaluation with at least 80 % success."""
    for evaluation in line["figures"]["evaluations"]:
        if evaluation["success"] >= GOOD_SUCCESS:
            return int(evaluation["steps"])
    return None


def figures_of_run(run: RunResults) -> dict[str, Any]:
    """Return what the finished seeds of a run have reached together, as `pool_seeds` has it.

    Besides: `steps_to_success`, per seed the control steps to 80 % success or None; `minutes`,
    the mean of the seeds; `iqm` and `true_return`, interquartile means of success and of the dense
    reward's return, each an `Aggregate`, or None where it is not known.
    """
    pooled = pool_seeds(
        [
            {"seed": line["seed"], "final": line["figures"]["final"], "seconds": line["seconds"]}
            for line in run.lines
        ]
    )
    compared = [_compared(run)]
    return {
        **pooled,
        "steps_to_success": [steps_to_success(line) for line in run.lines],
        "minutes": float(np.mean([line["seconds"] for line in run.lines])) / 60,
        "iqm": aggregate(compared, "success"),
        "true_return": aggregate(compared, "return_dense"),
    }


def steps_to_success_text(reached: Sequence[int | None]) -> str:
    """Return the median of the seeds that came so far and how many did, "–" where none did."""
    found = [steps for steps in reached if steps is not None]
    return f"{np.median(found):,.0f} ({len(found)} of {len(reached)})" if found else "–"


def names_of_runs(runs: Sequence[RunResults]) -> list[str]:
    """Return what the runs of a task are called, each otherwise: by their rewards, if that tells.

    Where it does not, the run's name stands behind it, and where that does not, its study too.
    """
    names = [_name_by_reward(run) for run in runs]
    for more in (lambda run: run.name, lambda run: f"{run.study}: {run.name}"):
        names = [
            name if names.count(name) == 1 else f"{_name_by_reward(run)} ({more(run)})"
            for name, run in zip(names, runs, strict=True)
        ]
    return names


def _name_by_reward(run: RunResults) -> str:
    name = "behaviour cloning" if run.reward == NO_REWARD else run.reward
    if (observation := run.config.get("observation", "state")) != "state":
        name = f"{name}, sees {observation}"
    return f"{name}, shown by another body" if run.config.get("play") else name


def table_of(runs: Sequence[RunResults]) -> str:
    """Return the Markdown table of the runs of one task."""
    names = names_of_runs(runs)
    rows = [_row(run, name) for run, name in zip(runs, names, strict=True)]
    return "\n".join([HEADER, RULE, *rows])


def _row(run: RunResults, name: str) -> str:
    found = figures_of_run(run)
    low, high = found["success_interval"]
    per_seed = ", ".join(f"{100 * share:.0f}" for share in found["success_per_seed"])
    cells = [
        name,
        f"{run.steps:,}",
        f"**{100 * found['success']:.0f} %**",
        f"{100 * low:.0f} to {100 * high:.0f}",
        per_seed,
        f"{100 * found['success_any']:.0f} %",
        steps_to_success_text(found["steps_to_success"]),
        f"{found['minutes']:.1f}",
    ]
    return f"| {' | '.join(cells)} |"


def _compared(run: RunResults) -> ComparedRun:
    finals = tuple(line["figures"]["final"] for line in run.lines)
    return ComparedRun(run.name, run.task, method_of(run.config), finals, run.study)


def methods_over_tasks(
    tasks: Mapping[str, Sequence[RunResults]],
) -> list[tuple[str, list[str], Aggregate | None]]:
    """Return the methods that were tried on several tasks: name, tasks, mean over all trainings.

    Args:
        tasks: What `group_runs` returned.
    """
    compared = [_compared(run) for runs in tasks.values() for run in runs]
    return [
        (method, sorted(run.task for run in of_method), aggregate(of_method, "success"))
        for method, of_method in over_tasks(compared).items()
    ]


def table_over_tasks(tasks: Mapping[str, Sequence[RunResults]]) -> str:
    """Return the Markdown table of the methods that were tried on several tasks; "" without one.

    Args:
        tasks: What `group_runs` returned.
    """
    rows = []
    for method, names, found in methods_over_tasks(tasks):
        count = 0 if found is None else found.num_scores
        rows.append(f"| {method} | {', '.join(names)} | {count} | {interval_text(found)} |")
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

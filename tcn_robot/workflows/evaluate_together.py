"""Several evaluated runs side by side: figures as JSON, a table, curves of their training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tcn_robot.metrics.aggregates import Aggregate
    from tcn_robot.policies.comparison import ComparedRun

COMPARISON_SCHEMA_VERSION = 1
INTERQUARTILE = ("success", "return_sparse", "return_dense")
HEAD = (
    "run",
    "task",
    "learned by",
    "seeds",
    "success",
    "interquartile mean",
    "true return (dense)",
)


def compare(runs: Sequence[Path], evaluated: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the figures of all runs together, ready for JSON.

    Args:
        runs: Their folders.
        evaluated: What `evaluate_run` returned of each.
    """
    from tcn_robot.policies.comparison import aggregate, over_tasks

    compared = [_compared(run, figures) for run, figures in zip(runs, evaluated, strict=True)]
    rows = []
    for run, figures in zip(compared, evaluated, strict=True):
        means = {name: _as_json(aggregate([run], name)) for name in INTERQUARTILE}
        rows.append(
            {
                "run": run.name,
                "task": run.task,
                "method": run.method,
                **{name: figures[name] for name in ("seeds", "starts", "success")},
                "success_interval": figures["success_interval"],
                "interquartile": {name: found for name, found in means.items() if found},
            }
        )
    together = [
        {
            "method": method,
            "tasks": sorted(run.task for run in of_method),
            "success": _as_json(aggregate(of_method, "success")),
        }
        for method, of_method in over_tasks(compared).items()
    ]
    return {
        "schema_version": COMPARISON_SCHEMA_VERSION,
        "interval": "95 %, stratified bootstrap over tasks: seeds and starts drawn again",
        "runs": rows,
        "over_tasks": together,
    }


def _compared(run: Path, figures: dict[str, Any]) -> ComparedRun:
    import dataclasses

    from tcn_robot.policies.comparison import ComparedRun, method_of
    from tcn_robot.policies.config import load_config

    task = figures["task"].rpartition("/")[2].rpartition(":")[2]
    finals = tuple(seed["final"] for seed in figures["per_seed"])
    method = method_of(dataclasses.asdict(load_config(run)))
    return ComparedRun(run.resolve().name, task, method, finals)


def _as_json(found: Aggregate | None) -> dict[str, Any] | None:
    if found is None:
        return None
    interval = None if found.interval is None else list(found.interval)
    return {"value": found.value, "interval": interval, "scores": found.num_scores}


def table_of(comparison: dict[str, Any]) -> str:
    """Return the comparison as text in columns."""
    from tcn_robot.benchmarks.text_table import aligned

    lines = [list(HEAD)]
    for row in comparison["runs"]:
        means = row["interquartile"]
        lines.append(
            [
                row["run"],
                row["task"],
                row["method"],
                str(len(row["seeds"])),
                f"{row['success']:.0%}",
                _in_words(means.get("success"), "{:.0%}"),
                _in_words(means.get("return_dense"), "{:.1f}"),
            ]
        )
    text = aligned(lines)
    for row in comparison["over_tasks"]:
        found = _in_words(row["success"], "{:.0%}")
        text.append(f"{row['method']} over {', '.join(row['tasks'])}: {found}")
    return "\n".join(text)


def _in_words(found: dict[str, Any] | None, unit: str) -> str:
    if found is None:
        return "–"
    if found["interval"] is None:
        return f"{unit.format(found['value'])} [–]"
    low, high = (unit.format(end) for end in found["interval"])
    return f"{unit.format(found['value'])} [{low}, {high}]"


def draw_curves(runs: Sequence[Path], path: Path) -> None:
    """Draw success over training steps, one panel per task, into one PNG.

    Args:
        runs: Runs of `tcn-robot imitate`; unfinished seeds count as far as they are.
        path: The file.
    """
    import dataclasses

    from tcn_robot.policies.comparison import method_of
    from tcn_robot.policies.config import load_config
    from tcn_robot.policies.figures import Curve, save_figure, success_points
    from tcn_robot.policies.learner import read_evaluations
    from tcn_robot.policies.run import seed_folder

    panels: dict[str, list[Curve]] = {}
    for run in runs:
        config = load_config(run)
        seeds = [success_points(read_evaluations(seed_folder(run, seed))) for seed in config.seeds]
        task = config.task.rpartition("/")[2].rpartition(":")[2]
        label = f"{run.resolve().name}: {method_of(dataclasses.asdict(config))}"
        panels.setdefault(task, []).append(Curve(label, config.reward, seeds, config.clones))
    save_figure(path, list(panels.items()))

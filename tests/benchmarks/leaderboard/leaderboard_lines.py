"""Lines of results in the shape that `tcn-robot study` writes, of runs made up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tcn_robot.provenance import key_of

NUM_EPISODES = 8
CONTROLS = ("random", "pixels")


def line(task: str, run: str, seed: int, error: float, **changes: Any) -> dict[str, Any]:
    """Return one seed of a run whose error is near `error` and whose order is the better for it."""
    hard = np.random.default_rng(len(task)).uniform(0.9, 1.1, NUM_EPISODES)
    draw = np.random.default_rng([seed, *run.encode()])
    errors = error * hard * draw.normal(1.0, 0.02) + draw.normal(0, 0.002, NUM_EPISODES)
    order = np.clip(1 - error + draw.normal(0, 0.02, (NUM_EPISODES, NUM_EPISODES)), 0, 0.96)
    steps = 0 if run in CONTROLS else 400
    return {
        "schema_version": 1, "kind": "embedding", "study": "board", "task_name": task,
        "task": f"Mujoco{task.title()}-v0", "run": run, "objective": run, "steps": steps,
        "seed": seed, "key": f"{task}-{run}-{seed}", "test": f"{task}-test", "unusual": [],
        "decides": {"version": 1, "data": {f"{task}-test": task}, "options": {}},
        "figures": {"error": float(errors.mean())},
        "per_episode": {"error": errors.tolist(), "accuracy_1": (1 - errors).tolist(),
                        "tau_b": order.tolist()},
        "curve": curve(steps), "core_seconds": 60.0, "attempts": 1, "threads": 1,
        "parameters": 1000, "versions": {"torch": "2"}, "commit": "abcdefabcdefabc",
        "machine": {"cpu": "c", "cores": 2},
        "finished_utc": f"2026-01-01T00:00:0{seed}+00:00",
    } | changes  # fmt: skip


def curve(steps: int) -> dict[str, list[float]]:
    """Return the curve of a training of some steps."""
    if not steps:
        return {"steps": [], "loss": [], "validation_steps": [], "validation_error": []}
    places = list(range(10, steps + 1, 10))
    return {
        "steps": places,
        "loss": [3.0 - place / steps for place in places],
        "validation_steps": places[9::10],
        "validation_error": [0.3 - 0.2 * place / steps for place in places[9::10]],
    }


def reference(task: str) -> dict[str, Any]:
    """Return the rows of a task that need no encoder."""
    return {
        "schema_version": 1, "kind": "alignment-reference", "study": "board", "task_name": task,
        "task": f"Mujoco{task.title()}-v0", "key": key_of({"version": 1, "test": task}),
        "test": f"{task}-test", "episodes": NUM_EPISODES, "views": ["front", "left"],
        "rows": {
            "ceiling": {"error": 0.01, "accuracy_1": 0.9, "tau_b": 0.99},
            "chance": {"error": 1 / 3, "accuracy_1": 0.1, "tau_b": 0.0},
            "frame_counter": {"error": 0.0, "accuracy_1": 1.0, "tau_b": 0.97},
            "simulator_state": {"error": 0.0, "accuracy_1": 1.0, "tau_b": 0.93},
        },
        "finished_utc": "2026-01-01T00:00:00+00:00",
    }  # fmt: skip


def lines_of_tasks(
    means: Mapping[str, float], tasks: Sequence[str], seeds: int
) -> list[dict[str, Any]]:
    """Return the lines of a study whose runs have these errors on every task."""
    return [
        one
        for task in tasks
        for one in (
            reference(task),
            *(line(task, run, seed, mean) for seed in range(seeds) for run, mean in means.items()),
        )
    ]

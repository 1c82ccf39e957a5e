"""How often the scripted experts succeed: every task, every body, one row each.

    python scripts/bench_experts.py --out docs/results/tasks/experts.jsonl
        [--tasks BulletPour-v0 …] [--embodiments robot hand tongs] [--seeds 100]

Adds what the file does not have yet, so that it can be stopped at any time.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

import tcn_robot.envs as envs
from tcn_robot.errors import UserError
from tcn_robot.policies.results import LINE_SCHEMA_VERSION, append_line, read_lines
from tcn_robot.provenance import commit

# `kuka` differs from `robot` by what is seen only.
BODIES = ["robot", "hand", "tongs"]


def episode(env: Any, task: str, seed: int) -> tuple[int, bool]:
    """Let the expert do the task once; return its number of steps and its success."""
    info, steps = env.reset(seed=seed)[1], 0
    for action in envs.scripted_policy(task, "expert")(env, np.random.default_rng(seed)):
        *_, truncated, info = env.step(action)
        steps += 1
        if truncated:
            break
    return steps, bool(info["success"])


def measure(task: str, embodiment: str, seeds: int) -> dict[str, Any]:
    """Return one row of the table."""
    with contextlib.closing(envs.make_task(task, embodiment=embodiment).unwrapped) as env:
        episodes = [episode(env, task, seed) for seed in range(seeds)]
    lengths = np.array([steps for steps, _ in episodes])
    return {
        "schema_version": LINE_SCHEMA_VERSION,
        "task": task,
        "embodiment": embodiment,
        "seeds": seeds,
        "successes": sum(success for _, success in episodes),
        "failed_seeds": [seed for seed, (_, success) in enumerate(episodes) if not success],
        "steps": {
            "least": int(lengths.min()),
            "median": float(np.median(lengths)),
            "most": int(lengths.max()),
        },
        "commit": commit(),
    }


def main() -> int:
    """Measure what is missing."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="JSON lines, one per row")
    parser.add_argument("--tasks", nargs="+", default=list(envs.TASKS), help="task ids")
    parser.add_argument("--embodiments", nargs="+", default=BODIES)
    parser.add_argument("--seeds", type=int, default=100)
    options = parser.parse_args()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    try:
        known = {(line["task"], line["embodiment"]) for line in read_lines(options.out)}
        for task in map(envs.task_id, options.tasks):
            for embodiment in options.embodiments:
                if (task, embodiment) in known:
                    continue
                row = measure(task, embodiment, options.seeds)
                append_line(options.out, row)
                print(json.dumps(row), flush=True)
    except UserError as error:
        print(f"bench_experts: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

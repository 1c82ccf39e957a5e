"""Control steps per second of every task, with and without one picture of 84 x 84 per step.

    python scripts/bench_tasks.py [--tasks BulletPush-v0 …] [--embodiments robot hand]
        [--out docs/results/tasks/speed.jsonl]

Random actions, one process; the figures of docs/ come from a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

import tcn_robot.envs as envs
from tcn_robot.errors import UserError
from tcn_robot.policies.results import LINE_SCHEMA_VERSION, append_line
from tcn_robot.provenance import commit, machine

SIZE_PX = 84
WARM_UP_STEPS = 5


def steps_per_second(task: str, embodiment: str, seconds: float, with_view: bool) -> float:
    """Return how many control steps a task does per second of wall-clock time.

    Args:
        task: Task id.
        embodiment: Body that acts.
        seconds: How long to measure, resets included as they occur.
        with_view: Whether the first view is rendered in every step.
    """
    env = envs.make_task(task, embodiment=embodiment).unwrapped
    generator = np.random.default_rng(0)
    views = env.view_names[:1]

    def step() -> None:
        action = generator.uniform(-1.0, 1.0, env.action_space.shape)
        if env.step(action)[3]:
            env.reset()
        if with_view:
            env.render_views(views, (SIZE_PX, SIZE_PX))

    env.reset(seed=0)
    for _ in range(WARM_UP_STEPS):
        step()
    steps, start = 0, time.perf_counter()
    while (passed := time.perf_counter() - start) < seconds:
        step()
        steps += 1
    env.close()
    return steps / passed


def measure(task: str, embodiment: str, seconds: float) -> dict[str, object]:
    """Return one row of the table."""
    plain, with_view = (steps_per_second(task, embodiment, seconds, view) for view in (False, True))
    return {
        "schema_version": LINE_SCHEMA_VERSION,
        "task": task,
        "embodiment": embodiment,
        "steps_per_second": round(plain, 1),
        "steps_per_second_with_view": round(with_view, 1),
        "commit": commit(),
        "machine": machine(),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", nargs="+", default=list(envs.TASKS), help="task ids")
    parser.add_argument("--embodiments", nargs="+", default=["robot", "hand"])
    parser.add_argument("--seconds", type=float, default=3.0, help="per figure")
    parser.add_argument("--out", type=Path, help="JSON lines, begun anew")
    options = parser.parse_args()
    if options.out is not None:
        options.out.unlink(missing_ok=True)
    print(f"{'task':32} {'embodiment':10} {'steps/s':>8} {f'+ one {SIZE_PX} px view':>18}")
    for task in map(envs.task_id, options.tasks):
        for embodiment in options.embodiments:
            try:
                row = measure(task, embodiment, options.seconds)
            except UserError as error:  # PyBullet is not there on every Python
                print(f"{task:32} {embodiment:10} {error}", flush=True)
                continue
            plain, with_view = row["steps_per_second"], row["steps_per_second_with_view"]
            print(f"{task:32} {embodiment:10} {plain:8} {with_view:18}", flush=True)
            if options.out is not None:
                append_line(options.out, row)


if __name__ == "__main__":
    main()

"""How well policies do in another simulator and by other bodies, without further training.

tcn-robot study docs/studies/tasks-dense.json      # trains them
python scripts/bench_crossover.py runs/tasks-dense/reach runs/tasks-dense/push
[--out docs/results/tasks/crossover.jsonl] [--starts 50]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import tcn_robot.envs as envs
from tcn_robot.errors import UserError
from tcn_robot.policies.config import load_config
from tcn_robot.policies.results import LINE_SCHEMA_VERSION, append_line
from tcn_robot.workflows.evaluate import describe, evaluate_run

BODIES = (None, "hand", "tongs")


def main() -> int:
    """Evaluate the policies everywhere."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", type=Path, nargs="+", help="runs of `tcn-robot imitate`")
    parser.add_argument("--out", type=Path, default=Path("docs/results/tasks/crossover.jsonl"))
    parser.add_argument("--starts", type=int, default=50)
    options = parser.parse_args()
    options.out.unlink(missing_ok=True)
    try:
        for run in options.runs:
            here = envs.task_id(load_config(run).task)
            there = here.replace("/Mujoco", "/Bullet")
            for task in (here, there) if there in envs.TASKS else (here,):
                for body in BODIES:
                    figures = evaluate_run(run, options.starts, False, task, body)
                    line = {**figures, "schema_version": LINE_SCHEMA_VERSION}
                    append_line(options.out, line)
                    print(f"{run.name} in {task} by {body or 'robot'}: {describe(figures)}")
    except UserError as error:
        print(f"bench_crossover: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

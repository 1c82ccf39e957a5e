"""Makes the policy tables and curves of docs/benchmarks.md from docs/results/*.jsonl.

    python scripts/make_benchmark_tables.py [--results docs/results] [--document docs/benchmarks.md]
        [--images docs/images]

Each line of results is one training, written by `tcn-robot study`. The same lines give the same
document.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from tcn_robot.atomic import write_text_atomically
from tcn_robot.errors import UserError
from tcn_robot.policies.results import read_lines
from tcn_robot.policies.tables import (
    describe_origin,
    draw_tasks,
    group_runs,
    replace_between_markers,
    table_of,
)

MARKER = "policy tables"
PICTURE = "policy_success.png"


def make_tables(results: Path, document: Path, images: Path) -> int:
    """Write tables and picture; return the number of lines they were made from."""
    lines = [line for path in sorted(results.glob("*.jsonl")) for line in read_lines(path)]
    tasks = group_runs(lines)
    if not tasks:
        raise UserError(f"{results} holds no finished policy run; start `tcn-robot study` first")
    draw_tasks(tasks, images / PICTURE)
    picture = os.path.relpath(images / PICTURE, document.parent)
    parts = [f"![Success on held-out starts while training]({picture})"]
    parts += [f"### {task}\n\n{table_of(runs)}" for task, runs in tasks.items()]
    parts.append(describe_origin(lines))
    text = document.read_text(encoding="utf-8")
    write_text_atomically(document, replace_between_markers(text, MARKER, "\n\n".join(parts)))
    return sum(len(run.lines) for runs in tasks.values() for run in runs)


def main() -> int:
    """Read the options and make the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--results", type=Path, default=Path("docs/results"))
    parser.add_argument("--document", type=Path, default=Path("docs/benchmarks.md"))
    parser.add_argument("--images", type=Path, default=Path("docs/images"))
    options = parser.parse_args()
    try:
        count = make_tables(options.results, options.document, options.images)
    except UserError as error:
        print(f"make_benchmark_tables: {error}", file=sys.stderr)
        return 2
    print(f"{options.document}: made from {count} trainings")
    return 0


if __name__ == "__main__":
    sys.exit(main())

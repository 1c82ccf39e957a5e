"""Makes the tables and curves of docs/benchmarks.md from docs/results.

    python scripts/make_benchmark_tables.py [--results docs/results] [--document docs/benchmarks.md]
        [--images docs/images]

Each line of docs/results/*.jsonl is one training of a policy or an embedding, written by
`tcn-robot study`; each
docs/results/alignment/*.json is one encoder, written by `tcn-robot bench alignment --out`; the
first of a task, by name, gets its whole table; docs/results/tasks/ is written by
scripts/bench_tasks.py, bench_experts.py and bench_crossover.py; docs/results/training/ by
scripts/bench_training.py. The same results give the same
document.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from leaderboard_table import leaderboard_part
from objective_tables import objective_part, write_pages
from recognition_tables import recognition_tables
from suite_tables import suite_tables
from training_speed_table import speed_table

from tcn_robot.atomic import write_text_atomically
from tcn_robot.benchmarks import alignment_markdown
from tcn_robot.errors import UserError
from tcn_robot.policies.results import read_lines
from tcn_robot.policies.tables import (
    describe_origin,
    draw_tasks,
    group_runs,
    replace_between_markers,
    table_of,
    table_over_tasks,
)
from tcn_robot.policies.task_tables import task_tables
from tcn_robot.recordings.format import read_json

MARKER = "policy tables"
ALIGNMENT_MARKER = "alignment tables"
SUITE_MARKER = "alignment suite"
RECOGNITION_MARKER = "recognition tables"
TASK_MARKER = "task tables"
OBJECTIVE_MARKER = "objective tables"
LEADERBOARD_MARKER = "leaderboard"
SPEED_MARKER = "training speed"
PICTURE = "policy_success.png"
OVER_TASKS = (
    "Interquartile mean over the trainings of a method; interval: stratified bootstrap, seeds and "
    "starts drawn within each task (Agarwal et al. 2021)."
)


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
    if over_tasks := table_over_tasks(tasks):
        parts.append(f"### Over several tasks\n\n{OVER_TASKS}\n\n{over_tasks}")
    parts.append(describe_origin(lines))
    text = document.read_text(encoding="utf-8")
    if alignment := alignment_tables(results / "alignment"):
        text = replace_between_markers(text, ALIGNMENT_MARKER, alignment)
    if suite := suite_tables(results / "alignment_suite"):
        text = replace_between_markers(text, SUITE_MARKER, suite)
    if recognition := recognition_tables(results / "recognition"):
        text = replace_between_markers(text, RECOGNITION_MARKER, recognition)
    if tasks_themselves := task_tables(results / "tasks"):
        text = replace_between_markers(text, TASK_MARKER, tasks_themselves)
    if objectives := objective_part(lines, document, images):
        text = replace_between_markers(text, OBJECTIVE_MARKER, objectives)
        write_pages(lines, document.parent / "objectives")
    if leaderboard := leaderboard_part(lines, document, images):
        text = replace_between_markers(text, LEADERBOARD_MARKER, leaderboard)
    speed = results / "training" / "speed.json"
    if speed.is_file():
        text = replace_between_markers(text, SPEED_MARKER, speed_table(read_json(speed)))
    write_text_atomically(document, replace_between_markers(text, MARKER, "\n\n".join(parts)))
    return sum(len(run.lines) for runs in tasks.values() for run in runs)


def alignment_tables(folder: Path) -> str:
    """Return one part per task from the results of encoders in a folder, "" if there are none."""
    tasks: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(folder.glob("*.json")):
        result = read_json(path)
        if not result.get("trained_with"):
            raise UserError(
                f"{path} does not say how its encoder was trained; write it once more by "
                "`tcn-robot bench alignment RUN DIR --out`"
            )
        tasks.setdefault(result["tasks"][0].rpartition("/")[2], []).append(result)
    parts = []
    for task, results in sorted(tasks.items()):
        first = results[0]
        commits = ", ".join(sorted({(result["commit"] or "unknown")[:10] for result in results}))
        made = first["trained_with"]
        parts.append(
            f"### {task}\n\n{first['episodes']} held-out episodes, "
            f"views {', '.join(first['views'])}; trained: {made['objective']}, "
            f"{made['steps']:,} steps, seed {made['seed']}. "
            f"Commit {commits}; {first['machine']['cpu']}, {first['machine']['cores']} cores.\n\n"
            + alignment_markdown(results)
        )
    return "\n\n".join(parts)


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

"""The leaderboard of docs/benchmarks.md is made from lines, by the script that makes all tables."""

import json
import subprocess
import sys

from tests.benchmarks.leaderboard.leaderboard_lines import lines_of_tasks

MEANS = {"good": 0.05, "bad": 0.2, "nothing": 0.34, "random": 0.33}
PICTURES = ("board-error.png", "board-tau_b.png")
POLICY = {
    "schema_version": 1, "kind": "policy", "study": "s", "run": "r", "seed": 0, "key": "k",
    "config": {"task": "tcn_robot/MujocoReach-v0", "reward": "dense", "steps": 10},
    "figures": {"final": {"starts": 5, "success": 1.0, "success_any": 1.0},
                "evaluations": [{"steps": 10, "success": 1.0}]},
    "seconds": 1.0, "versions": {}, "commit": "abc", "machine": {"cpu": "c", "cores": 2},
}  # fmt: skip


def test_a_study_of_several_tasks_has_one_table_per_figure(tmp_path, root):
    results, document = tmp_path / "results", tmp_path / "page.md"
    results.mkdir()
    lines = [POLICY, *lines_of_tasks(MEANS, ("push", "pour"), seeds=2)]
    (results / "board.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    names = ("policy tables", "objective tables", "leaderboard")
    document.write_text("".join(f"<!-- {name} -->\n<!-- end of {name} -->\n" for name in names))
    command = [sys.executable, "scripts/make_benchmark_tables.py", "--results", str(results)]
    command += ["--document", str(document), "--images", str(tmp_path / "images")]
    subprocess.run(command, cwd=root, check=True)
    text = document.read_text()
    between = text.partition("<!-- objective tables -->")[2].partition("<!-- end of")[0]
    assert between.strip() == ""  # the tables of single tasks have none of it
    board = text.partition("<!-- leaderboard -->")[2].partition("<!-- end of leaderboard -->")[0]
    assert "### The same moment in another view" in board
    assert "| run | score | push | pour |" in board
    first = board.partition("### The same order")[0]
    rows = {row.split(" | ")[0].strip("| "): row for row in first.splitlines() if "|" in row}
    assert rows["good"].count("**") == 4
    assert rows["bad"].count("▾") == 2
    assert "<sup>cu</sup>" in rows["nothing"]
    assert "*random* (control)" in rows
    assert "Scores: 0 untrained, 1 the ceiling." in board
    assert "Reached by a control as well: c chance, u an untrained encoder." in board
    assert "tcn-robot leaderboard docs/results/board.jsonl --out board.html" in board
    pictures = {name: (tmp_path / "images" / name).read_bytes() for name in PICTURES}
    assert all(f"](images/{name})" in board for name in PICTURES)
    subprocess.run(command, cwd=root, check=True)
    assert document.read_text() == text
    assert {name: (tmp_path / "images" / name).read_bytes() for name in PICTURES} == pictures

#!/usr/bin/env python3
"""Writes the tables of docs/audit.md from docs/results/audit/*.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGE, RESULTS = ROOT / "docs" / "audit.md", ROOT / "docs" / "results" / "audit"
START, END = "<!-- audit tables -->", "<!-- end of audit tables -->"
DECIDING = ("separation", "order", "stall", "failing", "stop", "loop", "reverse", "mimicry",
            "thrown", "adversary")  # fmt: skip


def table_of(result: dict[str, Any]) -> list[str]:
    """Return the lines of one task: the good rewards first, then the bad ones."""
    task = result["task"]
    if result["encoder"] is None:
        return oracles_of(result)
    lines = [
        f"### {task}",
        "",
        f"{result['bad_caught']} of {result['bad']} bad rewards are caught, "
        f"{result['false_alarms']} of {result['good']} good ones are not accepted. Encoder "
        f"`{result['encoder']}`, {result['episodes']} episodes of each kind, "
        f"{result['adversary_rollouts']} rollouts of the search.",
        "",
        "| reward | planted as | accepted | score | worst excess | probes that failed |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in sorted(result["rewards"], key=lambda row: not row["good"]):
        deciding = [name for name in row["failed"] if name in DECIDING]
        upset = [name for name in row["failed"] if name not in DECIDING]
        words = ", ".join(deciding) + (f" (upset by {', '.join(upset)})" if upset else "")
        wrong = "" if (row["accepted"] is not False) == row["good"] else " **wrong**"
        excess = max(row["excess"].values())
        lines.append(
            f"| {row['reward']} | {'good' if row['good'] else 'bad'} | "
            f"{'yes' if row['accepted'] else 'no'}{wrong} | {row['score']:.2f} | {excess:.2f} | "
            f"{words.strip() or '–'} |"
        )
    return [*lines, "", f"Commit {result['commit'][:10]}.", ""]


def oracles_of(result: dict[str, Any]) -> list[str]:
    """Return the lines of oracles audited with several seeds: how many, and which were wrong."""
    wrong = [
        f"{row['reward']} (seed {row['seed']}: {', '.join(row['failed']) or 'nothing failed'})"
        for row in result["rewards"]
        if (row["accepted"] is not False) != row["good"]
    ]
    seeds = len({row["seed"] for row in result["rewards"]})
    return [
        f"### {result['task']}, oracles, {seeds} seeds",
        "",
        f"{result['bad_caught']} of {result['bad']} bad ones are caught, "
        f"{result['false_alarms']} of {result['good']} good ones are not accepted"
        f"{': ' + '; '.join(wrong) if wrong else ''}.",
        "",
        f"Commit {result['commit'][:10]}.",
        "",
    ]


def main() -> None:
    """Write the tables between their marks."""
    results = [json.loads(path.read_text("utf-8")) for path in sorted(RESULTS.glob("*.json"))]
    lines = [line for result in results for line in table_of(result)]
    before, _, rest = PAGE.read_text("utf-8").partition(START)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{START}\n\n" + "\n".join(lines) + f"\n{END}{after}", "utf-8")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Says whether the score of an audit ranks rewards as their policies' success does.

    sh scripts/prepare_audit_ranks.sh && python scripts/audit_ranks.py

Reads docs/results/audit-ranks.jsonl and docs/results/audit/ranks/*.json. Prints one line per reward
and task, and Kendall's tau-b between score and success over the pairs of rewards of one task
(scores of different tasks are not compared). Its interval: 2,000 bootstrap draws of the lines
within each task.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
LINES = ROOT / "docs" / "results" / "audit-ranks.jsonl"
AUDITS = ROOT / "docs" / "results" / "audit" / "ranks"
DRAWS = 2000


@dataclass(frozen=True)
class Ranked:
    """A reward of one task: what the audit said before, and what became of it.

    Attributes:
        name: Of the run in the study.
        task: Task id.
        score: Of the audit, in [0, 1].
        accepted: Whether the audit accepted it.
        success: Share of final starts.
    """

    name: str
    task: str
    score: float
    accepted: bool
    success: float


def read_ranked() -> list[Ranked]:
    """Return every run of the study whose reward has been audited to the end."""
    found = []
    for text in LINES.read_text("utf-8").splitlines():
        line = json.loads(text)
        path = AUDITS / f"{line['run']}.json"
        if not path.exists():
            continue
        audit = json.loads(path.read_text("utf-8"))
        if not audit["complete"]:
            continue
        final = line["figures"]["final"]
        found.append(
            Ranked(
                line["run"],
                line["config"]["task"],
                audit["score"],
                audit["accepted"],
                final["success"],
            )
        )
    return found


def tau_within_tasks(rows: Sequence[Ranked]) -> float:
    """Return Kendall's tau-b over the pairs of rows of one task.

    (C - D) / sqrt((P - T_score) (P - T_success)): concordant less discordant pairs, over the
    geometric mean of those that are no tie in either; nan where one never differs.
    """
    agree, score_differs, success_differs = 0.0, 0, 0
    for a, b in combinations(rows, 2):
        if a.task != b.task:
            continue
        score, success = np.sign(a.score - b.score), np.sign(a.success - b.success)
        agree += score * success
        score_differs += int(score != 0)
        success_differs += int(success != 0)
    product = score_differs * success_differs
    return float(agree / np.sqrt(product)) if product else float("nan")


def interval(rows: Sequence[Ranked]) -> tuple[float, float]:
    """Return the percentile interval (95 %) of the tau over draws of rows within each task."""
    generator = np.random.default_rng(0)
    tasks = [[row for row in rows if row.task == task] for task in {row.task for row in rows}]
    taus = []
    for _ in range(DRAWS):
        drawn = [t[i] for t in tasks for i in generator.integers(len(t), size=len(t))]
        taus.append(tau_within_tasks(drawn))
    low, high = np.nanpercentile(taus, [2.5, 97.5])
    return float(low), float(high)


def main() -> None:
    """Print the table and the figure."""
    rows = read_ranked()
    print("| reward | score | accepted | success |\n|---|---|---|---|")
    for row in sorted(rows, key=lambda row: (row.task, -row.score)):
        said = "yes" if row.accepted else "no"
        print(f"| {row.name} | {row.score:.2f} | {said} | {row.success:.0%} |")
    low, high = interval(rows)
    print(
        f"\n{len(rows)} rewards, tau-b within tasks {tau_within_tasks(rows):.2f} "
        f"[{low:.2f}, {high:.2f}]"
    )


if __name__ == "__main__":
    sys.exit(main())

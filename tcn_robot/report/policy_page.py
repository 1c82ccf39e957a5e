"""What the template of a report shows of policies: tasks, films, audits, options."""

from __future__ import annotations

from typing import Any

from tcn_robot.report.audit_page import (
    audit_command,
    audit_families,
    audit_headlines,
    audit_lead,
    cheats_picture,
)
from tcn_robot.report.evidence import Evidence
from tcn_robot.report.figures_policy import run_label, strokes_of
from tcn_robot.report.pictures import draw_in_looks, film_sources
from tcn_robot.report.policy_evidence import GivenAudit, PolicyRun, by_task
from tcn_robot.report.policy_sections import task_drawing
from tcn_robot.report.policy_words import COLUMNS, over_tasks_rows, policy_rows


def policy_values(evidence: Evidence) -> dict[str, Any]:
    """Return the values of the template that are about policies."""
    return {
        "tasks": _tasks(evidence),
        "policy_columns": COLUMNS,
        "over_tasks": over_tasks_rows(evidence.over_tasks),
        "films": _film_groups(evidence),
        "audits": [_audit(audit) for audit in evidence.audits],
        "cards": _cards(evidence),
    }


def _tasks(evidence: Evidence) -> list[dict[str, Any]]:
    tasks = []
    for task, runs in by_task(evidence.runs).items():
        drawing = task_drawing(runs)
        tasks.append(
            {
                "name": task,
                "figure": draw_in_looks(drawing) if drawing else None,
                "rows": policy_rows(runs),
            }
        )
    return tasks


def _film_groups(evidence: Evidence) -> list[dict[str, Any]]:
    """Return the films: of several runs of a task view by view, side by side; else run by run."""
    tasks = by_task([run for run in evidence.runs if run.films])
    recorded = list(evidence.strip.frames) if evidence.strip else []
    groups = []
    for task, runs in tasks.items():
        above = f"{task}: " if len(tasks) > 1 else ""
        # The views that were recorded come first, in their order.
        found = dict.fromkeys(view for run in runs for view in run.films)
        views = [view for view in recorded if view in found]
        views += sorted(set(found) - set(recorded))
        if len(runs) == 1:
            items = [_film(runs[0], view, view) for view in views]
            groups.append({"title": _capitalised(above + run_label(runs[0])), "items": items})
            continue
        for view in views:
            items = [_film(run, view, run_label(run)) for run in runs if view in run.films]
            groups.append({"title": _capitalised(above + view), "items": items})
    return groups


def _film(run: PolicyRun, view: str, caption: str) -> dict[str, Any]:
    seen = f"Policy of {run_label(run)}, seen from {view}"
    return {"caption": caption, "seen": seen, **film_sources(run.films[view])}


def _capitalised(text: str) -> str:
    return text[0].upper() + text[1:]


def _audit(audit: GivenAudit) -> dict[str, Any]:
    record = audit.evidence.record
    return {
        "title": f"{record['reward']} on {record['task'].rpartition('/')[2]}",
        "lead": audit_lead(record),
        "headlines": audit_headlines(record),
        "families": audit_families(audit.evidence),
        "cheats": cheats_picture(record),
        "runs": ", ".join(audit.runs),
        "command": audit_command(record),
        "source": audit.source,
    }


def _cards(evidence: Evidence) -> list[dict[str, Any]]:
    """Return what each run was given, task by task."""
    return [
        {
            "task": task,
            "runs": [
                {"name": run_label(run), "run": run, "light": stroke.light, "dark": stroke.dark}
                for run, stroke in zip(runs, strokes_of(runs), strict=True)
                if run.config
            ],
        }
        for task, runs in by_task(evidence.runs).items()
    ]

"""Recordings of a task that draws itself with numpy: what a study records, made in a second."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.policies.point_task import TASK

RECORD = [TASK, "--size", "32", "--policy", "tests.policies.point_task:expert"]
DATA: list[dict[str, Any]] = [
    {"name": "shown", "record": [*RECORD, "--episodes", "2"]},
    {"name": "checked", "record": [*RECORD, "--episodes", "1", "--split", "valid"]},
    {"name": "held-out", "record": [*RECORD, "--episodes", "3", "--split", "test", "--seed", "1"]},
]


def record_points(folder: Path) -> Path:
    """Record all of `DATA` below a folder by a study's own means."""
    from tcn_robot.workflows.study_data import record_missing
    from tcn_robot.workflows.study_tasks import PlannedData

    record_missing([PlannedData(one["name"], tuple(one["record"])) for one in DATA], folder)
    return folder

"""The history of a dataset: `dataset.json` never changes, each edit writes its successor.

A successor says all that its predecessor said, what was edited, and the SHA-256 of the predecessor.
Writing it is the edit: one file that appears as a whole, so that an edit is done or it is not.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from tcn_robot.atomic import write_text_atomically
from tcn_robot.errors import UserError
from tcn_robot.recordings import format as dataset_format
from tcn_robot.recordings.writer import DatasetWriter


def read_history(path: Path) -> list[dict[str, Any]]:
    """Return what each edit of a dataset was, the oldest first: `action`, `at_utc` and more."""
    dataset_format.read_dataset_metadata(path)
    files = [path / dataset_format.description_name(n) for n in dataset_format.list_revisions(path)]
    contents = [dataset_format.read_json(file) for file in files]
    return [content["edit"] for content in contents if isinstance(content.get("edit"), dict)]


def delete_episodes(writer: DatasetWriter, ids: Collection[int]) -> None:
    """Delete episodes; their ids are never used again.

    Args:
        writer: Of the dataset, opened.
        ids: Ids of whole episodes.

    Raises:
        UserError: If one is not there, or none would be left.
    """
    present = set(writer.episode_ids())
    _refuse_absent(writer.path, ids, present)
    if not present - set(ids):
        raise UserError(f"that would leave {writer.path} without an episode; remove the folder")
    metadata = dataset_format.read_dataset_metadata(writer.path)
    deleted = sorted({*metadata.get("deleted_ids", []), *ids})
    labels = {id: said for id, said in metadata.get("labels", {}).items() if int(id) not in deleted}
    edit: dict[str, Any] = {"action": "delete", "ids": sorted(ids)}
    if marks := _import_marks(writer.path, ids):
        edit["imported_from"] = marks
    _write_successor(writer.path, edit, {"deleted_ids": deleted, "labels": labels})
    writer.clear()


def _import_marks(path: Path, ids: Collection[int]) -> list[dict[str, Any]]:
    """Return where deleted episodes came from, so that no import brings them back."""
    marks = []
    for id in sorted(ids):
        file = path / dataset_format.episode_folder_name(id) / dataset_format.EPISODE_FILE
        try:
            mark = dataset_format.read_json(file).get("imported_from")
        except UserError:  # damaged ones are deleted too
            continue
        if isinstance(mark, dict):
            marks.append(mark)
    return marks


def relabel_episodes(
    writer: DatasetWriter, labels: Mapping[int, Mapping[str, Any]], action: str = "relabel"
) -> None:
    """Say something else of episodes than was recorded; their files stay as they are.

    Args:
        writer: Of the dataset, opened.
        labels: New values by id, then by name: split, success, policy, embodiment.
        action: What the history calls it.

    Raises:
        UserError: If an episode is not there.
    """
    _refuse_absent(writer.path, labels, set(writer.episode_ids()))
    metadata = dataset_format.read_dataset_metadata(writer.path)
    all_labels = {**metadata.get("labels", {})}
    for id, said in labels.items():
        all_labels[str(id)] = {**all_labels.get(str(id), {}), **said}
    said_by_id = {str(id): dict(said) for id, said in sorted(labels.items())}
    edit = {"action": action, "labels": said_by_id}
    _write_successor(writer.path, edit, {"labels": all_labels})


def rename_task(writer: DatasetWriter, task: str) -> None:
    """Give a dataset, and so each of its episodes, another task."""
    metadata = dataset_format.read_dataset_metadata(writer.path)
    labels = {**metadata.get("labels", {})}
    for id in writer.episode_ids():
        labels[str(id)] = {**labels.get(str(id), {}), "task": task}
    edit = {"action": "relabel", "task": task, "task_before": metadata.get("task")}
    _write_successor(writer.path, edit, {"task": task, "labels": labels})


def _refuse_absent(path: Path, ids: Collection[int], present: set[int]) -> None:
    absent = sorted(set(ids) - present)
    if absent:
        raise UserError(f"{path} has no episode {absent[0]}; `tcn-robot info {path}` lists the ids")


def _write_successor(path: Path, edit: dict[str, Any], changes: dict[str, Any]) -> None:
    before = dataset_format.read_dataset_metadata(path)
    revision = dataset_format.list_revisions(path)[-1]
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    content = {
        **before,
        **changes,
        "edit": {**edit, "at_utc": now},
        "previous_sha256": dataset_format.file_hash(
            path / dataset_format.description_name(revision)
        ),
    }
    target = path / dataset_format.description_name(revision + 1)
    write_text_atomically(target, dataset_format.json_text(content))

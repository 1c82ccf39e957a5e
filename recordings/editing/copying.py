"""Takes whole episodes over into another dataset, under another id if need be."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tcn_robot.atomic import atomic_folder
from tcn_robot.errors import UserError
from tcn_robot.recordings import format as dataset_format
from tcn_robot.recordings.reader import Episode, open_recording


def copy_episode(
    episode: Episode,
    dataset_path: Path,
    episode_id: int | None = None,
    added: Mapping[str, Any] | None = None,
) -> None:
    """Copy an episode; its files are the same bytes, `episode.json` says what was relabelled.

    Files share their place on the disk with the original's (hard links) where that can be.

    Args:
        episode: The original, which is only read.
        dataset_path: Folder of the other dataset, whose lock the caller holds.
        episode_id: Its id there; the same when None.
        added: What `episode.json` shall say besides.
    """
    new_id = episode.id if episode_id is None else episode_id
    metadata = {**episode.metadata, "id": new_id, **(added or {})}
    target = dataset_path / dataset_format.episode_folder_name(new_id)
    copy_model(episode, dataset_path)  # first: an episode that is there is whole
    with atomic_folder(target, replace=False) as partial:
        for path in sorted(episode.path.iterdir()):
            if path.name != dataset_format.EPISODE_FILE:
                _take(path, partial / path.name)
        original = dataset_format.read_json(episode.path / dataset_format.EPISODE_FILE)
        description = partial / dataset_format.EPISODE_FILE
        if metadata == original:
            shutil.copyfile(episode.path / dataset_format.EPISODE_FILE, description)
        else:
            description.write_text(dataset_format.json_text(metadata), encoding="utf-8")


def copy_model(episode: Episode, dataset_path: Path) -> None:
    """Copy the simulator's model of an episode, if it has one and the other dataset has not."""
    name = (episode.metadata.get("simulator") or {}).get("model")
    path = episode.path.parent / dataset_format.ASSETS_FOLDER / str(name)
    if name and path.name == name and path.is_file():
        text = path.read_text(encoding="utf-8")
        dataset_format.store_asset(dataset_path, text, path.suffix)


def refuse_other_episodes(
    path: Path, originals: Mapping[int, Episode], is_copy: Callable[[Episode, Episode], bool]
) -> None:
    """Raise a UserError if a folder holds anything but some of the copies that shall be made.

    Args:
        path: Where they shall go; it need not be there.
        originals: By the ids that the copies get.
        is_copy: Whether the first, which is there, is what copying the second gives.
    """
    if not (path / dataset_format.DATASET_FILE).exists():
        if path.is_dir() and any(not entry.name.startswith(".") for entry in path.iterdir()):
            raise UserError(f"{path} is no dataset and not empty; give a new folder as --out")
        return
    ids = dataset_format.list_episode_ids(path)
    there = open_recording(path) if ids else None
    for id in ids:
        if there is None or id not in originals or not is_copy(there.by_id(id), originals[id]):
            raise UserError(
                f"{path} already has an episode {id} from elsewhere; give a new folder as --out"
            )


def has_same_files(first: Episode, second: Episode) -> bool:
    """Return whether two episodes hold the same films and tables."""
    return bool(first.recorded.get("files") == second.recorded.get("files"))


def _take(path: Path, target: Path) -> None:
    if path.is_dir():
        shutil.copytree(path, target)
        return
    try:
        os.link(path.resolve(), target)  # of a link: what it leads to
    except OSError:  # another disk, or a file system without links
        shutil.copyfile(path, target)

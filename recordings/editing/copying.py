"""Takes whole episodes over into another dataset, under another id if need be."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tcn_robot.atomic import atomic_folder
from tcn_robot.recordings import format as dataset_format
from tcn_robot.recordings.reader import Episode


def copy_episode(
    episode: Episode,
    dataset_path: Path,
    episode_id: int | None = None,
    added: Mapping[str, Any] | None = None,
    is_linked: bool = True,
) -> None:
    """Copy an episode; its files are the same bytes, `episode.json` says what was relabelled.

    Args:
        episode: The original, which is only read.
        dataset_path: Folder of the other dataset, whose lock the caller holds.
        episode_id: Its id there; the same when None.
        added: What `episode.json` shall say besides.
        is_linked: Let films share their place on the disk (hard links) where that can be.
    """
    new_id = episode.id if episode_id is None else episode_id
    metadata = {**episode.metadata, "id": new_id, **(added or {})}
    target = dataset_path / dataset_format.episode_folder_name(new_id)
    copy_model(episode, dataset_path)  # first: an episode that is there is whole
    with atomic_folder(target, replace=False) as partial:
        for path in sorted(episode.path.iterdir()):
            if path.name != dataset_format.EPISODE_FILE:
                _take(path, partial / path.name, is_linked)
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


def _take(path: Path, target: Path, is_linked: bool) -> None:
    if path.is_dir():
        shutil.copytree(path, target)
        return
    if is_linked:
        try:
            os.link(path, target, follow_symlinks=False)
            return
        except OSError:  # another disk, or a file system without links
            pass
    shutil.copyfile(path, target)

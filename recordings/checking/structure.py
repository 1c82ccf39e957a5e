"""Faults of the dataset as a whole: its description, its models, what lies about in its folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tcn_robot.errors import UserError
from tcn_robot.recordings import format as dataset_format
from tcn_robot.recordings.checking.kinds import Fault
from tcn_robot.recordings.format import list_revisions
from tcn_robot.recordings.reader import Episode, Recording

_KNOWN = {dataset_format.REQUEST_FILE, dataset_format.ASSETS_FOLDER}


def dataset_faults(path: Path) -> Iterator[Fault]:
    """Yield what is wrong with a dataset's folder, whatever its episodes are.

    Raises:
        UserError: If the folder is no dataset at all.
    """
    description = path / dataset_format.DATASET_FILE
    if not description.is_file():
        dataset_format.read_dataset_metadata(path)  # says what it is instead
    try:
        dataset_format.read_dataset_metadata(path)
    except UserError as error:
        files = [path / dataset_format.description_name(n) for n in list_revisions(path)]
        is_newer = max(map(_version, files)) > dataset_format.FORMAT_VERSION
        is_edited = len(files) > 1 and _version(description) > 0
        kind = "broken-history" if is_edited else "damaged-dataset-file"
        yield Fault("newer-format" if is_newer else kind, str(error))
        return
    ids = {dataset_format.episode_folder_name(id) for id in dataset_format.list_episode_ids(path)}
    deleted = {
        dataset_format.episode_folder_name(id) for id in dataset_format.list_deleted_ids(path)
    }
    known = {*_KNOWN, *ids, *map(dataset_format.description_name, list_revisions(path))}
    # A README or a dataset card, and the picture beside it, belong here.
    cards = {entry.name for entry in path.glob("*.md")}
    known |= cards | {Path(name).with_suffix(".png").name for name in cards}
    for entry in sorted(path.iterdir()):
        if entry.name.startswith(dataset_format.PARTIAL_PREFIX):
            yield Fault("unfinished-episode", f"{entry} was left by a recorder that was killed")
        elif entry.name in deleted:
            yield Fault("deleted-episode", f"{entry} was deleted; the next edit removes it")
        elif entry.name not in known and not entry.name.startswith("."):
            yield Fault("foreign-entry", f"{entry} is no part of the dataset")


def _version(description: Path) -> float:
    try:
        content: Any = json.loads(description.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return 0.0
    version = content.get("format_version") if isinstance(content, dict) else None
    return float(version) if isinstance(version, (int, float)) else 0.0


def model_faults(recording: Recording, episode: Episode) -> Iterator[Fault]:
    """Yield whether the simulator's model is missing or another one."""
    simulator = episode.metadata.get("simulator")
    name = simulator.get("model") if isinstance(simulator, dict) else None
    if name is None:
        return
    path = recording.path / dataset_format.ASSETS_FOLDER / str(name)
    if path.name != str(name):
        yield Fault("unsafe-name", f"{episode.path}: the model {name!r} leads out of the dataset")
    elif not path.is_file():
        message = f"{path} is missing: episode {episode.id} cannot be rendered again"
        yield Fault("missing-model", message)
    elif dataset_format.file_hash(path) != path.stem:
        yield Fault("changed-model", f"{path} has been changed: its SHA-256 is not its name")


class RepeatedEpisodes:
    """Remembers the films of episodes, to tell when two have the same."""

    def __init__(self) -> None:
        self._first_by_films: dict[tuple[str, ...], int] = {}

    def faults(self, episode: Episode) -> Iterator[Fault]:
        """Yield whether an earlier episode has the same films."""
        files = episode.metadata.get("files")
        if not isinstance(files, dict):
            return
        films = tuple(
            str(entry.get("sha256"))
            for name, entry in sorted(files.items())
            if name.endswith(".mp4") and isinstance(entry, dict)
        )
        first = self._first_by_films.setdefault(films, episode.id) if films else episode.id
        if first != episode.id:
            message = f"episode {episode.id} has the same films as episode {first}"
            yield Fault("repeated-episode", message)

"""`tcn-robot check --repair`: mends what can be mended, into a copy unless told otherwise."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tcn_robot.atomic import (
    PARTIAL_PREFIX,
    atomic_folder,
    exchange,
    sync_file,
    sync_tree,
    write_text_atomically,
)
from tcn_robot.errors import UserError

if TYPE_CHECKING:
    from tcn_robot.recordings import Episode, Fault, Recording
    from tcn_robot.recordings.episode_writer import EpisodeWriter

REPAIRED_SUFFIX = "-repaired"


def repair(
    dataset: Path, out: Path | None, in_place: bool, accept_changes: bool, quick: bool
) -> None:
    """Mend a dataset and say, episode by episode, what was done.

    Args:
        dataset: Folder of the dataset.
        out: Folder of the mended copy; `<dataset>-repaired` when None.
        in_place: Change the dataset itself; what is replaced is set aside within it.
        accept_changes: Take files whose hash is another one as they are.
        quick: Do not decode the films.

    Raises:
        UserError: If the options contradict each other, or the dataset cannot be read at all.
    """
    from tcn_robot.recordings import DatasetWriter, find_faults, open_recording

    if in_place and out is not None:
        raise UserError("--in-place and --out contradict each other; give one")
    recording = open_recording(dataset)
    kind = str(recording.metadata.get("kind", "film"))
    target = dataset if in_place else out or dataset.with_name(dataset.name + REPAIRED_SUFFIX)
    if not in_place and target.resolve() == dataset.resolve():
        raise UserError(f"--out must be another folder than {dataset}; --in-place changes it")
    if not in_place:
        _copy_descriptions(recording.path, target)
    mended = aside = 0
    with DatasetWriter(target, recording.task, kind=kind) as writer:
        present = set() if in_place else set(writer.episode_ids())
        _copy_assets(recording, target)
        for id, faults in find_faults(recording, decode=not quick):
            episode = recording.by_id(id)
            is_faulty = any(fault.is_fault for fault in faults)
            if id in present or (in_place and not is_faulty):
                continue
            if not is_faulty:
                _copy_whole(episode, target)
                continue
            said = _mend_or_leave(episode, faults, target, in_place, accept_changes)
            print(f"episode {id}: {said}")
            mended += said.startswith("mended")
            aside += not said.startswith("mended")
    print(f"{target}: {mended} episodes mended, {aside} set aside")


def _mend_or_leave(
    episode: Episode, faults: list[Fault], target: Path, in_place: bool, accept_changes: bool
) -> str:
    """Mend one episode; return what was done, beginning with "mended" or "set aside"."""
    from tcn_robot.recordings.checking.repair import NotMendableError, mend_episode, set_aside

    open_target = _replacing if in_place else _new_folder
    try:
        with open_target(episode, target) as writer:
            done = mend_episode(episode, faults, writer, accept_changes)
            writer.finish()
    except (NotMendableError, UserError) as error:
        if in_place:
            kept = set_aside(episode.path, target)
            return f"set aside as {kept.name}: {error}"
        return f"set aside (not in the copy): {error}"
    return f"mended ({'; '.join(done)})"


def _writer_for(episode: Episode, folder: Path, dataset: Path) -> EpisodeWriter:
    from tcn_robot.recordings.episode_writer import EpisodeWriter

    rate_hz = float(episode.metadata.get("fps_asked") or 30.0)
    return EpisodeWriter(folder, dataset, episode.id, episode.codec, rate_hz)


@contextmanager
def _new_folder(episode: Episode, target: Path) -> Iterator[EpisodeWriter]:
    """Give a writer for an episode of the copy."""
    with atomic_folder(target / episode.path.name, replace=False) as partial:
        writer = _writer_for(episode, partial, target)
        try:
            yield writer
        except BaseException:
            writer.abort()
            raise


@contextmanager
def _replacing(episode: Episode, dataset: Path) -> Iterator[EpisodeWriter]:
    """Give a writer whose episode takes the place of the faulty one, which is set aside."""
    from tcn_robot.recordings.checking.repair import aside_path, set_aside

    partial = Path(tempfile.mkdtemp(prefix=PARTIAL_PREFIX, dir=dataset))
    partial.chmod(0o755)
    writer = _writer_for(episode, partial, dataset)
    try:
        yield writer
    except BaseException:
        writer.abort()
        shutil.rmtree(partial, ignore_errors=True)
        raise
    sync_tree(partial)
    # Under a name that nobody clears up: by the exchange the original stands there at once.
    ready = aside_path(episode.path, dataset)
    partial.rename(ready)
    if not exchange(ready, episode.path):
        set_aside(episode.path, dataset)
        ready.rename(episode.path)
    sync_file(dataset)


def _copy_whole(episode: Episode, target: Path) -> None:
    """Copy an episode that nothing is wrong with."""
    with atomic_folder(target / episode.path.name, replace=False) as partial:
        shutil.copytree(episode.path, partial, dirs_exist_ok=True)


def _copy_descriptions(dataset: Path, target: Path) -> None:
    """Give the copy the same history, so that labels count and deleted ids stay deleted."""
    from tcn_robot.recordings import format as dataset_format
    from tcn_robot.recordings.format import description_name, list_revisions

    if target.is_dir():
        is_dataset = (target / dataset_format.DATASET_FILE).exists()
        if dataset_format.list_episode_folders(target) or (
            any(target.iterdir()) and not is_dataset
        ):
            return  # begun before, or something else, as the writer will say
    for revision in list_revisions(dataset):
        name = description_name(revision)
        if not (target / name).exists():
            write_text_atomically(target / name, (dataset / name).read_text(encoding="utf-8"))


def _copy_assets(recording: Recording, target: Path) -> None:
    from tcn_robot.recordings.format import ASSETS_FOLDER, store_asset

    source = recording.path / ASSETS_FOLDER
    if not source.is_dir() or recording.path == target:
        return
    for path in sorted(source.iterdir()):
        if not path.name.startswith("."):
            store_asset(target, path.read_text(encoding="utf-8"), path.suffix)

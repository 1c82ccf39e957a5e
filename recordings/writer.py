"""Writes datasets: whole episodes or none, one recorder at a time."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from tcn_robot.atomic import PARTIAL_PREFIX, atomic_folder, make_folders
from tcn_robot.errors import UserError, unknown_name
from tcn_robot.recordings import format as dataset_format
from tcn_robot.recordings.episode_writer import EpisodeWriter
from tcn_robot.recordings.lock import DatasetLock


@contextmanager
def write_episode(
    dataset_path: Path, episode_id: int, codec: str, frame_rate_hz: float
) -> Iterator[EpisodeWriter]:
    """Yield a writer for one episode, which appears on disk as a whole when the block ends.

    The caller holds the dataset's lock, or works for a process that does.

    Raises:
        UserError: If the id is taken.
    """
    target = dataset_path / dataset_format.episode_folder_name(episode_id)
    if target.exists():
        raise UserError(f"{target} exists; episodes are never written over, take another id")
    if episode_id in dataset_format.list_spent_ids(dataset_path):
        raise UserError(f"episode {episode_id} of {dataset_path} is gone; take another id")
    # Not replacing: a worker that outlived its parent must not touch what a new recorder wrote.
    with atomic_folder(target, replace=False) as partial:
        episode = EpisodeWriter(partial, dataset_path, episode_id, codec, frame_rate_hz)
        try:
            yield episode
            episode.finish()
        except BaseException:
            episode.abort()
            raise


def _remove(path: Path) -> None:
    """Remove a file, a link (not what it leads to) or a folder."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


class DatasetWriter:
    """Creates a dataset or opens one to add episodes; a context manager that holds the lock.

    Args:
        path: The dataset's folder, new, empty or a dataset of the same task.
        task: What is shown in it, such as "tcn_robot/MujocoPush-v0".
        codec: "h264" or "lossless".
        kind: "simulated" (every view has a frame per step) or "film".
    """

    def __init__(
        self, path: Path | str, task: str, codec: str = "h264", kind: str = "simulated"
    ) -> None:
        if codec not in dataset_format.CODECS:
            raise unknown_name("codec", codec, dataset_format.CODECS)
        self.path = Path(path)
        self.task = task
        self.codec = codec
        self._kind = kind
        self._lock: DatasetLock | None = None

    def __enter__(self) -> DatasetWriter:
        """Take the lock, create the dataset if it is new, clear what a killed writer left.

        Raises:
            UserError: If the folder holds something else, a dataset of another task, or is being
                written by another recorder.
        """
        if self.path.exists() and not self.path.is_dir():
            raise UserError(f"{self.path} is a file; give a folder")
        is_new = not (self.path / dataset_format.DATASET_FILE).exists()
        if is_new and self.path.exists():
            self._refuse_foreign_folder()
        if not is_new:
            self._refuse_other_task()
        make_folders(self.path)
        self._lock = DatasetLock(self.path)
        try:
            self.clear()
            if not (self.path / dataset_format.DATASET_FILE).exists():
                dataset_format.write_dataset_metadata(self.path, self.task, self._kind)
            self._refuse_other_task()
        except BaseException:
            self._release()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Clear what killed workers left and give the lock back; whole episodes stay."""
        try:
            self.clear()
        finally:
            self._release()

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def clear(self) -> None:
        """Remove what killed writers left, and the folders of deleted episodes."""
        for folder in (self.path, self.path / dataset_format.ASSETS_FOLDER):
            if folder.is_dir():
                for name in dataset_format.list_partial_names(folder):
                    _remove(folder / name)
        if (self.path / dataset_format.DATASET_FILE).is_file():
            self._clear_deleted()

    def _clear_deleted(self) -> None:
        """Remove the folders of deleted episodes, which readers no longer see."""
        deleted = dataset_format.list_deleted_ids(self.path)
        for id in sorted(deleted & set(dataset_format.list_episode_folders(self.path))):
            # Renamed first: half an episode must never stand under an episode's name.
            name = dataset_format.episode_folder_name(id)
            doomed = self.path / f"{PARTIAL_PREFIX}{name}"
            (self.path / name).rename(doomed)
            _remove(doomed)

    def _refuse_foreign_folder(self) -> None:
        foreign = sorted(p.name for p in self.path.iterdir() if not p.name.startswith("."))
        if foreign:
            raise UserError(
                f"{self.path} is no dataset and not empty (it holds {foreign[0]!r}); give a new "
                "folder"
            )

    def _refuse_other_task(self) -> None:
        found = dataset_format.read_dataset_metadata(self.path)
        if found.get("task") != self.task:
            raise UserError(
                f"{self.path} is a dataset of task {found.get('task')!r}, asked for {self.task!r}; "
                "give another folder"
            )

    def episode_ids(self) -> list[int]:
        """Return the ids of the whole episodes, ascending."""
        return dataset_format.list_episode_ids(self.path)

    def next_id(self) -> int:
        """Return the id behind the largest one that is or was taken."""
        return max(self.taken_ids(), default=-1) + 1

    def taken_ids(self) -> set[int]:
        """Return the ids that no new episode can have: of whole episodes, and of those gone."""
        return {*self.episode_ids(), *dataset_format.list_spent_ids(self.path)}

    @contextmanager
    def episode(
        self, frame_rate_hz: float, episode_id: int | None = None
    ) -> Iterator[EpisodeWriter]:
        """Yield a writer for one episode, whole on disk when the block ends without an error.

        Args:
            frame_rate_hz: Rate asked of the source.
            episode_id: Id to use; the next free one when None.
        """
        if self._lock is None:
            raise RuntimeError("open the dataset first: with DatasetWriter(...) as writer")
        taken = self.next_id() if episode_id is None else episode_id
        with write_episode(self.path, taken, self.codec, frame_rate_hz) as episode:
            yield episode

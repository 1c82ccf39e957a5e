"""Builds frame stores from recordings: decode once, resize, keep beside the dataset."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from tcn_robot.atomic import PARTIAL_PREFIX, commit_folder, make_folders
from tcn_robot.data.frame_store import FrameStore, StoredEpisode, content_key
from tcn_robot.data.partial_store import DONE_FILE, DoneEpisode, read_done
from tcn_robot.data.places import building_lock, store_folders
from tcn_robot.data.store_files import (
    STORE_FILE,
    open_files,
    remove,
    remove_if_unused,
    remove_left_behind,
    set_aside,
)
from tcn_robot.data.writing import write_store
from tcn_robot.errors import FULL, UserError
from tcn_robot.progress import say
from tcn_robot.recordings import Episode, open_recording

# Whose mending is another folder.
NOT_TO_BE_WRITTEN = (
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST),
    *(errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP),
)
GIGABYTE = 1e9


def build_frame_store(
    dataset_paths: Sequence[Path | str],
    size_px: int,
    cache_dir: Path | str | None = None,
    workers: int | None = None,
) -> FrameStore:
    """Return the frames of some datasets at one size, decoding only what is not cached.

    A dataset's store lies beside it, in `.frames-NAME/` (`places.py` says where else), named by
    size and content; when episodes are added or changed it is made again, copying the frames of
    those that stayed. Of several processes one makes it and the others wait. A build that was
    stopped, by Ctrl-C, kill or a damaged film, is gone on with by the next one.

    Args:
        dataset_paths: Folders that `tcn-robot record` wrote.
        size_px: Height and width wanted; the aspect ratio is not kept.
        cache_dir: Where stores go instead of beside their dataset.
        workers: Films decoded at a time; as many as there are cores when None.

    Raises:
        UserError: A path is no dataset, a video is damaged, a dataset changes while it is read,
            the cache cannot be written or the disk is full.
    """
    if not dataset_paths:
        raise UserError("expected at least one dataset folder, found none; name one")
    if size_px < 8:
        raise UserError(f"image size must be at least 8 px, found {size_px}; try 64")
    stores = [_Wanted(Path(path), size_px, workers).get(cache_dir) for path in dataset_paths]
    return FrameStore.join(stores)


class _Wanted:
    """One dataset at one size: finds its store, or makes it."""

    def __init__(self, dataset: Path, size_px: int, workers: int | None) -> None:
        self._dataset, self._size_px, self._workers = dataset, size_px, workers
        self._episodes = list(open_recording(dataset))
        self._name = f"{size_px}px-" + content_key(
            size_px, (episode.content_hash for episode in self._episodes)
        )

    def get(self, cache_dir: Path | str | None) -> FrameStore:
        """Return the store, from the first folder that has it or can be written."""
        folders = store_folders(self._dataset.resolve(), cache_dir)
        for folder in folders:
            with contextlib.suppress(PermissionError):  # somebody else's: `_build` says so
                store = self._open(folder)
                if store is not None:
                    return store
        for folder, following in itertools.zip_longest(folders, folders[1:]):
            try:
                return self._build(folder)
            except OSError as error:
                if error.errno in FULL:
                    raise self._full(folder, error) from error
                if error.errno not in NOT_TO_BE_WRITTEN or self._is_of_dataset(error.filename):
                    raise
                refusal = error
                if following is not None:
                    say(f"{folder} cannot be written ({error.strerror}); taking {following}")
        raise UserError(
            f"cannot write the frame store {folders[-1] / self._name} ({refusal.strerror}); "
            "give a folder that can be written with --cache-dir"
        ) from refusal

    def _open(self, folder: Path) -> FrameStore | None:
        """Return the store of a folder if it is there and whole.

        Raises:
            UserError: It is there and cannot be opened now; that is no reason to make it again.
            PermissionError: It is not ours to read.
        """
        if not os.path.isfile(folder / self._name / STORE_FILE):
            return None
        try:
            store = FrameStore.open(folder / self._name)
        except UserError:  # damaged: whoever holds the lock makes it again and says so
            return None
        except PermissionError:
            raise
        except OSError as error:
            raise UserError(
                f"cannot open the frame store {folder / self._name} ({error.strerror}); it is left "
                "as it is: mend that and give the command again, or give another folder with "
                "--cache-dir"
            ) from error
        hashes = [episode.content_hash for episode in self._episodes]
        if [stored.content_hash for stored in store.episodes] != hashes:
            return None  # its name says another content: damaged too
        current = zip(store.episodes, self._episodes, strict=True)
        source = str(self._dataset)
        return FrameStore(store.size_px, tuple(_as_labelled(*pair, source) for pair in current))

    def _build(self, folder: Path) -> FrameStore:
        """Make the store in a folder, unless another process does meanwhile."""
        make_folders(folder)
        with building_lock(folder, self._size_px, str(self._dataset)):
            store = self._open(folder)
            if store is None:
                self._make(folder)
                store = self._open(folder)
        if store is None:
            raise UserError(
                f"the frame store {folder / self._name} cannot be read though it was just written; "
                "check that disk, or give another folder with --cache-dir"
            )
        return store

    def _make(self, folder: Path) -> None:
        """Decode into a partial store, give it its name, and delete what it takes the place of."""
        target, partial = folder / self._name, folder / f"{PARTIAL_PREFIX}{self._name}"
        remove_left_behind(folder, self._size_px)
        if target.exists():
            say(f"the frame store {target} is damaged; it is made again")
            set_aside(target)
        stores = sorted(folder.glob(f"{self._size_px}px-*"))
        partials = sorted(set(folder.glob(f"{PARTIAL_PREFIX}{self._size_px}px-*")) - {partial})
        partial.mkdir(exist_ok=True)
        try:
            write_store(
                partial,
                self._episodes,
                self._size_px,
                str(self._dataset),
                _reusable(stores, partials),
                workers=self._workers,
                check_unchanged=self._check_unchanged,
            )
            commit_folder(partial, target, replace=False)
        except OSError as error:
            if error.errno in FULL and not read_done(partial):
                shutil.rmtree(partial, ignore_errors=True)
            raise
        except KeyboardInterrupt:
            say("stopped; what is decoded is kept, the same command goes on from there")
            raise
        with contextlib.suppress(OSError):  # they cost room, nothing else
            (target / DONE_FILE).unlink(missing_ok=True)
            for old in partials:
                remove(old)
            for old in stores:
                remove_if_unused(old)

    def _check_unchanged(self, episode: Episode) -> None:
        """Raise a UserError if an episode on disk is no longer the one that was opened."""
        try:
            found = Episode(episode.path, episode.id).content_hash
        except (UserError, FileNotFoundError):
            found = ""
        if found != episode.content_hash:
            raise UserError(
                f"{self._dataset}, episode {episode.id} changed while its frames were read; give "
                "the command again, what is decoded is kept"
            )

    def _is_of_dataset(self, path: str | None) -> bool:
        """Whether a path lies in the recording, not in the store."""
        return path is not None and self._dataset.resolve() in Path(path).resolve().parents

    def _full(self, folder: Path, error: OSError) -> UserError:
        """Return what to say when there is no room for the store in a folder."""
        num_frames = sum(e.length(view) for e in self._episodes for view in e.views)
        frames = f"the frames of {self._dataset} at {self._size_px} px"
        needed = f"{num_frames * self._size_px**2 * 3 / GIGABYTE:.3g} GB"
        is_kept = (folder / f"{PARTIAL_PREFIX}{self._name}").exists()
        kept = "; what is decoded is kept" if is_kept else ""
        if error.errno == errno.EFBIG:
            return UserError(
                f"{frames} need a file of {needed}, and none may be that large in {folder} (the "
                "limit is `ulimit -f` or the file system's); raise it, or give another folder with "
                f"--cache-dir{kept}"
            )
        there = next(path for path in (folder, *folder.parents) if path.exists())
        free = shutil.disk_usage(there).free / GIGABYTE
        return UserError(
            f"the disk is full: {frames} need {needed}, {folder} has room for {free:.3g} GB; free "
            f"some space, or give another folder with --cache-dir{kept}"
        )


def _as_labelled(stored: StoredEpisode, episode: Episode, source: str) -> StoredEpisode:
    """Return a stored episode under its present labels: relabelling leaves the frames as they are.

    Its content hash then says so too: a training must not go on with other splits unnoticed. What
    counts is another split than the recorded one; `edit split` may label all with what they had.
    """
    recorded = episode.recorded.get("split", "train")
    label = f"+split {episode.split}" if episode.split != recorded else ""
    content_hash = stored.content_hash + label
    return replace(
        stored,
        split=episode.split,
        source=source,
        content_hash=content_hash,
        embodiment=episode.embodiment,
    )


def _reusable(stores: Iterable[Path], partials: Iterable[Path]) -> dict[str, DoneEpisode]:
    """Return the episodes of other stores of this size, whole or not, by content hash."""
    found: dict[str, DoneEpisode] = {}
    for folder in partials:
        found |= read_done(folder)
    for folder in stores:
        try:
            index, files = open_files(folder)
        except (UserError, OSError):  # damaged, or not to be opened: it is out of date anyway
            continue
        for entry in index["episodes"]:
            spans = {view: (start, stop) for view, (start, stop) in entry["spans"].items()}
            done = DoneEpisode(spans, entry.get("crc32"), files.frames)
            found[entry["content_hash"]] = done
    return found

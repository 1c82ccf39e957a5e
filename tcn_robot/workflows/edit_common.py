"""What the actions of `tcn-robot edit` share: which episodes are meant, what is opened."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tcn_robot.errors import UserError

if TYPE_CHECKING:
    from tcn_robot.recordings import DatasetWriter, Recording


def parse_ids(words: Sequence[str], recording: Recording) -> list[int]:
    """Return the ids that words such as "3" and "7-9" name, ascending.

    Raises:
        UserError: If a word is no id or range, or the recording has no such episode.
    """
    ids: set[int] = set()
    for word in words:
        match = re.fullmatch(r"(\d{1,12})(?:-(\d{1,12}))?", word)
        if match is None:
            raise UserError(f"--ids takes ids and ranges such as 3 7-9, found {word!r}")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise UserError(f"--ids: the range {word!r} ends before it begins")
        if last - first > max(recording.ids):
            recording.by_id(last)  # says which ids there are
        ids |= set(range(first, last + 1))
    for id in sorted(ids):
        recording.by_id(id)
    return sorted(ids)


def open_dataset(path: Path) -> Recording:
    """Open a dataset to read it."""
    from tcn_robot.recordings import open_recording

    return open_recording(path)


def writer_of(recording: Recording, path: Path | None = None) -> DatasetWriter:
    """Return a writer for a dataset itself, or for another one of the same task and kind."""
    from tcn_robot.recordings import DatasetWriter

    kind = str(recording.metadata.get("kind", "film"))
    return DatasetWriter(path or recording.path, recording.task, kind=kind)


def refuse_same(out: Path, dataset: Path) -> None:
    """Raise a UserError if a dataset would be written into itself."""
    if out.resolve().is_relative_to(dataset.resolve()):
        raise UserError(f"--out must be another folder than {dataset}, and not within it")


def would(dry_run: bool) -> str:
    """Return the word that stands before what a dry run only says."""
    return "would " if dry_run else ""


def described(ids: Sequence[int]) -> str:
    """Return ids as text, such as "episode 3" or "4 episodes: 0-2, 7"."""
    from tcn_robot.recordings.reader import describe_ids

    noun = "episode" if len(ids) == 1 else f"{len(ids)} episodes:"
    return f"{noun} {describe_ids(tuple(ids))}"

"""From lists to splits that can be trusted: nothing missing in silence, nothing in both halves."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from tcn_robot.benchmarks.recognition.clips import ActionSet, Clip, Split
from tcn_robot.benchmarks.recognition.layouts.found import FoundSet
from tcn_robot.errors import UserError

_NAMED = 3
_BLOCK_BYTES = 1 << 20


def checked_set(folder: Path, found: FoundSet, allow_missing: bool) -> ActionSet:
    """Return what a layout found as splits, once nothing speaks against it.

    Raises:
        UserError: If listed clips are missing and that is not allowed, a half is empty or lacks a
            class, or a split shares clips by name, by content or by group between its halves.
    """
    notes = [*found.notes, *_about_missing(folder, found, allow_missing)]
    splits = {}
    for number, (train, test) in sorted(found.halves.items()):
        split = Split(number, tuple(train), tuple(test), found.classes)
        _refuse_shared(folder, split, found.has_groups)
        _refuse_empty(folder, split)
        splits[number] = split
    notes += _about_lonely(splits.values())
    return ActionSet(folder, found.layout, found.classes, splits, found.has_groups, tuple(notes))


def _about_missing(folder: Path, found: FoundSet, allow_missing: bool) -> list[str]:
    if not found.missing:
        return []
    said = f"{len(found.missing)} listed clips are missing, such as {_some(found.missing)}"
    if not allow_missing:
        raise UserError(f"{folder}: {said}; restore them, or leave them out with --allow-missing")
    return [f"{said}: left out"]


def _refuse_shared(folder: Path, split: Split, has_groups: bool) -> None:
    ways: list[tuple[str, Callable[[Clip], str]]] = [
        ("by name", lambda clip: clip.name),
        ("by file", lambda clip: str(clip.path.resolve())),
    ]
    if has_groups:
        ways.append(("by group", lambda clip: clip.group))
    for way, key in ways:
        trained = {key(clip) for clip in split.train}
        if shared := [clip.name for clip in split.test if key(clip) and key(clip) in trained]:
            raise _shared(folder, split.number, way, shared)
    if twins := same_content(split.train, split.test):
        names = [f"{test.name} = {train.name}" for train, test in twins]
        raise _shared(folder, split.number, "by content", names)


def _shared(folder: Path, number: int, way: str, names: list[str]) -> UserError:
    return UserError(
        f"{folder}: split {number} shares {len(names)} clips {way} between train and test, such as "
        f"{_some(names)}; what is trained on cannot be tested on: mend the lists"
    )


def same_content(first: Iterable[Clip], second: Iterable[Clip]) -> list[tuple[Clip, Clip]]:
    """Return pairs of clips whose files are the same byte for byte.

    Only clips whose files have the same sizes are read, so that this costs little.

    Args:
        first: Clips.
        second: Clips that are compared with them.
    """
    by_size: dict[tuple[int, ...], list[Clip]] = defaultdict(list)
    for clip in first:
        by_size[_sizes(clip)].append(clip)
    digests: dict[Path, str] = {}
    pairs = []
    for clip in second:
        for other in by_size.get(_sizes(clip), ()):
            if _digest(other, digests) == _digest(clip, digests):
                pairs.append((other, clip))
    return pairs


def _files(clip: Clip) -> list[Path]:
    if not clip.path.is_dir():
        return [clip.path]
    return sorted(path for path in clip.path.iterdir() if path.is_file())


def _sizes(clip: Clip) -> tuple[int, ...]:
    return tuple(path.stat().st_size for path in _files(clip))


def _digest(clip: Clip, known: dict[Path, str]) -> str:
    if clip.path not in known:
        digest = hashlib.sha256()
        for path in _files(clip):
            with path.open("rb") as file:
                while block := file.read(_BLOCK_BYTES):
                    digest.update(block)
        known[clip.path] = digest.hexdigest()
    return known[clip.path]


def _refuse_empty(folder: Path, split: Split) -> None:
    for half, clips in (("train", split.train), ("test", split.test)):
        if not clips:
            raise UserError(f"{folder}: split {split.number} has no clip to {half} on")
    trained = Counter(clip.label for clip in split.train)
    if untaught := sorted({clip.label for clip in split.test} - set(trained)):
        raise UserError(
            f"{folder}: split {split.number} tests on {_some(untaught)} without a clip of it to "
            "train on; mend the lists"
        )
    if len(trained) < 2:
        raise UserError(
            f"{folder}: split {split.number} trains on {len(trained)} class; recognition needs 2"
        )


def _about_lonely(splits: Iterable[Split]) -> list[str]:
    notes = []
    for split in splits:
        counts = Counter(clip.label for clip in split.train)
        if lonely := sorted(name for name, count in counts.items() if count == 1):
            notes.append(
                f"split {split.number}: {len(lonely)} classes have one clip to train on, none to "
                f"validate with, such as {_some(lonely)}"
            )
    return notes


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(map(repr, names[:_NAMED])) + more

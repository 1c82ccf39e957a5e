"""Folders of labelled pictures: `train/CLASS/*.png` and `test/CLASS/*.png`, or `CLASS/*.png`.

Where nobody made a split, three are drawn: of each class TEST_SHARE of the pictures are tested on,
and splits have no picture to test on in common while a class has enough of them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tcn_robot.benchmarks.recognition.clips import Clip
from tcn_robot.benchmarks.recognition.layouts.found import FoundSet
from tcn_robot.errors import UserError
from tcn_robot.recordings.capture.files import PICTURE_SUFFIXES
from tcn_robot.recordings.formats.places import SPLIT_NAMES, natural

TEST_SHARE = 0.3
NUM_SPLITS = 3


def shows(folder: Path) -> bool:
    """Whether pictures lie in a folder per class."""
    halves = _halves(folder)
    return any(_classes(half) for half in halves.values()) if halves else bool(_classes(folder))


def read(folder: Path) -> FoundSet:
    """Return the pictures with their split, or with splits drawn.

    Raises:
        UserError: If a half is missing, or has a class that the other lacks.
    """
    halves = _halves(folder)
    if not halves:
        classes = _classes(folder)
        by_class = [_pictures(folder, folder / name) for name in classes]
        drawn = {number: _drawn(by_class, number) for number in range(1, NUM_SPLITS + 1)}
        note = f"{folder} has no split: {NUM_SPLITS} were drawn, {TEST_SHARE:.0%} to test on"
        return FoundSet("pictures", classes, drawn, has_groups=False, notes=(note,))
    for half in ("train", "test"):
        if half not in halves:
            raise UserError(f"{folder} has no folder {half}; expected train and test beside it")
    classes = _classes(halves["train"])
    if unknown := sorted(set(_classes(halves["test"])) - set(classes)):
        raise UserError(
            f"{halves['test']} has the class {unknown[0]!r}, which {halves['train']} lacks"
        )
    train, test = (
        [clip for name in classes for clip in _pictures(folder, halves[half] / name)]
        for half in ("train", "test")
    )
    return FoundSet("pictures", classes, {1: (train, test)}, has_groups=False)


def _halves(folder: Path) -> dict[str, Path]:
    """Return the folders of the halves by what they are called; what validates is not used."""
    return {
        SPLIT_NAMES[path.name.lower()]: path
        for path in sorted(folder.iterdir())
        if path.is_dir() and path.name.lower() in SPLIT_NAMES
    }


def _classes(folder: Path) -> tuple[str, ...]:
    found = [
        path
        for path in folder.iterdir()
        if path.is_dir() and not path.name.startswith(".") and _files(path)
    ]
    return tuple(path.name for path in sorted(found, key=natural))


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    files = [path for path in folder.iterdir() if path.suffix.lower() in PICTURE_SUFFIXES]
    return sorted(files, key=natural)


def _pictures(root: Path, folder: Path) -> list[Clip]:
    return [
        Clip(path.relative_to(root).as_posix(), folder.name, "", path) for path in _files(folder)
    ]


def _drawn(by_class: list[list[Clip]], number: int) -> tuple[list[Clip], list[Clip]]:
    train: list[Clip] = []
    test: list[Clip] = []
    for index, clips in enumerate(by_class):
        order = np.random.default_rng((0, index)).permutation(len(clips))  # of all three splits
        size = min(max(1, round(TEST_SHARE * len(clips))), len(clips) - 1)
        tested = set(np.roll(order, -(number - 1) * size)[:size].tolist())
        for place, clip in enumerate(clips):
            (test if place in tested else train).append(clip)
    return train, test

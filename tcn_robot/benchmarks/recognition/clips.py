"""Clips with labels and the splits of a set of them, whatever its layout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tcn_robot.errors import UserError


@dataclass(frozen=True)
class Clip:
    """A film, a folder of pictures, or a single picture, and what it shows.

    Attributes:
        name: As the lists have it, such as "HandStand/v_HandStand_g01_c02.avi".
        label: Its class.
        group: Clips of one group were cut from one film or share a scene; "" if that is unknown.
        path: The film, the folder of pictures, or the picture.
        embodiment: Body that is seen; "" if that is unknown.
    """

    name: str
    label: str
    group: str
    path: Path
    embodiment: str = ""

    @cached_property
    def num_frames(self) -> int:
        """Number of frames; the file is opened when this is first asked.

        Raises:
            UserError: If the clip is missing, damaged or empty.
        """
        from tcn_robot.benchmarks.recognition.decoding import count_frames

        return count_frames(self.path)

    def frames(self, indices: NDArray[np.integer], size_px: int) -> NDArray[np.uint8]:
        """Return some frames: the largest square in the middle, resized to `size_px`.

        The short side becomes `size_px`, what stands out on both ends of the long side is cut
        off, nothing is stretched. Films are decoded up to the last frame wanted.

        Args:
            indices: int (N,), from 0, in any order.
            size_px: Height and width.

        Returns:
            uint8 (N, size_px, size_px, 3), RGB, in the order of the indices.

        Raises:
            UserError: If the clip cannot be decoded, or has no such frame.
        """
        from tcn_robot.benchmarks.recognition.decoding import read_frames

        return read_frames(self.path, indices, size_px)


@dataclass(frozen=True)
class Split:
    """Which clips train and which test.

    Attributes:
        number: 1, 2 or 3.
        train: Clips to train on, in the order of the lists.
        test: Clips to test on.
        classes: Names of all classes, in the order of the set.
    """

    number: int
    train: tuple[Clip, ...]
    test: tuple[Clip, ...]
    classes: tuple[str, ...]

    def labels(self, clips: tuple[Clip, ...]) -> NDArray[np.int64]:
        """Return the positions of clips' labels in `classes`, int64 (N,)."""
        place = {name: index for index, name in enumerate(self.classes)}
        return np.array([place[clip.label] for clip in clips], np.int64)


@dataclass(frozen=True)
class ActionSet:
    """Clips of several classes with their splits.

    Attributes:
        folder: Where it lies.
        layout: Name of its layout.
        classes: Names of the classes, in the order of their numbers.
        splits: By number; each checked to share no clip between its halves.
        has_groups: Whether clips of one group never lie in both halves of a split.
        notes: What is worth saying, such as clips that are missing.
    """

    folder: Path
    layout: str
    classes: tuple[str, ...]
    splits: Mapping[int, Split]
    has_groups: bool
    notes: tuple[str, ...] = field(default=())

    def split(self, number: int) -> Split:
        """Return a split by its number.

        Raises:
            UserError: If there is none of this number.
        """
        if number not in self.splits:
            raise UserError(
                f"{self.folder} has no split {number}; there are {', '.join(map(str, self.splits))}"
            )
        return self.splits[number]

    def describe(self) -> str:
        """Return in one line what the set is."""
        halves = ", ".join(
            f"split {split.number} {len(split.train)} to train on and {len(split.test)} to test on"
            for split in self.splits.values()
        )
        return f"{self.folder}: {self.layout}, {len(self.classes)} classes; {halves}"


def open_action_set(folder: Path | str, allow_missing: bool = False) -> ActionSet:
    """Open a set of labelled clips or pictures; its layout is found by what lies there.

    Args:
        folder: UCF101, HMDB51, a set of `tcn-robot record-actions`, or folders of pictures.
        allow_missing: Leave out clips that lists name and the disk lacks.

    Raises:
        UserError: If no layout fits, lists and folders disagree, clips are missing, or a split
            shares clips between its halves: with their names.
    """
    from tcn_robot.benchmarks.recognition.layouts import read_layout
    from tcn_robot.benchmarks.recognition.splits import checked_set

    return checked_set(Path(folder), read_layout(Path(folder)), allow_missing)

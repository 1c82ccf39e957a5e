"""How sets of labelled clips lie on disk: one file per layout, one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from tcn_robot.benchmarks.recognition.layouts import hmdb51, pictures, ucf101
from tcn_robot.benchmarks.recognition.layouts.found import FoundSet
from tcn_robot.errors import UserError


class Layout(NamedTuple):
    """A layout.

    Attributes:
        shows: Whether a folder looks like it.
        read: What lies in such a folder.
        expected: What is looked for, in words.
    """

    shows: Callable[[Path], bool]
    read: Callable[[Path], FoundSet]
    expected: str


# In the order in which they are tried: lists say more than folders.
LAYOUTS: Mapping[str, Layout] = {
    "ucf101": Layout(ucf101.shows, ucf101.read, "trainlist01.txt and testlist01.txt (UCF101)"),
    "hmdb51": Layout(hmdb51.shows, hmdb51.read, "CLASS_test_split1.txt (HMDB51)"),
    "pictures": Layout(pictures.shows, pictures.read, "train/CLASS/*.png or CLASS/*.png"),
}


def read_layout(folder: Path) -> FoundSet:
    """Return what lies in a folder, by the first layout that it shows.

    Raises:
        UserError: If it is no folder, shows no layout, or what lies there contradicts itself.
    """
    if not folder.is_dir():
        what = "is a file (unpack it first if it is an archive)"
        what = what if folder.exists() else "does not exist"
        raise UserError(f"{folder} {what}; give the folder of an action set")
    for layout in LAYOUTS.values():
        if layout.shows(folder):
            return layout.read(folder)
    expected = ", ".join(layout.expected for layout in LAYOUTS.values())
    raise UserError(f"{folder} is no action set that is known; expected one of {expected}")


__all__ = ["LAYOUTS", "FoundSet", "Layout", "read_layout"]

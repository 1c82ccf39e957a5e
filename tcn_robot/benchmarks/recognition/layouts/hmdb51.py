"""HMDB51: a folder per class, and a list per class and split.

Kuehne, Jhuang, Garrote, Poggio, Serre: HMDB: A Large Video Database for Human Motion Recognition
(ICCV 2011). `CLASS_test_split1.txt` has a clip and 1 (train), 2 (test) or 0 (neither) on a line.
The source of a clip stands at the front of its name; the lists were drawn so that sources do not
lie in both halves, but the names do not let everybody check that, so it is noted and not refused.
"""

from __future__ import annotations

import re
from pathlib import Path

from tcn_robot.benchmarks.recognition.clips import Clip
from tcn_robot.benchmarks.recognition.layouts.found import FoundSet
from tcn_robot.benchmarks.recognition.layouts.lists import (
    ClipTree,
    find_lists,
    read_lines,
    stem_of,
)
from tcn_robot.errors import UserError

_LIST = re.compile(r"(.+)_test_split(\d+)\.txt", re.IGNORECASE)
# Behind a clip's source and its class: what is visible, camera (moving or not), people, viewpoint,
# quality, number.
_BEHIND = re.compile(r"_[hufl]_[cn]m_np\d+_(fr|ba|le|ri)_(goo|med|bad)_\d+$")
_USES = {"0": "", "1": "train", "2": "test"}


def shows(folder: Path) -> bool:
    """Whether there is a list of a class."""
    return bool(_lists(folder))


def read(folder: Path) -> FoundSet:
    """Return the clips that the lists name.

    Raises:
        UserError: If a class lacks a list, or a line cannot be read.
    """
    lists = _lists(folder)
    classes = tuple(sorted({label for label, _ in lists}))
    numbers = sorted({number for _, number in lists})
    tree = ClipTree(folder, classes)
    missing: dict[str, None] = {}
    halves: dict[int, tuple[list[Clip], list[Clip]]] = {number: ([], []) for number in numbers}
    for number in numbers:
        for label in classes:
            if (label, number) not in lists:
                raise UserError(
                    f"{folder} has no {label}_test_split{number}.txt; restore it, or remove the "
                    f"other lists of {label}"
                )
            for name, use in _uses(lists[label, number]).items():
                path = tree.find(f"{label}/{name}") if use else None
                if path is not None:
                    clip = Clip(f"{label}/{name}", label, _source(name, label), path)
                    halves[number][use == "test"].append(clip)
                elif use:
                    missing[f"{label}/{name}"] = None
    notes = [note for number in numbers for note in _divided(number, *halves[number])]
    return FoundSet(
        "hmdb51", classes, halves, has_groups=False, missing=tuple(missing), notes=tuple(notes)
    )


def _lists(folder: Path) -> dict[tuple[str, int], Path]:
    lists: dict[tuple[str, int], Path] = {}
    for path, match in find_lists(folder, _LIST):
        lists.setdefault((match[1], int(match[2])), path)
    return lists


def _uses(path: Path) -> dict[str, str]:
    uses = {}
    for line in read_lines(path):
        name, _, number = line.rpartition(" ")
        if not name.strip() or number not in _USES:
            raise UserError(f"{path} should have a clip and 0, 1 or 2 on a line, found {line!r}")
        if name.strip() in uses:
            raise UserError(f"{path} names {name.strip()!r} twice; mend the list")
        uses[name.strip()] = _USES[number]
    return uses


def _source(name: str, label: str) -> str:
    """Return what a clip was cut from, by its name; "" if the name does not say it."""
    stem = stem_of(name)
    front = _BEHIND.sub("", stem)
    return re.sub(f"_{re.escape(label)}$", "", front) if front != stem else ""


def _divided(number: int, train: list[Clip], test: list[Clip]) -> list[str]:
    trained = {clip.group for clip in train if clip.group}
    count = len({clip.group for clip in test} & trained)
    said = f"split {number}: {count} sources have clips in both halves, by their names"
    return [said] if count else []

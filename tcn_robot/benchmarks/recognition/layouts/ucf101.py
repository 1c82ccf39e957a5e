"""UCF101: `CLASS/v_CLASS_gGG_cCC.avi`, and lists that say which clips train and which test.

Soomro, Zamir, Shah: UCF101: A Dataset of 101 Human Actions Classes From Videos in The Wild (2012).
`classInd.txt` numbers the classes from 1, `trainlist0N.txt` has a clip and its number on a line,
`testlist0N.txt` clips alone. Clips may be films or folders of frames, in a folder per class or all
in one. A group is what was cut from one film; the lists never divide one.
`tcn-robot record-actions` writes the same layout, and a table of what is known of each clip.
"""

from __future__ import annotations

import json
import re
from pathlib import Path, PurePosixPath
from typing import Any

from tcn_robot.benchmarks.recognition.clips import Clip
from tcn_robot.benchmarks.recognition.layouts.found import FoundSet
from tcn_robot.benchmarks.recognition.layouts.lists import ClipTree, find_lists, read_lines
from tcn_robot.errors import UserError, unknown_name

CLASSES_FILE = "classInd.txt"
TABLE_FILE = "clips.jsonl"
_LIST = re.compile(r"(train|test)list(\d+)\.txt", re.IGNORECASE)
_GROUP = re.compile(r"_(g\d+)_c\d+$")


def shows(folder: Path) -> bool:
    """Whether there is a list of clips to train on."""
    return any((1, half) in _lists(folder) for half in ("train", "test"))


def read(folder: Path) -> FoundSet:
    """Return the clips that the lists name.

    Raises:
        UserError: If lists and folders disagree, or a list is missing.
    """
    lists = _lists(folder)
    numbers = sorted({number for number, _ in lists})
    for number in numbers:
        for half in ("train", "test"):
            if (number, half) not in lists:
                raise UserError(f"{folder} has no {half}list{number:02d}.txt; restore it")
    classes = _classes(folder, lists)
    table = _table(folder)
    tree = ClipTree(folder, classes)
    known: dict[str, Clip | None] = {}
    halves = {}
    for number in numbers:
        named = {half: _named(lists[number, half], classes) for half in ("train", "test")}
        for name, label in {**named["train"], **named["test"]}.items():
            if name not in known:
                known[name] = _clip(tree, name, label, table)
        train, test = (
            [clip for name in named[half] if (clip := known[name])] for half in ("train", "test")
        )
        halves[number] = (train, test)
    missing = tuple(name for name, clip in known.items() if clip is None)
    layout = "ucf101" if not table else "actions"
    return FoundSet(layout, classes, halves, has_groups=True, missing=missing)


def _lists(folder: Path) -> dict[tuple[int, str], Path]:
    """Return the lists by split and half; those in the folder nearest to the top count."""
    lists: dict[tuple[int, str], Path] = {}
    for path, match in find_lists(folder, _LIST):
        lists.setdefault((int(match[2]), match[1].lower()), path)
    return lists


def _classes(folder: Path, lists: dict[tuple[int, str], Path]) -> tuple[str, ...]:
    """Return the names by number, or by what the lists name where there is no classInd.txt."""
    path = next(iter(lists.values())).parent / CLASSES_FILE
    if not path.is_file():
        named = {PurePosixPath(line).parts[0] for file in lists.values() for line in _names(file)}
        return tuple(sorted(named))
    classes = []
    for expected, line in enumerate(read_lines(path), 1):
        number, _, name = line.partition(" ")
        if number != str(expected) or not name.strip():
            raise UserError(f"{path} should number classes from 1 on, line {expected} is {line!r}")
        classes.append(name.strip())
    if len(set(classes)) < len(classes) or not classes:
        raise UserError(f"{path} names {len(classes)} classes, {len(set(classes))} different ones")
    return tuple(classes)


def _names(path: Path) -> list[str]:
    return [re.sub(r"\s+\d+$", "", line) for line in read_lines(path)]


def _named(path: Path, classes: tuple[str, ...]) -> dict[str, str]:
    """Return the label of each clip that a list names; its number must say the same."""
    labels: dict[str, str] = {}
    for line in read_lines(path):
        match = re.fullmatch(r"(.*?)(?:\s+(\d+))?", line)
        assert match is not None  # it matches any line
        name, number = match[1], match[2]
        label = _label(name)
        if label not in classes:
            raise unknown_name(f"class in {path}", label, classes)
        if number is not None and classes.index(label) + 1 != int(number):
            raise UserError(
                f"{path} says class {number} of {name!r}, which is in the folder of class "
                f"{classes.index(label) + 1}; mend the list"
            )
        if name in labels:
            raise UserError(f"{path} names {name!r} twice; mend the list")
        labels[name] = label
    return labels


def _label(name: str) -> str:
    """Return the folder of a listed clip, or where it names none, the class in its own name."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if len(parts) > 1:
        return parts[-2]
    match = re.match(r"v_(.+?)_g\d+_c\d+", parts[-1]) if parts else None
    return match[1] if match else ""


def _table(folder: Path) -> dict[str, dict[str, Any]]:
    """Return what `record-actions` noted of each clip, by its name; nothing for UCF101."""
    path = folder / TABLE_FILE
    if not path.is_file():
        return {}
    table = {}
    for line in read_lines(path):
        try:
            record = json.loads(line)
            table[str(record["file"])] = record
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise UserError(f"{path} is damaged ({error!r}); record the set again") from error
    return table


def _clip(tree: ClipTree, name: str, label: str, table: dict[str, dict[str, Any]]) -> Clip | None:
    path = tree.find(name)
    if path is None:
        return None
    record = table.get(name, {})
    match = _GROUP.search(path.stem)
    group = match[1] if match else ""
    # A scene of ours is the same for all classes; UCF101 numbers the groups of each class anew.
    if group and not record:
        group = f"{label}/{group}"
    return Clip(name, label, group, path, str(record.get("embodiment") or ""))

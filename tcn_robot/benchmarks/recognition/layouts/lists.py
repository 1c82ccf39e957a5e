"""Lists in text files, and the clips that they name on the disk."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from tcn_robot.errors import UserError
from tcn_robot.recordings.formats.films import FILM_SUFFIXES

_ENDING = re.compile("(" + "|".join(map(re.escape, FILM_SUFFIXES)) + ")$", re.IGNORECASE)
_CLIP = re.compile(r"_g\d+_c\d+$")


def read_lines(path: Path) -> list[str]:
    """Return the lines of a list that are not empty, without spaces around them.

    Raises:
        UserError: If it is no text.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is no readable list ({error}); restore it") from error
    return [line.strip() for line in text.splitlines() if line.strip()]


def find_lists(folder: Path, pattern: re.Pattern[str]) -> Iterator[tuple[Path, re.Match[str]]]:
    """Yield the text files that are called like a list: in the folder, or else one folder deeper.

    Folders called like lists or splits are looked into first, and others only if those have none:
    a set may have a folder for each of its clips.

    Args:
        folder: The set.
        pattern: What a list's whole name matches.
    """
    below = _folders_in(folder)
    likely = [path for path in below if re.search("list|split", path.name, re.IGNORECASE)]
    for looked_into in ([folder], likely, below):
        found = [
            (path, match)
            for near in looked_into
            for path in sorted(near.glob("*.txt"))
            if (match := pattern.fullmatch(path.name))
        ]
        if found:
            yield from found
            return


def _folders_in(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))


def stem_of(name: str) -> str:
    """Return the name of a film without its ending, as lists and folders of frames share it."""
    return _ENDING.sub("", name)


class ClipTree:
    """Where the clips of a set lie: in a folder per class, or all in one.

    Each folder is listed once; a set of extracted frames may have millions of files.

    Args:
        folder: The set; its clips, or the folders of its classes, lie in it or one folder deeper.
        classes: Names of the classes.
    """

    def __init__(self, folder: Path, classes: tuple[str, ...]) -> None:
        self._listed: dict[Path, dict[str, str]] = {}
        below = _folders_in(folder)
        kinds = [p for p in below if p.name not in classes and not _CLIP.search(p.name)]
        self._roots = [folder, *kinds]

    def find(self, name: str) -> Path | None:
        """Return the film, or the folder of pictures, of a listed name; None if it is missing.

        Args:
            name: Such as "HandStand/v_HandStand_g01_c02.avi"; the ending may be another.

        Raises:
            UserError: If the name leads out of the set.
        """
        parts = PurePosixPath(name.replace("\\", "/")).parts
        if not parts or parts[0] == "/" or ".." in parts or re.match(r"[A-Za-z]:", name):
            raise UserError(f"a list names {name!r}, which leads out of the set; mend the list")
        stem = stem_of(parts[-1])
        for root in self._roots:
            for folder in (root.joinpath(*parts[:-1]), root):
                entry = self._entries(folder).get(stem)
                if entry is not None:
                    return folder / entry
        return None

    def _entries(self, folder: Path) -> dict[str, str]:
        if folder not in self._listed:
            entries: dict[str, str] = {}
            if folder.is_dir():
                with os.scandir(folder) as found:
                    for entry in found:
                        if _ENDING.search(entry.name) or entry.is_dir():
                            entries[stem_of(entry.name)] = entry.name
            self._listed[folder] = entries
        return self._listed[folder]

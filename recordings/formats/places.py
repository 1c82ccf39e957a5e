"""Files of a foreign folder: found without leaving it, whatever lists and links say."""

from __future__ import annotations

import hashlib
import re
import string
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Protocol

from tcn_robot.errors import UserError
from tcn_robot.recordings.format import file_hash

# Names that folders of a split have elsewhere.
SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "valid": "valid",
    "val": "valid",
    "validation": "valid",
    "test": "test",
    "testing": "test",
}
_PLAIN_FOLDERS = {"videos", "frames", "films", "data", "images"}
# What the file systems in use allow.
_LONGEST_PART_BYTES = 255
_LONGEST_NAME_BYTES = 2000


class Place:
    """A folder that files may be taken from.

    Args:
        root: The folder.
        follow_links: Whether links may lead out of it.

    Raises:
        UserError: If it is no folder.
    """

    def __init__(self, root: Path, follow_links: bool = False) -> None:
        if not root.is_dir():
            what = "is a file (unpack it first if it is an archive)"
            what = what if root.exists() else "does not exist"
            raise UserError(f"{root} {what}; give the folder that is to be imported")
        self.root = root
        self._follow_links = follow_links
        self._resolved = root.resolve()
        self._folders: dict[Path, Path] = {}
        self._files: dict[str, Path] = {}

    def file(self, name: str) -> Path:
        """Return the path of a file that is named within the folder; it need not be there.

        Raises:
            UserError: If it can be no name, or it or a link at it leads out of the folder.
        """
        if name not in self._files:  # many episodes name one file
            self._files[name] = self._look_up(name)
        return self._files[name]

    def _look_up(self, name: str) -> Path:
        parts = PurePosixPath(name.replace("\\", "/"))
        sizes = [len(part.encode("utf-8", "surrogatepass")) for part in parts.parts]
        is_long = max(sizes, default=0) > _LONGEST_PART_BYTES or sum(sizes) > _LONGEST_NAME_BYTES
        if is_long or re.search("[\0\ud800-\udfff]", name):
            raise UserError(f"{self.root} names {name[:80]!r}, which can be no file; restore it")
        if parts.is_absolute() or ".." in parts.parts or re.match(r"[A-Za-z]:", name):
            raise UserError(f"{self.root} names {name!r}, which leads out of it; refused")
        return self.checked(self.root / parts)

    def checked(self, path: Path) -> Path:
        """Return a path below the folder.

        Raises:
            UserError: If a link on it leads out of the folder.
        """
        if not self._follow_links and not self._resolve(path).is_relative_to(self._resolved):
            raise UserError(
                f"{path} is a link that leads out of {self.root}; copy the folder with its links "
                "followed, or allow it with --follow-links"
            )
        return path

    def _resolve(self, path: Path) -> Path:
        """Return where a path leads; each folder is looked at once, for all files in it."""
        try:
            if path == self.root or path.is_symlink():
                return path.resolve()
            if path.parent not in self._folders:
                self._folders[path.parent] = path.parent.resolve()
            return self._folders[path.parent] / path.name
        except RuntimeError as error:  # so Python says that links go around in a circle
            raise UserError(f"{path} is a link that leads around in a circle; remove it") from error

    def walk(self) -> Iterator[tuple[Path, list[Path]]]:
        """Yield each folder with its files, in natural order; hidden names are left out.

        Raises:
            UserError: If a link leads out of the folder, or around in a circle.
        """
        yield from self._walk(self.root, ())

    def _walk(self, folder: Path, above: tuple[Path, ...]) -> Iterator[tuple[Path, list[Path]]]:
        real = folder.resolve()
        if real in above:
            raise UserError(f"{folder} is a link that leads back to a folder above it; remove it")
        entries = sorted(
            (entry for entry in folder.iterdir() if not entry.name.startswith(".")), key=natural
        )
        checked = [self.checked(entry) if entry.is_symlink() else entry for entry in entries]
        yield folder, [entry for entry in checked if not entry.is_dir()]
        for entry in checked:
            if entry.is_dir():
                yield from self._walk(entry, (*above, real))

    def name_of(self, path: Path) -> str:
        """Return a path's name within the folder, with slashes."""
        return path.relative_to(self.root).as_posix()


def natural(path: Path) -> list[tuple[int, str]]:
    """Return a key that sorts names with numbers in them as people do: 2 before 10."""
    parts = (part for part in re.split(r"(\d+)", path.name) if part)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def expand(template: str, **values: int | str) -> str:
    """Fill in a path template such as "data/chunk-{chunk_index:03d}.parquet" from a foreign file.

    Raises:
        UserError: If it asks for anything but these values, numbers with up to two digits' width.
    """
    try:
        fields = list(string.Formatter().parse(template))
    except ValueError as error:
        raise UserError(f"the path {template!r} cannot be read ({error})") from error
    for _, name, form, conversion in fields:
        if name is None:
            continue
        forms = r"(0?\d{0,2}d)?" if isinstance(values.get(name), int) else ""
        if name not in values or conversion or not re.fullmatch(forms, form or ""):
            raise UserError(
                f"the path {template[:80]!r} asks for {name!r} in a form that is not known; known "
                f"are {', '.join(values)}"
            )
    return template.format(**values)


def split_of(name: str, root: Path) -> str | None:
    """Return the split that the innermost folder with such a name stands for.

    Args:
        name: A name within the folder `root`; its last part is no folder.
        root: The folder, whose own name counts if none within does.
    """
    folders = [root.resolve().name, *PurePosixPath(name).parts[:-1]]
    found = [SPLIT_NAMES[folder.lower()] for folder in folders if folder.lower() in SPLIT_NAMES]
    return found[-1] if found else None


def task_of(root: Path) -> str:
    """Return a task from a folder's name, or from one above where that says nothing."""
    folder = root.resolve()
    for candidate in (folder, *folder.parents):
        if candidate.name and candidate.name.lower() not in _PLAIN_FOLDERS | SPLIT_NAMES.keys():
            return candidate.name
    return "films"


def view_names(names: Iterable[str]) -> dict[str, str]:
    """Return for each foreign name one that a view can have; different ones stay different."""
    taken: dict[str, str] = {}
    for name in names:
        base = re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("_-") or "view"
        fitting, number = base, 2
        while fitting in taken.values():
            fitting, number = f"{base}_{number}", number + 1
        taken[name] = fitting
    return taken


class Marked(Protocol):
    """A part of files that others share."""

    def sha256(self) -> str:
        """Return the SHA-256 over its content, as hexadecimal text."""
        ...


def content_mark(files: Iterable[Path | Marked]) -> str:
    """Return a SHA-256 over the contents of files, in order, as hexadecimal text."""
    digest = hashlib.sha256()
    for one in files:
        digest.update(bytes.fromhex(_hash(one) if isinstance(one, Path) else one.sha256()))
    return digest.hexdigest()


def _hash(path: Path) -> str:
    if not path.is_file():
        raise UserError(f"{path} is missing; restore it")
    stat = path.stat()
    return _hash_of(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=256)  # many episodes may lie in one file
def _hash_of(path: Path, size_bytes: int, changed_ns: int) -> str:
    return file_hash(path)

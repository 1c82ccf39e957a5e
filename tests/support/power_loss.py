"""A model of a disk that loses what was never synced, for tests of the order of syncs.

`Disk` watches real writes below one folder. A file is safe as it was at its last sync; a name is
safe as it was when its folder was last synced. `states` gives every tree that a power cut at this
moment may leave: each name that changed since its folder's sync is there or not, independently of
the others, and a file that was not synced is cut in half.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

MOST_CHANGED_NAMES = 6

# By name: the inode it leads to.
Names = dict[str, int]


class Disk:
    """What of a folder is safe, and what lies only in memory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.operations: list[tuple[str, str]] = []
        self._root_inode = root.stat().st_ino
        self._safe_names: dict[int, Names] = {self._root_inode: {}}
        self._safe_content: dict[int, bytes] = {}

    @contextmanager
    def watch(self, after: Callable[[], None]) -> Iterator[None]:
        """Note every sync and rename; `after` is called before and after each of them."""

        def watched(name: str, note: Callable[..., None]) -> Any:
            original = getattr(os, name)

            def call(*arguments: Any, **named: Any) -> Any:
                after()
                result = original(*arguments, **named)
                note(*arguments)
                after()
                return result

            return mock.patch.object(os, name, call)

        with (
            watched("fsync", self._sync),
            watched("rename", self._rename),
            watched("replace", self._rename),
        ):
            yield

    def _sync(self, descriptor: int) -> None:
        path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        if not path.is_relative_to(self.root):
            return
        self.operations.append(("sync", str(path.relative_to(self.root))))
        if path.is_dir():
            self._safe_names[path.stat().st_ino] = names_of(path)
        else:
            self._safe_content[path.stat().st_ino] = path.read_bytes()

    def _rename(self, source: Any, target: Any) -> None:
        if Path(target).is_relative_to(self.root):
            self.operations.append(("rename", str(Path(target).relative_to(self.root))))

    def states(self) -> Iterator[dict[str, bytes | None]]:
        """Yield every tree a power cut may leave: content by path, None for a folder."""
        paths = {path.stat().st_ino: path for path in [self.root, *self.root.rglob("*")]}
        choices = []
        for inode, path in paths.items():
            if not path.is_dir():
                continue
            safe, now = self._safe_names.get(inode, {}), names_of(path)
            changed = sorted(name for name in safe | now if safe.get(name) != now.get(name))
            assert len(changed) <= MOST_CHANGED_NAMES or inode not in self._safe_names
            # A folder that was never synced holds all of its names or none.
            groups = [[name] for name in changed] if inode in self._safe_names else [changed]
            choices += [(inode, group) for group in groups if group]
        for taken in itertools.product((False, True), repeat=len(choices)):
            names = {inode: dict(safe) for inode, safe in self._safe_names.items()}
            for (inode, group), is_new in zip(choices, taken, strict=True):
                if is_new:
                    self._take(names.setdefault(inode, {}), names_of(paths[inode]), group)
            yield dict(self._tree(names, self._root_inode, Path(), paths))

    @staticmethod
    def _take(names: Names, now: Names, group: list[str]) -> None:
        for name in group:
            names.pop(name, None)
            if name in now:
                names[name] = now[name]

    def _tree(
        self, names: dict[int, Names], inode: int, at: Path, paths: dict[int, Path]
    ) -> Iterator[tuple[str, bytes | None]]:
        for name, child in names.get(inode, {}).items():
            path = paths.get(child)
            if child in self._safe_content or (path is not None and path.is_file()):
                yield str(at / name), self._content(child, path)
            else:
                yield str(at / name), None
                yield from self._tree(names, child, at / name, paths)

    def _content(self, inode: int, path: Path | None) -> bytes:
        safe = self._safe_content.get(inode)
        now = path.read_bytes() if path is not None and path.is_file() else safe
        assert now is not None
        return now if now == safe else now[: len(now) // 2]


def names_of(folder: Path) -> Names:
    """Return the inode of each name in a folder."""
    return {entry.name: entry.inode() for entry in os.scandir(folder)}


def lay_out(state: dict[str, bytes | None], folder: Path) -> None:
    """Write a tree that `Disk.states` gave into a new folder."""
    folder.mkdir()
    for name, content in state.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            path.mkdir(exist_ok=True)
        else:
            path.write_bytes(content)

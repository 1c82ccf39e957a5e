"""Writes that are whole or absent: a reader never sees half a file or half a folder."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PARTIAL_PREFIX = ".partial-"


def sync_file(path: Path) -> None:
    """Flush one file or folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """Flush every file below a folder, then the folders, innermost first."""
    for root, _, names in os.walk(folder, topdown=False):
        for name in names:
            sync_file(Path(root) / name)
        sync_file(Path(root))


def commit_folder(partial: Path, target: Path) -> None:
    """Make a finished partial folder visible under its final name.

    Files are synced, then the folder, then it is renamed, then the parent is synced, so that
    after a power cut the target is either whole or absent.

    Args:
        partial: Folder on the same file system as the target.
        target: Final name. An existing folder there is replaced.
    """
    sync_tree(partial)
    if target.exists():
        retired = Path(tempfile.mkdtemp(prefix=PARTIAL_PREFIX, dir=target.parent))
        os.rename(target, retired / target.name)
        os.rename(partial, target)
        shutil.rmtree(retired)
    else:
        os.rename(partial, target)
    sync_file(target.parent)


@contextmanager
def atomic_folder(target: Path) -> Iterator[Path]:
    """Yield an empty hidden folder that becomes `target` when the block ends without an error.

    After an error, Ctrl-C included, the partial folder is removed and `target` is untouched.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=PARTIAL_PREFIX, dir=target.parent))
    partial.chmod(0o755)
    try:
        yield partial
        commit_folder(partial, target)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def write_text_atomically(path: Path, text: str) -> None:
    """Replace a text file as a whole (UTF-8)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, partial = tempfile.mkstemp(prefix=PARTIAL_PREFIX, dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(partial, 0o644)
        os.replace(partial, path)
        sync_file(path.parent)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise

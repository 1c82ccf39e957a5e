"""Writes that are whole or absent: a reader never sees half a file or half a folder.

Every commit keeps one order: files are synced, then their folder, then it is renamed, then the
parent is synced. `docs/crash-safety.md` says what follows from it and how it is tested.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tcn_robot.errors import UserError

PARTIAL_PREFIX = ".partial-"

_RELATIVE_TO_WORKING_FOLDER = -100  # AT_FDCWD of Linux
_EXCHANGE = 2  # RENAME_EXCHANGE of Linux
_CANNOT_EXCHANGE = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP)


def sync_file(path: Path) -> None:
    """Flush one file or folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        if sys.platform == "darwin":  # where fsync leaves the data in the drive's own memory
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """Flush every file below a folder, then the folders, innermost first."""
    for root, _, names in os.walk(folder, topdown=False):
        for name in names:
            sync_file(Path(root) / name)
        sync_file(Path(root))


def make_folders(path: Path) -> None:
    """Create a folder and those above it that are missing, each of them safe on the disk."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for folder in missing:
        sync_file(folder.parent)


def exchange(first: Path, second: Path) -> bool:
    """Swap two names in one step; False, and nothing done, where the system cannot.

    Linux only (renameat2), and not on every file system.
    """
    if not sys.platform.startswith("linux"):
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "renameat2"):
        return False
    here = _RELATIVE_TO_WORKING_FOLDER
    if libc.renameat2(here, os.fsencode(first), here, os.fsencode(second), _EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in _CANNOT_EXCHANGE:
        return False
    raise OSError(code, os.strerror(code), str(first), None, str(second))


def commit_folder(partial: Path, target: Path, replace: bool = True) -> None:
    """Make a finished partial folder visible under its final name.

    Files are synced, then the folder, then it is renamed, then the parent is synced, so that
    after a power cut the target is either whole or absent.

    Args:
        partial: Folder on the same file system as the target.
        target: Final name.
        replace: Take the place of a folder that is there: in one step where the system can
            exchange names, else a crash between two renames may leave none.

    Raises:
        UserError: If the target is there and must not be replaced, or is no folder but a file or
            a link: those are never replaced.
    """
    if replace:
        _refuse_what_is_no_folder(target)
    sync_tree(partial)
    replaced = None
    if not replace:
        _rename_to_new(partial, target)
    elif not target.exists():
        os.rename(partial, target)
    elif exchange(partial, target):
        replaced = partial
    else:
        replaced = Path(tempfile.mkdtemp(prefix=PARTIAL_PREFIX, dir=target.parent))
        os.rename(target, replaced / target.name)
        os.rename(partial, target)
    sync_file(target.parent)
    if replaced is not None:  # only now: before the sync a power cut could bring it back
        shutil.rmtree(replaced)


def _refuse_what_is_no_folder(target: Path) -> None:
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        kind = "a link" if target.is_symlink() else "a file"
        raise UserError(f"expected a folder or nothing at {target}, found {kind}; name another")


def _rename_to_new(partial: Path, target: Path) -> None:
    try:
        os.rename(partial, target)  # the system refuses a target that holds anything
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            raise
        raise UserError(
            f"{target} appeared while it was being written: another process writes into "
            f"{target.parent}; it is left as it is, and what was new is dropped"
        ) from error


@contextmanager
def atomic_folder(target: Path, replace: bool = True) -> Iterator[Path]:
    """Yield an empty hidden folder that becomes `target` when the block ends without an error.

    After an error, Ctrl-C included, the partial folder is removed and `target` is untouched.

    Args:
        target: Final name; folders above it are created.
        replace: Whether a folder that is there by then is replaced, or the block's end raises.

    Raises:
        UserError: If the target is there and must not be replaced, or is a file or a link.
    """
    if replace:  # before the work, and again when it is done
        _refuse_what_is_no_folder(target)
    make_folders(target.parent)
    partial = Path(tempfile.mkdtemp(prefix=PARTIAL_PREFIX, dir=target.parent))
    partial.chmod(0o755)
    try:
        yield partial
        commit_folder(partial, target, replace)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def refuse_unwritable(path: Path, option: str = "--out") -> None:
    """Raise a UserError where a file could not be written, before the work that it is for.

    Args:
        path: The file; folders above it may be missing.
        option: Which option named it.
    """
    if path.is_dir():
        raise UserError(f"{option} expects a file, found the folder {path}; name a file in it")
    above = next(folder for folder in path.absolute().parents if folder.exists())
    if not above.is_dir():
        raise UserError(f"{option} {path} cannot be written: {above} is a file; name another")
    try:
        with tempfile.TemporaryFile(dir=above):
            pass
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(
            f"{option} {path} cannot be written ({reason}: {above}); name another folder"
        ) from error


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield an empty hidden file that becomes `path` when the block ends without an error.

    After an error, Ctrl-C included, the partial file is removed and `path` is untouched.

    Args:
        path: Final name, replaced if it is there; folders above it are created. The partial file
            has its suffix, by which writers know the format.
    """
    make_folders(path.parent)
    descriptor, name = tempfile.mkstemp(path.suffix, PARTIAL_PREFIX, path.parent)
    os.close(descriptor)
    partial = Path(name)
    try:
        yield partial
        sync_file(partial)
        partial.chmod(0o644)
        os.replace(partial, path)
        sync_file(path.parent)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def write_text_atomically(path: Path, text: str) -> None:
    """Replace a text file as a whole (UTF-8)."""
    with atomic_file(path) as partial:
        partial.write_text(text, encoding="utf-8")

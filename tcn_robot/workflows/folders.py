"""Which folders a command may write into, and how one is written by one process only."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tcn_robot.atomic import PARTIAL_PREFIX, atomic_folder, commit_folder, make_folders
from tcn_robot.errors import UserError


def refuse_nested(source: Path, out: Path) -> None:
    """Raise a UserError if one of two folders is the other or lies in it, links followed.

    Args:
        source: What is only read.
        out: What is written.
    """
    # Not Path.resolve, which raises at links in a circle before Python 3.13.
    read, written = Path(os.path.realpath(source)), Path(os.path.realpath(out))
    if written.is_relative_to(read):
        raise UserError(f"{out} lies in {source}, which is only read; give a folder elsewhere")
    if read.is_relative_to(written):
        raise UserError(f"{source}, which is only read, lies in {out}; give a folder elsewhere")


@contextmanager
def exclusive_folder(target: Path) -> Iterator[Path]:
    """Yield an empty hidden folder that becomes `target` when the block ends without an error.

    Unlike `atomic_folder`, its name is the same each time, and what a process that was killed left
    there is removed by the next one. The kernel tells whether somebody still writes (flock).

    Args:
        target: Final name, absent or an empty folder; folders above it are created.

    Raises:
        UserError: If another process writes it.
    """
    make_folders(target.parent)
    name = hashlib.sha256(os.fsencode(target.name)).hexdigest()[:16]  # a long one may not fit
    partial = target.parent / f"{PARTIAL_PREFIX}{name}"
    if partial.is_symlink() or (partial.exists() and not partial.is_dir()):
        raise UserError(f"{partial} is no folder of ours; remove it")
    partial.mkdir(exist_ok=True)
    descriptor = os.open(partial, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        if not _lock(descriptor, partial, target):
            with suppress(OSError):  # somebody else may have put something in
                partial.rmdir()
            with atomic_folder(target) as unshared:
                yield unshared
            return
        try:
            for entry in partial.iterdir():
                is_folder = entry.is_dir() and not entry.is_symlink()
                shutil.rmtree(entry) if is_folder else entry.unlink()
            partial.chmod(0o755)
            yield partial
            commit_folder(partial, target)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    finally:
        os.close(descriptor)


def _lock(descriptor: int, partial: Path, target: Path) -> bool:
    """Lock an open folder until it is closed; False where the file system has no locks."""
    busy = UserError(f"another process is writing {target}; wait for it or give a new folder")
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise busy from error
    except OSError:
        return False
    # Whoever had it until now may have given it its final name.
    if not partial.exists() or partial.stat().st_ino != os.fstat(descriptor).st_ino:
        raise busy
    return True

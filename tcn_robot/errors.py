"""Errors that are the user's to mend: one clear line, exit code 2, no traceback.

A leaf that every part may import; it imports nothing of ours.
"""

from __future__ import annotations

import difflib
import errno
from collections.abc import Iterable

# No room on the disk, in the quota, or below the largest size of a file.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# Faults of a path that the user has named, not of the program.
_UNUSABLE = (
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR),
    *(errno.EEXIST, errno.ENOENT, errno.ENAMETOOLONG, errno.EIO),
)


class UserError(Exception):
    """Something the user can mend.

    The message is one line that says what was expected, what was found and what to do.
    The command line prints it and leaves with exit code 2.
    """


class SharedFault(UserError):
    """A fault that every process of a training knows, so that one of them need say it."""


def unknown_name(kind: str, name: str, choices: Iterable[str]) -> UserError:
    """Return the error for a name that is not among the choices, with the nearest one.

    Args:
        kind: What the name stands for, such as "task" or "view".
        name: What the user wrote.
        choices: The names that exist.
    """
    known = list(choices)
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return UserError(f"unknown {kind} {name!r}{hint} (known: {', '.join(known) or 'none'})")


def describe_os_error(error: OSError) -> str | None:
    """Return the line about a disk or a path that the user can mend, None for any other fault.

    Args:
        error: What reading or writing has raised.
    """
    if error.errno in FULL:
        where = f" while writing {error.filename}" if error.filename else ""
        return (
            f"the disk is full{where}; free some space, then give the command again (with --resume "
            "where it has that), or choose another --out"
        )
    if error.errno in _UNUSABLE and error.filename:
        return (
            f"cannot read or write {error.filename} ({error.strerror}); mend that, or name "
            "another path"
        )
    return None

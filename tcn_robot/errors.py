"""Errors that are the user's to mend: one clear line, exit code 2, no traceback.

A leaf that every part may import; it imports nothing of ours.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Something the user can mend.

    The message is one line that says what was expected, what was found and what to do.
    The command line prints it and leaves with exit code 2.
    """


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

"""Which folders a command may write into."""

from __future__ import annotations

from pathlib import Path

from tcn_robot.errors import UserError


def refuse_nested(source: Path, out: Path) -> None:
    """Raise a UserError if one of two folders is the other or lies in it, links followed.

    Args:
        source: What is only read.
        out: What is written.
    """
    read, written = source.resolve(), out.resolve()
    if written.is_relative_to(read):
        raise UserError(f"{out} lies in {source}, which is only read; give a folder elsewhere")
    if read.is_relative_to(written):
        raise UserError(f"{source}, which is only read, lies in {out}; give a folder elsewhere")

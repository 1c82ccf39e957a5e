"""Turns a typed function into a command: its signature is the options, its docstring the help."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tyro


def parse_and_run(command: Callable[..., Any], arguments: list[str], name: str = "") -> Any:
    """Parse the arguments by the function's signature and call it.

    Unknown options end the process with exit code 2 and the nearest option that exists.

    Args:
        command: A function whose parameters are typed and documented.
        arguments: What stands on the command line behind the command's name.
        name: The command's name when it is not the function's.
    """
    shown = name or command.__name__.replace("_", "-")
    return tyro.cli(
        command,
        prog=f"tcn-robot {shown}",
        args=arguments,
        config=(tyro.conf.OmitArgPrefixes, tyro.conf.FlagCreatePairsOff),
    )

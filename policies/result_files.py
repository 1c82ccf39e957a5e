"""Reads a result.json, of a seed or of a search, and checks that what is read from it is there."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tcn_robot.errors import UserError


def read_result_file(
    path: Path, needed: Mapping[str, Sequence[str]], unit: str
) -> dict[str, Any] | None:
    """Return the figures of a result.json, or None where there is none.

    Args:
        path: The file.
        needed: {entry: the entries that it must have in turn, none for a plain value}.
        unit: What is finished again when the file is deleted, such as "seed".

    Raises:
        UserError: When it is damaged, or an entry is missing.
    """
    if not path.is_file():
        return None
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise _damaged(path, str(error), unit) from None
    if not isinstance(result, dict):
        raise _damaged(path, f"expected an object, found {type(result).__name__}", unit)
    for name, inner in needed.items():
        if name not in result:
            raise _damaged(path, f"{name!r} is missing", unit)
        for part in inner:
            if not isinstance(result[name], dict) or part not in result[name]:
                raise _damaged(path, f"{part!r} of {name!r} is missing", unit)
    return result


def _damaged(path: Path, reason: str, unit: str) -> UserError:
    return UserError(f"{path} is damaged ({reason}); delete it to finish the {unit} again")

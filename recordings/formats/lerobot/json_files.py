"""JSON of strangers: what it says can be written again, or it is refused."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

from tcn_robot.errors import UserError

_MOST_NUMBER = 10**9


def parse_json(text: str) -> Any:
    """Return what a JSON text says.

    Raises:
        ValueError: If it is no JSON, too deep, or holds a number that is not finite or half a
            character, which no file of ours could hold.
    """
    try:
        content = json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if re.search(r"\\u[dD][89a-fA-F]", text):
        json.dumps(content, ensure_ascii=False).encode("utf-8")
    return content


def _refuse(name: str) -> float:
    raise ValueError(f"it holds {name}, which is no number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"it holds {text[:20]}, which is too large")
    return value


def read_json_object(path: Path) -> dict[str, Any]:
    """Return the content of a JSON file.

    Raises:
        UserError: If it is no readable object.
    """
    try:
        content = parse_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}); restore it") from error
    if not isinstance(content, dict):
        raise UserError(f"{path} should hold an object, found {type(content).__name__}")
    return content


def whole_number(value: Any) -> int | None:
    """Return a number of an episode, a file or a row; None if it can be none."""
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return value if is_whole and 0 <= value < _MOST_NUMBER else None

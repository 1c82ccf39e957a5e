"""Values as JSON that a browser reads fast: numbers as base64, nothing that JSON lacks."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

import numpy as np


def pack_numbers(values: np.ndarray, dtype: str = "<f4") -> dict[str, Any]:
    """Return an array as its shape and the base64 of its little-endian numbers.

    Args:
        values: Numbers of any shape.
        dtype: "<f4", or "<f8" for times and large numbers, which keep every bit.
    """
    array = np.ascontiguousarray(values, dtype)
    return {
        "type": dtype[1:],
        "shape": list(array.shape),
        "data": base64.b64encode(array.tobytes()).decode("ascii"),
    }


def plain(value: Any) -> Any:
    """Return a JSON value without numbers that JSON lacks: NaN and infinities become None."""
    if isinstance(value, dict):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def json_in_page(value: Any) -> str:
    """Return JSON that can stand inside a script element: no text in it can end the element."""
    text = json.dumps(plain(value), allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def script_call(function: str, *values: Any) -> str:
    """Return a script that calls a function with values; they are parsed as JSON, never as code."""
    texts = ", ".join(f"JSON.parse({json.dumps(json_in_page(value))})" for value in values)
    return f"{function}({texts});\n"

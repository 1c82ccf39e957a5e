"""Small trained encoders that ship with the package: `tcn_robot.load_encoder("push-tcn")`.

Each lies in a folder of its own: config.json and model.safetensors (float16 on disk, float32 in
memory) as every encoder has them, card.json with figures, data and command, and card.md, the same
for people. scripts/make_zoo.py makes them. Needs the standard library only.
"""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import Any

from tcn_robot.errors import UserError, unknown_name

CARD_FILE = "card.json"
TEXT_FILE = "card.md"
_HERE = Path(__file__).resolve().parent


def zoo_names() -> tuple[str, ...]:
    """Return the names of the encoders that ship, sorted."""
    return tuple(sorted(path.parent.name for path in _HERE.glob(f"*/{CARD_FILE}")))


def zoo_folder(name: str) -> Path:
    """Return the folder of an encoder that ships.

    Raises:
        UserError: There is none of that name; the message has the nearest.
    """
    if name not in zoo_names():
        raise unknown_name("encoder of the zoo", name, zoo_names())
    return _HERE / name


def find_encoder_folder(path: Path | str) -> Path:
    """Return where an encoder lies: a path that exists wins, then a name of the zoo.

    Args:
        path: A run, an encoder's folder, or a name such as "push-tcn".

    Raises:
        UserError: There is neither; the message has the nearest name.
    """
    given = Path(path)
    if given.exists():
        return given
    if str(path) in zoo_names():
        return _HERE / str(path)
    near = difflib.get_close_matches(str(path), zoo_names(), n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    names = ", ".join(zoo_names()) or "none"
    raise UserError(
        f"no run at {path}: expected what `tcn-robot train --out` wrote, or the name of an encoder "
        f"that ships{hint} (known: {names})"
    )


def read_card(name: str) -> dict[str, Any]:
    """Return what card.json says of an encoder: figures, data, command, commit.

    Raises:
        UserError: There is no encoder of that name.
    """
    return json.loads((zoo_folder(name) / CARD_FILE).read_text(encoding="utf-8"))


def read_text(name: str) -> str:
    """Return the card of an encoder as Markdown.

    Raises:
        UserError: There is no encoder of that name.
    """
    return (zoo_folder(name) / TEXT_FILE).read_text(encoding="utf-8")

"""`tcn-robot zoo`: the trained encoders that ship, with their figures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import tyro

from tcn_robot.workflows.options import parse_and_run

HEADINGS = ("encoder", "task", "trained for", "error %", "within 1 frame %", "tau_b", "px", "kB")


def zoo(
    name: Annotated[str, tyro.conf.Positional] = "",
    /,
) -> None:
    """List the trained encoders that ship, or show the card of one.

    Wherever a command or `tcn_robot.load_encoder` takes a run, it takes such a name too.

    Args:
        name: An encoder, such as push-tcn, for all that is known of it.

    Raises:
        UserError: There is no encoder of that name.
    """
    from tcn_robot.zoo import read_card, read_text, zoo_folder, zoo_names

    if name:
        print(read_text(name).rstrip())
        print(f"\nlies in {zoo_folder(name)}")
        return
    lines = [HEADINGS, *(_cells(one, read_card(one), zoo_folder(one)) for one in zoo_names())]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        print("  ".join(cells).rstrip())


def _cells(name: str, card: Mapping[str, Any], folder: Path) -> tuple[str, ...]:
    figures = card["figures"]["trained"]
    size_bytes = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    return (
        name,
        card["task"],
        card["objective"],
        _shown(figures["error"], 100, 1),
        _shown(figures["accuracy_1"], 100, 1),
        _shown(figures["tau_b"], 1, 3),
        str(card["image_size_px"]),
        str(round(size_bytes / 1000)),
    )


def _shown(value: float | None, factor: float, digits: int) -> str:
    return "-" if value is None else f"{value * factor:.{digits}f}"


def main(arguments: list[str]) -> None:
    """Run the command with these arguments."""
    parse_and_run(zoo, arguments)

"""What a layout finds in a folder, before anything of it is believed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tcn_robot.benchmarks.recognition.clips import Clip


@dataclass(frozen=True)
class FoundSet:
    """Clips and lists as they lie there.

    Attributes:
        layout: Name of the layout.
        classes: Names of the classes, in order.
        halves: By split the clips to train and those to test on.
        has_groups: Whether the layout promises that no group lies in both halves.
        missing: Names that are listed and not on the disk.
        notes: What is worth saying.
    """

    layout: str
    classes: tuple[str, ...]
    halves: Mapping[int, tuple[Sequence[Clip], Sequence[Clip]]]
    has_groups: bool
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

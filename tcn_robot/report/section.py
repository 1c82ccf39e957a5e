"""What a page is made of: sections with words and figures that are still to be drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tcn_robot.look import Look

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Drawing:
    """A figure still to be drawn: how, what a blind reader is told, and an optional caption."""

    draw: Callable[[Look], Figure]
    alt: str
    caption: str = ""


@dataclass(frozen=True)
class Section:
    """One section: its anchor, heading, words and figures."""

    key: str
    title: str
    paragraphs: list[str] = field(default_factory=list)
    drawings: list[Drawing] = field(default_factory=list)

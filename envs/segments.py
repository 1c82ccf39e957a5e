"""What each pixel of a rendered view shows: the body, one of the task's things, or the background.

The floor, the table, distractors and the sky are the background. Things that are called by one name
and a number, such as the beads of a cup, are one class.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

BACKGROUND, BODY = "background", "body"
# What the models of both simulators call what stands behind everything, and the body's roots.
_BEHIND = re.compile(r"(world|floor|table|distractor\d*)?")
_BODY_ROOTS = ("body", "base", "palm")


@runtime_checkable
class SegmentedModel(Protocol):
    """A stored model that also says what each pixel shows.

    Attributes:
        segment_names: Classes by number; 0 is the background, 1 the body.
    """

    segment_names: tuple[str, ...]

    def segment_views(
        self, views: Sequence[str], size: tuple[int, int]
    ) -> dict[str, NDArray[np.uint8]]:
        """Return the class of each pixel, uint8 (H, W), by view; size is (height, width)."""
        ...


def segment_name(root: str) -> str:
    """Return the class of what belongs to a root of a model.

    Args:
        root: Name of a body that stands by itself; "" or "world" for what is fixed.
    """
    thing = root.partition("/")[0]  # a sliding thing stands on NAME/stand
    if _BEHIND.fullmatch(thing):
        return BACKGROUND
    if thing in _BODY_ROOTS:
        return BODY
    return re.sub(r"\d+$", "", thing) or thing


def segment_classes(roots: Iterable[str]) -> tuple[tuple[str, ...], dict[str, int]]:
    """Return the classes of a model, and the class of each of its roots by name."""
    named = {root: segment_name(root) for root in roots}
    names = tuple(dict.fromkeys((BACKGROUND, BODY, *named.values())))
    return names, {root: names.index(name) for root, name in named.items()}

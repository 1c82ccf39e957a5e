"""Signs beside figures that a control reaches too, and what they mean.

A counter of frames is given the clock, and so has every figure of films that start together and
nearly every one of films that are equally fast. That it has them too says what these figures cannot
tell; it is another thing than to be reached by pixels, and has a sign of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tcn_robot.benchmarks.text_table import MARK as REACHED

BY_THE_CLOCK = "°"
_CLOCK = "frame_counter"


def mark(controls: Sequence[str]) -> str:
    """Return the sign of a figure that these controls reach, "" for none."""
    if not controls:
        return ""
    return BY_THE_CLOCK if set(controls) == {_CLOCK} else REACHED


def clock_explained(result: Mapping[str, Any]) -> str:
    """Say what it means that the frame counter alone reaches a figure.

    Args:
        result: Of the suite; the progress error is named where it was measured.
    """
    told = "the progress error tells the two apart, where it is known"
    own, counter = (result.get(row, {}).get("progress_error") for row in ("trained", _CLOCK))
    if own is not None and counter is not None:
        told = (
            f"the progress error tells the two apart: {100 * own:.1f} %, frame counter "
            f"{100 * counter:.1f} %"
        )
    return (
        "the frame counter alone reaches it, which is given the clock: films of the same moments "
        "start together, and episodes are about equally fast, so that this figure cannot tell the "
        f"encoder from a clock; {told}"
    )

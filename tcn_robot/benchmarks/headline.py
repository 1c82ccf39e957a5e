"""The first sentence of a result: how an encoder does on what it has never seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tcn_robot.benchmarks.seen import PARTS, Seen

#: Makes a hard split of any recording from the simulator.
HOW_TO_MAKE = (
    "tcn-robot rerender DIR --randomise all --out DIR-looks && tcn-robot rerender DIR-looks "
    "--embodiment BODY --views CAMERA --out DIR-hard, then bench alignment RUN DIR DIR-hard"
)
_CONTROLS = ("chance", "untrained", "frame_counter")


def headline(splits: Sequence[Mapping[str, Any]], seen: Seen | None) -> dict[str, Any]:
    """Return the headline: the hard split, or why there is none.

    Args:
        splits: Splits as results have them.
        seen: What the encoder was trained on, None where that is not known.

    Returns:
        "state": "measured", "missing" or "unknown"; "sentence"; "split": its name or None.
    """
    hard = next((split for split in splits if split["is_hard"]), None)
    if hard is not None:
        row = hard["rows"]["trained"]
        beside = [
            f"{name.replace('_', ' ')} {_percent(hard['rows'][name]['error'])}"
            for name in _CONTROLS
            if name in hard["rows"]
        ]
        return {
            "state": "measured",
            "split": hard["name"],
            "sentence": (
                f"hard split ({', '.join(hard['bodies'])} from {' '.join(hard['views'])} in drawn "
                f"scenes, all unseen): error {_percent(row['error'])} "
                f"{_bounds(row['error_interval'])} ({', '.join(beside)}), "
                f"{hard['episodes']} episodes"
            ),
        }
    if seen is None:
        candidate = next((s for s in splits if tuple(s["differs"]) == PARTS), None)
        shown = (
            f"; with another body, camera and scene the error is "
            f"{_percent(candidate['rows']['trained']['error'])}"
            if candidate
            else ""
        )
        return {
            "state": "unknown",
            "split": None,
            "sentence": (
                "hard split: unknown, the run does not say what it was trained on; pass "
                f"--seen-bodies and --seen-views{shown}"
            ),
        }
    made = f"hard split: not measured, no film shows an unseen {', '.join(PARTS)}; "
    return {"state": "missing", "split": None, "sentence": made + HOW_TO_MAKE}


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}".replace("%", " %")


def _bounds(bounds: Sequence[float] | None) -> str:
    return "" if bounds is None else f"[{bounds[0]:.1%}, {bounds[1]:.1%}]".replace("%", " %")

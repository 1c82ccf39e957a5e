"""The first sentence of a result: how an encoder does on what it has never seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tcn_robot.benchmarks.alignment.seen import PARTS, Seen

_CONTROLS = ("chance", "untrained", "frame_counter")


def headline(
    splits: Sequence[Mapping[str, Any]],
    seen: Seen | None,
    recording: str = "DIR",
    is_simulated: bool = True,
) -> dict[str, Any]:
    """Return the headline: the hard split, or why there is none.

    Args:
        splits: Splits as results have them.
        seen: What the encoder was trained on, None where that is not known.
        recording: Folder of the ordinary episodes, of which a hard split can be made.
        is_simulated: Whether they can be rendered again; films of real cameras cannot.

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
    missing = f"hard split: not measured, no film shows an unseen {', '.join(PARTS)} at once"
    if is_simulated:
        missing += (
            "; with a BODY and a CAMERA that training has not seen these make one, and the second "
            f"folder is then given too: {_commands(recording or 'DIR')}"
        )
    return {"state": "missing", "split": None, "sentence": missing}


def _commands(recording: str) -> str:
    """Return what makes a hard split of a simulated recording."""
    folder = recording.rstrip("/").rpartition("/")[2]
    looks = f"{folder}-looks"
    return (
        f"tcn-robot rerender {recording} --randomise all --out {looks} && tcn-robot rerender "
        f"{looks} --embodiment BODY --views CAMERA --out {folder}-hard"
    )


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}".replace("%", " %")


def _bounds(bounds: Sequence[float] | None) -> str:
    return "" if bounds is None else f"[{bounds[0]:.1%}, {bounds[1]:.1%}]".replace("%", " %")

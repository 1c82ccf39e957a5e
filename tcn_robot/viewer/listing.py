"""The list of episodes: a short row each, from `episode.json` alone: thousands are quick."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tcn_robot.errors import UserError
from tcn_robot.recordings import Episode

Row = dict[str, Any]
COLUMNS = (
    *("id", "split", "success", "policy", "body", "note"),
    *("seconds", "frames", "views", "marks", "damage"),
)


def finite(value: Any) -> float | None:
    """Return a number that a file gives, None if it is none or not finite."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and math.isfinite(value) else None


def without_folders(text: str, *folders: Path) -> str:
    """Return a message with paths as seen from the folders that the page is about.

    Args:
        text: The message.
        folders: Inner ones first, such as an episode's and its dataset's.
    """
    for folder in folders:
        text = text.replace(f"{folder}{os.sep}", "")
    return text


def policy_text(policy: Any) -> str:
    """Return who acted, in a few words."""
    if isinstance(policy, dict):
        name = str(policy.get("name") or policy.get("run") or "run")
        return f"{name}, seed {policy['seed']}" if "seed" in policy else name
    return "" if policy is None else str(policy)


def note_text(metadata: dict[str, Any]) -> str:
    """Return what sets an episode apart: the kind of failure on purpose, what was mended."""
    demonstration = metadata.get("demonstration")
    notes = []
    if isinstance(demonstration, dict) and demonstration.get("failure"):
        notes.append(f"failure: {demonstration['failure']}")
    if metadata.get("repaired"):
        notes.append("repaired")
    return ", ".join(notes)


def capture_marks(metadata: dict[str, Any]) -> list[str]:
    """Return the lines of a capture about limits that were passed."""
    capture = metadata.get("capture")
    marks = capture.get("marks") if isinstance(capture, dict) else None
    return [str(mark) for mark in marks] if isinstance(marks, list) else []


def episode_row(episode: Episode) -> Row:
    """Return the row of one episode; of a damaged one, what is wrong under `damage`."""
    row: Row = dict.fromkeys(COLUMNS)
    row["id"] = episode.id
    try:
        metadata = episode.metadata
    except UserError as error:
        damage = without_folders(str(error), episode.path, episode.path.parent)
        row.update(split="", policy="", body="", note="", marks=0, damage=damage)
        return row
    views = metadata["views"]
    lengths = [finite(entry.get("frames")) or 0.0 for entry in views.values()]
    row.update(
        split=str(metadata.get("split") or "train"),
        success=episode.success,
        policy=policy_text(metadata.get("policy")),
        body=str(metadata.get("embodiment") or ""),
        note=note_text(metadata),
        seconds=max(map(_seconds, views.values()), default=None, key=lambda time: time or 0.0),
        frames=int(sum(lengths)),
        views=len(views),
        marks=len(capture_marks(metadata)),
    )
    return row


def _seconds(entry: dict[str, Any]) -> float | None:
    """Return how long a view's film is, from its measured rate."""
    frames, rate_hz = finite(entry.get("frames")), finite(entry.get("fps_measured"))
    return round((frames - 1) / rate_hz, 3) if frames and rate_hz else None


def as_columns(rows: Iterable[Row]) -> dict[str, list[Any]]:
    """Return rows as columns, which take a third of the room."""
    kept = list(rows)
    return {name: [row[name] for row in kept] for name in COLUMNS}

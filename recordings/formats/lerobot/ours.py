"""`meta/tcn_robot.json`: what LeRobot has no place for, so that our own import is exact.

LeRobot passes the file over. If its tools have changed the dataset since, what does not fit any
more is passed over by us, and so is what cannot be: anybody may have written the file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tcn_robot.recordings.format import CLOCKS
from tcn_robot.recordings.formats.alignment import Rows
from tcn_robot.recordings.formats.importing import FILM_CLOCK
from tcn_robot.recordings.formats.lerobot.json_files import parse_json, whole_number
from tcn_robot.recordings.formats.lerobot.layout import COLUMNS_FIELD, OURS_FILE
from tcn_robot.recordings.formats.places import Place
from tcn_robot.recordings.reader import Episode

FORMAT = "tcn_robot.lerobot"
# Measured anew on import, or of no meaning there.
_NOT_KEPT = (
    *("id", "codec", "fps_asked", "video_origin_seconds", "views", "steps", "files"),
    *("simulator", "split", "imported_from", COLUMNS_FIELD),
)


def _is_clock(said: Any) -> bool:
    return isinstance(said, dict) and said.get("name") in CLOCKS


def _is_text(said: Any) -> bool:
    return isinstance(said, str) or said is None


# What fields must be, where something relies on it.
_KNOWN: Mapping[str, Callable[[Any], bool]] = {
    "clock": _is_clock,
    **dict.fromkeys(("label", "task", "policy", "embodiment"), _is_text),
    "success": lambda said: isinstance(said, bool) or said is None,
    "seed": lambda said: isinstance(said, int | None),
    "cameras": lambda said: isinstance(said, dict) or said is None,
    "demonstration": lambda said: isinstance(said, dict) or said is None,
    "randomisation": lambda said: isinstance(said, dict) or said is None,
}


@dataclass(frozen=True)
class Ours:
    """What the file says.

    Attributes:
        episodes: By index.
        task: What the dataset that was exported shows, if that is said.
    """

    episodes: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    task: str | None = None


def describe_ours(
    episode: Episode,
    index: int,
    rows: Rows,
    views: Sequence[str],
    columns: Mapping[str, str],
    is_last_action_made_up: bool,
) -> dict[str, Any]:
    """Return what the file says of one episode.

    Args:
        episode: The episode.
        index: Its number in the new dataset.
        rows: Its rows.
        views: Its views.
        columns: By name of a feature, the column that it was.
        is_last_action_made_up: Whether the last action only repeats the one before.
    """
    kept = {name: said for name, said in episode.metadata.items() if name not in _NOT_KEPT}
    if episode.is_simulated and any(any(rows.repeated_and_left_out(view)) for view in views):
        kept["clock"] = FILM_CLOCK  # of its steps, these are not all, or some are there twice
    return {
        "episode_index": index,
        "length": len(rows),
        "first_seconds": [float(rows.times_seconds[view][0]) for view in views],
        "id": episode.id,
        "content_sha256": episode.content_hash,
        "last_action_made_up": is_last_action_made_up,
        "columns": dict(columns),
        "metadata": kept,
    }


def read_ours(place: Place) -> Ours:
    """Return what the file says; nothing if it is absent or damaged.

    Raises:
        UserError: If it is a link that leads out of the folder.
    """
    try:
        content = parse_json(place.file(OURS_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Ours()
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        return Ours()
    entries, task = content.get("episodes"), content.get("task")
    if not isinstance(entries, list):
        return Ours()
    episodes = {
        entry["episode_index"]: {**entry, "metadata": _believed(entry.get("metadata"))}
        for entry in entries
        if isinstance(entry, dict) and whole_number(entry.get("episode_index")) is not None
    }
    return Ours(episodes, task if isinstance(task, str) else None)


def _believed(metadata: Any) -> dict[str, Any]:
    """Return the fields that can be: not what is measured on import, nor of another type."""
    return {
        name: said
        for name, said in (metadata if isinstance(metadata, dict) else {}).items()
        if name not in _NOT_KEPT and _KNOWN.get(name, lambda said: True)(said)
    }


def columns_of(entry: Mapping[str, Any]) -> dict[str, str]:
    """Return, by name of a feature, the column that it was."""
    said = entry.get("columns")
    return {
        name: own
        for name, own in (said if isinstance(said, dict) else {}).items()
        if isinstance(own, str) and own
    }


def still_fits(entry: Mapping[str, Any], times_seconds: np.ndarray) -> bool:
    """Whether what the file says of an episode is of this one.

    Args:
        entry: What it says.
        times_seconds: float64 (T, V), the column of measured times.
    """
    first = entry.get("first_seconds")
    return (
        entry.get("length") == len(times_seconds)
        and isinstance(first, list)
        and np.array_equal(np.array(first, object), times_seconds[0].astype(object))
    )

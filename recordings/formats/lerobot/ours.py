"""`meta/tcn_robot.json`: what LeRobot has no place for, so that our own import is exact.

LeRobot passes the file over. If its tools have changed the dataset since, what does not fit any
more is passed over by us.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tcn_robot.recordings.formats.alignment import Rows
from tcn_robot.recordings.formats.lerobot.layout import OURS_FILE
from tcn_robot.recordings.reader import Episode

FORMAT = "tcn_robot.lerobot"
# Measured anew on import, or of no meaning there.
_NOT_KEPT = (
    *("id", "codec", "fps_asked", "video_origin_seconds", "views", "steps", "files"),
    *("simulator", "split", "imported_from"),
)


def describe_ours(
    episode: Episode, index: int, rows: Rows, views: Sequence[str], is_last_action_made_up: bool
) -> dict[str, Any]:
    """Return what the file says of one episode."""
    kept = {name: said for name, said in episode.metadata.items() if name not in _NOT_KEPT}
    return {
        "episode_index": index,
        "length": len(rows),
        "first_seconds": [float(rows.times_seconds[view][0]) for view in views],
        "id": episode.id,
        "content_sha256": episode.content_hash,
        "last_action_made_up": is_last_action_made_up,
        "metadata": kept,
    }


def read_ours(root: Path) -> dict[int, dict[str, Any]]:
    """Return what the file says by index of the episode; nothing if it is absent or damaged."""
    try:
        content = json.loads((root / OURS_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        return {}
    entries = content.get("episodes")
    if not isinstance(entries, list):
        return {}
    return {
        entry["episode_index"]: entry
        for entry in entries
        if isinstance(entry, dict) and isinstance(entry.get("episode_index"), int)
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
        and isinstance(entry.get("metadata"), dict)
        and np.array_equal(np.array(first, object), times_seconds[0].astype(object))
    )

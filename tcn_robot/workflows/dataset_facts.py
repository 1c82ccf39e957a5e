"""What can be said of a dataset without decoding a film, as plain values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tcn_robot.recordings import Episode, Recording


def gather_facts(recording: Recording) -> dict[str, Any]:
    """Return what `tcn-robot info --json` writes; `[least, most]` where a value is a range."""
    from tcn_robot.recordings.reader import describe_ids

    episodes = list(recording)
    known = [episode.success for episode in episodes if episode.success is not None]
    deleted = tuple(recording.metadata.get("deleted_ids", []))
    simulators = [episode.metadata.get("simulator") for episode in episodes]
    return {
        "schema_version": 1,
        "path": str(recording.path),
        "format_version": recording.metadata["format_version"],
        "kind": recording.metadata.get("kind"),
        "task": recording.task,
        "bytes": sum(p.stat().st_size for p in recording.path.rglob("*") if p.is_file()),
        "seconds": round(sum(map(episode_seconds, episodes)), 6),
        "episodes": {
            "count": len(episodes),
            "ids": describe_ids(recording.ids),
            "deleted_ids": describe_ids(deleted) if deleted else "",
        },
        "splits": _counted(episode.split for episode in episodes),
        "policies": _counted(str(e.metadata.get("policy") or "unknown") for e in episodes),
        "embodiments": _counted(str(e.metadata.get("embodiment") or "unknown") for e in episodes),
        "codecs": _counted(episode.codec for episode in episodes),
        "clocks": _counted(str((e.metadata.get("clock") or {}).get("name")) for e in episodes),
        "simulators": _counted(f"{one['name']} {one['version']}" for one in simulators if one),
        "success": {"done": sum(known), "known": len(known)},
        "marks": [{"episode": e.id, "mark": mark} for e in episodes for mark in _marks(e)],
        "history": [describe_edit(edit) for edit in _history(recording)],
        "views": {
            view: _view(view, episodes)
            for view in dict.fromkeys(view for episode in episodes for view in episode.views)
        },
    }


def episode_seconds(episode: Episode) -> float:
    """Return how long an episode's longest view lasts, as its description measured it."""
    views = episode.metadata["views"].values()
    rates = [(view["frames"], view.get("fps_measured")) for view in views]
    return max(((frames - 1) / rate for frames, rate in rates if rate), default=0.0)


def describe_edit(edit: dict[str, Any]) -> str:
    """Return one line about an edit of the history."""
    from tcn_robot.recordings.reader import describe_ids

    when = str(edit.get("at_utc", "")).replace("+00:00", "Z")
    if edit.get("action") == "delete":
        what = f"episodes {describe_ids(tuple(edit.get('ids', [])))}"
    elif "task" in edit:
        what = f"task {edit.get('task_before')} is now {edit['task']}"
    else:
        labels = edit.get("labels", {})
        names = sorted({name for said in labels.values() for name in said})
        ids = tuple(sorted(map(int, labels)))
        what = f"{', '.join(names)} of episodes {describe_ids(ids)}"
    return f"{when} {edit.get('action')}: {what}"


def _history(recording: Recording) -> list[dict[str, Any]]:
    from tcn_robot.recordings.editing.history import read_history

    return read_history(recording.path)


def _marks(episode: Episode) -> list[str]:
    """Return what makes an episode worse than others: limits that were passed, repairs."""
    capture = episode.metadata.get("capture") or {}
    repaired = episode.metadata.get("repaired") or []
    return [*map(str, capture.get("marks") or []), *(f"repaired: {one}" for one in repaired)]


def _counted(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))


def _view(view: str, episodes: list[Episode]) -> dict[str, Any]:
    entries = [e.metadata["views"][view] for e in episodes if view in e.views]
    frames = [entry["frames"] for entry in entries]
    rates = [entry["fps_measured"] for entry in entries if entry.get("fps_measured")]
    return {
        "episodes": len(entries),
        "sizes": sorted({f"{entry['width_px']}x{entry['height_px']}" for entry in entries}),
        "frames": sum(frames),
        "length_frames": [min(frames), max(frames)],
        "fps_measured": [min(rates), max(rates)] if rates else [],
        "late_frames": sum(entry.get("late_frames", 0) for entry in entries),
        "dropped_frames": sum(entry.get("dropped_frames", 0) for entry in entries),
        "has_intrinsics": all(
            bool(((e.metadata.get("cameras") or {}).get(view) or {}).get("intrinsics"))
            for e in episodes
            if view in e.views
        ),
    }

"""`tcn-robot info`: what a dataset holds, on one screen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from tcn_robot.workflows.options import parse_and_run

if TYPE_CHECKING:
    from tcn_robot.recordings import Episode, Recording


def info(dataset: Annotated[Path, tyro.conf.Positional], /) -> None:
    """Show what a dataset holds: episodes, splits, views, lengths, measured rates, success.

    Args:
        dataset: Folder of the dataset.
    """
    from tcn_robot.recordings import open_recording

    print("\n".join(describe(open_recording(dataset))))


def describe(recording: Recording) -> list[str]:
    """Return the lines that `tcn-robot info` prints."""
    from tcn_robot.recordings.reader import describe_ids

    episodes = list(recording)
    size_bytes = sum(path.stat().st_size for path in recording.path.rglob("*") if path.is_file())
    known = [episode.success for episode in episodes if episode.success is not None]
    version = recording.metadata["format_version"]
    lines = [
        f"dataset    {recording.path} (format {version}, {size_bytes / 1e6:.1f} MB)",
        f"task       {recording.task}",
        f"episodes   {len(episodes)} (ids {describe_ids(recording.ids)})",
        f"splits     {_counts(episode.split for episode in episodes)}",
        f"policies   {_counts(str(episode.metadata.get('policy')) for episode in episodes)}",
        f"bodies     {_counts(str(episode.metadata.get('embodiment')) for episode in episodes)}",
        f"codecs     {_counts(episode.codec for episode in episodes)}",
        f"success    {sum(known)} of {len(known)} where it is known",
        "",
        f"{'view':<12} {'episodes':>8} {'size':>9} {'frames':>8} {'length':>9} {'fps':>12} "
        f"{'late':>5} {'dropped':>7}",
    ]
    views = dict.fromkeys(view for episode in episodes for view in episode.views)
    return lines + [_view_line(view, episodes) for view in views]


def _counts(names: Iterable[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(Counter(names).items()))


def _view_line(view: str, episodes: list[Episode]) -> str:
    entries = [e.metadata["views"][view] for e in episodes if view in e.views]
    frames = [entry["frames"] for entry in entries]
    sizes = sorted({f"{entry['width_px']}x{entry['height_px']}" for entry in entries})
    rates = [entry["fps_measured"] for entry in entries if entry["fps_measured"] is not None]
    return (
        f"{view:<12} {len(entries):>8} {','.join(sizes):>9} {sum(frames):>8} "
        f"{_range(frames, '.0f'):>9} {_range(rates, '.2f'):>12} "
        f"{sum(entry['late_frames'] for entry in entries):>5} "
        f"{sum(entry['dropped_frames'] for entry in entries):>7}"
    )


def _range(values: list[float], form: str) -> str:
    if not values:
        return "-"
    low, high = format(min(values), form), format(max(values), form)
    return low if low == high else f"{low}-{high}"


def main(arguments: list[str]) -> None:
    """Run the command."""
    parse_and_run(info, arguments)

"""`tcn-robot info`: what a dataset holds, on one screen, as JSON or as a dataset card."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from tcn_robot.workflows.options import parse_and_run

if TYPE_CHECKING:
    from tcn_robot.recordings import Recording


def info(
    dataset: Annotated[Path, tyro.conf.Positional],
    /,
    *,
    json_file: Annotated[Path | None, tyro.conf.arg(name="json")] = None,
    card: Path | None = None,
) -> None:
    """Show what a dataset holds: episodes, splits, views, measured rates, marks, history.

    Args:
        dataset: Folder of the dataset.
        json_file: Write the same to this file as JSON; `-` for the terminal, and nothing else.
        card: Write a dataset card to this Markdown file, with a picture beside it.
    """
    from tcn_robot.recordings import open_recording
    from tcn_robot.workflows.dataset_facts import gather_facts

    recording = open_recording(dataset)
    facts = gather_facts(recording)
    if json_file == Path("-"):
        json.dump(facts, sys.stdout, indent=2)
        print()
    else:
        print("\n".join(describe(facts)))
        if json_file is not None:
            from tcn_robot.atomic import write_text_atomically

            write_text_atomically(json_file, json.dumps(facts, indent=2) + "\n")
    if card is not None:
        _write_card(recording, facts, card)


def _write_card(recording: Recording, facts: dict[str, Any], path: Path) -> None:
    from tcn_robot.workflows.dataset_card import write_card

    for written in write_card(recording, facts, path):
        print(f"wrote {written}", file=sys.stderr)


def describe(facts: dict[str, Any]) -> list[str]:
    """Return the lines that `tcn-robot info` prints.

    Args:
        facts: As `gather_facts` returns them.
    """
    success = facts["success"]
    episodes = facts["episodes"]
    lines = [
        f"dataset    {facts['path']} (format {facts['format_version']}, "
        f"{facts['bytes'] / 1e6:.1f} MB, {duration(facts['seconds'])})",
        f"task       {facts['task']}",
        f"episodes   {episodes['count']} (ids {episodes['ids']})"
        + (f", deleted {episodes['deleted_ids']}" if episodes["deleted_ids"] else ""),
        f"splits     {_counts(facts['splits'])}",
        f"policies   {_counts(facts['policies'])}",
        f"bodies     {_counts(facts['embodiments'])}",
        f"codecs     {_counts(facts['codecs'])}",
    ]
    lines += [f"simulators {_counts(facts['simulators'])}"] if facts["simulators"] else []
    lines.append(f"success    {success['done']} of {success['known']} where it is known")
    lines += _marks(facts["marks"])
    lines += [f"edited     {one}" for one in facts["history"]]
    lines += [
        "",
        f"{'view':<12} {'episodes':>8} {'size':>9} {'frames':>8} {'length':>9} {'fps':>12} "
        f"{'late':>5} {'dropped':>7}",
    ]
    return lines + [_view_line(view, entry) for view, entry in facts["views"].items()]


def duration(seconds: float) -> str:
    """Return a time as people say it, such as "4.2 s", "3 min 20 s" or "2 h 5 min"."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())


def _marks(marks: list[dict[str, Any]]) -> list[str]:
    if not marks:
        return []
    shown = [f"marked     episode {one['episode']}: {one['mark']}" for one in marks[:3]]
    more = len(marks) - len(shown)
    return shown + ([f"           and {more} more (--json has all)"] if more else [])


def _view_line(view: str, entry: dict[str, Any]) -> str:
    return (
        f"{view:<12} {entry['episodes']:>8} {','.join(entry['sizes']):>9} {entry['frames']:>8} "
        f"{_range(entry['length_frames'], '.0f'):>9} {_range(entry['fps_measured'], '.2f'):>12} "
        f"{entry['late_frames']:>5} {entry['dropped_frames']:>7}"
    )


def _range(values: list[float], form: str) -> str:
    if not values:
        return "-"
    low, high = format(values[0], form), format(values[1], form)
    return low if low == high else f"{low}-{high}"


def main(arguments: list[str]) -> None:
    """Run the command."""
    parse_and_run(info, arguments)

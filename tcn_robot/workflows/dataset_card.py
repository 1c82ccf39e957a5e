"""A dataset card: what a stranger needs to know of a dataset, in Markdown, with a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tcn_robot.errors import UserError
from tcn_robot.workflows.dataset_facts import episode_seconds
from tcn_robot.workflows.info import duration

if TYPE_CHECKING:
    import numpy as np

    from tcn_robot.recordings import Episode, Recording

STRIP_COLUMNS = 6
PICTURE_HEIGHT_PX = 120
GAP_PX = 3
TO_FILL_IN = "_to be filled in_"


def write_card(recording: Recording, facts: dict[str, Any], path: Path) -> list[Path]:
    """Write a card and its picture; return their paths.

    Args:
        recording: The dataset.
        facts: As `gather_facts` returns them.
        path: The Markdown file; the picture has the same name and ends in `.png`.
    """
    import cv2

    from tcn_robot.atomic import write_text_atomically

    if path.suffix.lower() != ".md":
        raise UserError(f"--card writes Markdown; give a name that ends in .md, found {path}")
    picture = path.with_suffix(".png")
    path.parent.mkdir(parents=True, exist_ok=True)
    encoded = cv2.imencode(".png", _first_strip(recording)[:, :, ::-1])[1]
    picture.write_bytes(encoded.tobytes())
    write_text_atomically(path, "\n".join(card_lines(recording, facts, picture.name)) + "\n")
    return [path, picture]


def card_lines(recording: Recording, facts: dict[str, Any], picture: str) -> list[str]:
    """Return the lines of a dataset card."""
    success = facts["success"]
    rows = {
        "Task": _code(facts["task"]),
        "Episodes": f"{facts['episodes']['count']}, {duration(facts['seconds'])} in all",
        "Splits": _counts(facts["splits"]),
        "Who acted": _counts(facts["policies"]),
        "Bodies": _counts(facts["embodiments"]),
        "Recorded with": _counts(facts["simulators"]) or "cameras or films",
        "Times": ", ".join(f"clock {_code(name)}" for name in facts["clocks"]),
        "Success": f"{success['done']} of {success['known']} episodes where it is known",
        "Size": f"{facts['bytes'] / 1e6:.1f} MB, codec {_counts(facts['codecs'])}",
        "Licence": TO_FILL_IN,
        "Contact": TO_FILL_IN,
    }
    return [
        f"# {Path(facts['path']).resolve().name}",
        "",
        f"![{', '.join(facts['views'])}: one row each, in the order of time]({quote(picture)})",
        "",
        "| | |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in rows.items()),
        "",
        "## Views",
        "| view | episodes | size | frames | length | frames/s, measured | late | missing "
        "| calibrated |",
        "|---|---|---|---|---|---|---|---|---|",
        *(_view_row(view, entry) for view, entry in facts["views"].items()),
        "",
        *_length_lines(recording),
        *_quality_lines(recording, facts),
        "## How to read it",
        "```python",
        "import tcn_robot",
        "",
        f"recording = tcn_robot.open_recording({Path(facts['path']).name!r})",
        f"episode = recording.by_id({recording.ids[0]})",
        f"episode.frames({recording[0].views[0]!r})      # uint8 (T, H, W, 3)",
        f"episode.timestamps({recording[0].views[0]!r})  # float64 (T,), seconds",
        "```",
        f"Dataset format {facts['format_version']} of tcn_robot: MP4 films, Parquet tables and "
        "JSON, nothing that runs.",
    ]


def _length_lines(recording: Recording) -> list[str]:
    import numpy as np

    lengths = [episode_seconds(episode) for episode in recording]
    low, middle, high = np.quantile(lengths, (0, 0.5, 1))
    return [f"Episodes last {low:.1f} to {high:.1f} s, half of them up to {middle:.1f} s.", ""]


def _quality_lines(recording: Recording, facts: dict[str, Any]) -> list[str]:
    """Return what is wrong with the dataset, as far as can be told without decoding films."""
    from tcn_robot.recordings import dataset_faults, find_faults

    found = [f"- {fault}" for fault in dataset_faults(recording.path)]
    for id, faults in find_faults(recording, decode=False):
        found += [f"- episode {id}: {fault}" for fault in faults]
    found += [f"- episode {one['episode']}: {one['mark']}" for one in facts["marks"]]
    history = [f"- {one}" for one in facts["history"]]
    return [
        "## What is known to be wrong",
        *([_plain(line) for line in found] or ["`tcn-robot check --quick` finds nothing."]),
        "",
        *(["## Edits", *map(_plain, history), ""] if history else []),
    ]


def _first_strip(recording: Recording) -> np.ndarray:
    """Return the strip of the first episode that can be read."""
    for episode in recording:
        try:
            return picture_strip(episode)
        except UserError:  # a card is written of faulty datasets too, and says what is wrong
            continue
    raise UserError(f"no episode of {recording.path} can be read; see `tcn-robot check`")


def picture_strip(episode: Episode) -> np.ndarray:
    """Return uint8 (H, W, 3): a row of pictures for each view, at the same times in each row."""
    import cv2
    import numpy as np

    from tcn_robot.matching import nearest_frames

    times = {view: episode.timestamps(view) for view in episode.views}
    wanted = np.linspace(
        min(one[0] for one in times.values()), max(one[-1] for one in times.values()), STRIP_COLUMNS
    )
    rows = []
    for view in episode.views:
        frames = _frames_at(episode, view, nearest_frames(wanted, times[view]))
        height, width = frames[0].shape[:2]
        size = (max(1, round(width * PICTURE_HEIGHT_PX / height)), PICTURE_HEIGHT_PX)
        shown = [cv2.resize(one, size, interpolation=cv2.INTER_AREA) for one in frames]
        margin = ((0, GAP_PX), (0, GAP_PX), (0, 0))
        apart = [np.pad(one, margin, constant_values=255) for one in shown]
        rows.append(np.concatenate(apart, axis=1))
    widest = max(row.shape[1] for row in rows)
    filled = [
        np.pad(row, ((0, 0), (0, widest - row.shape[1]), (0, 0)), constant_values=255)
        for row in rows
    ]
    return np.concatenate(filled)[:-GAP_PX, :-GAP_PX]


def _frames_at(episode: Episode, view: str, indices: np.ndarray) -> list[np.ndarray]:
    """Return some frames of a film, decoded one by one: a long film does not fit the memory."""
    from tcn_robot.recordings.format import video_name
    from tcn_robot.recordings.video import iterate_video

    wanted = set(indices.tolist())
    film = enumerate(iterate_video(episode.path / video_name(view)))
    found = {index: frame for index, (_, frame) in film if index in wanted}
    if found.keys() != wanted:
        raise UserError(f"the film of view {view!r} in {episode.path} ends too early")
    return [found[index] for index in indices.tolist()]


def _view_row(view: str, entry: dict[str, Any]) -> str:
    low, high = entry["length_frames"]
    rates = " to ".join(dict.fromkeys(f"{rate:.2f}" for rate in entry["fps_measured"])) or "-"
    return (
        f"| {_code(view)} | {entry['episodes']} | {', '.join(entry['sizes'])} | {entry['frames']} "
        f"| {low if low == high else f'{low} to {high}'} | {rates} | {entry['late_frames']} "
        f"| {entry['dropped_frames']} | {'yes' if entry['has_intrinsics'] else 'no'} |"
    )


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{_plain(name)} {count}" for name, count in counts.items())


def _code(text: str) -> str:
    return f"`{text.replace('`', ' ').replace('|', '/')}`"


def _plain(text: str) -> str:
    """Return a text in which Markdown sees neither tables, links nor HTML."""
    for mark in "\\|<>[]*_`":
        text = text.replace(mark, f"\\{mark}")
    return " ".join(text.split())

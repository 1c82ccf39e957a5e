"""Faults of an episode's files and of what `episode.json` says: names, hashes, sizes, values."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tcn_robot.recordings import format as dataset_format
from tcn_robot.recordings.checking.kinds import Fault
from tcn_robot.recordings.reader import Episode

MAXIMUM_PX = 16_384
MAXIMUM_FPS = 10_000.0
MAXIMUM_FRAMES = 50_000_000
_SHOWN_DIGITS = 12


def file_faults(episode: Episode) -> Iterator[Fault]:
    """Yield what is wrong with the files: missing, changed, foreign, names that lead out."""
    folder = episode.path
    files = episode.metadata.get("files", {})
    if not isinstance(files, dict):
        yield Fault("damaged-metadata", f"{folder}: `files` should be an object, found {files!r}")
        return
    for name, expected in files.items():
        path = folder / name
        if Path(name).name != name or _leads_out(path, folder):
            yield Fault("unsafe-name", f"{folder}: the file name {name!r} leads out of the folder")
        elif not path.is_file():
            message = f"{path} is missing"
            yield Fault("missing-file", message, _view_of(episode, name), file=name)
        else:
            yield from _changed(path, expected, _view_of(episode, name))
    known = {*files, dataset_format.EPISODE_FILE}
    for path in sorted(folder.iterdir()):
        if path.name not in known and not path.name.startswith("."):
            yield Fault("foreign-file", f"{path} does not belong to the episode")


def _changed(path: Path, expected: Any, view: str | None) -> Iterator[Fault]:
    entry = expected if isinstance(expected, dict) else {}
    size_bytes = path.stat().st_size
    # The size tells without reading; most damage is a file that was cut.
    if size_bytes == entry.get("bytes") and dataset_format.file_hash(path) == entry.get("sha256"):
        return
    yield Fault(
        "changed-file",
        f"{path} is not what was recorded: expected {entry.get('bytes')} bytes with SHA-256 "
        f"{str(entry.get('sha256'))[:_SHOWN_DIGITS]}, found {size_bytes} bytes",
        view,
        file=path.name,
    )


def _leads_out(path: Path, folder: Path) -> bool:
    return path.is_symlink() and not path.resolve().is_relative_to(folder.resolve().parent)


def _view_of(episode: Episode, name: str) -> str | None:
    view = Path(name).stem
    return view if view in episode.views and name == dataset_format.video_name(view) else None


def value_faults(episode: Episode) -> Iterator[Fault]:
    """Yield what `episode.json` says that cannot be, or that the format does not know."""
    metadata, where = episode.metadata, episode.path / dataset_format.EPISODE_FILE
    clock = metadata.get("clock") or {}
    for name, value, known in (
        ("split", metadata.get("split"), dataset_format.SPLITS),
        ("codec", episode.codec, dataset_format.KNOWN_CODECS),
        ("clock", clock.get("name") if isinstance(clock, dict) else clock, dataset_format.CLOCKS),
    ):
        if value not in (*known, None):
            yield Fault("unknown-value", f"{where}: {name} {value!r} is none of {', '.join(known)}")
    yield from _absurd(where, "fps_asked", metadata.get("fps_asked"), 1e-6, MAXIMUM_FPS)
    for view, entry in metadata["views"].items():
        for name, most in (("width_px", MAXIMUM_PX), ("height_px", MAXIMUM_PX)):
            yield from _absurd(where, name, entry[name], 1, most, view)
        yield from _absurd(where, "frames", entry["frames"], 1, MAXIMUM_FRAMES, view)


def _absurd(
    where: Path, name: str, value: Any, least: float, most: float, view: str | None = None
) -> Iterator[Fault]:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if is_number and math.isfinite(value) and least <= value <= most:
        return
    of = "" if view is None else f" of view {view!r}"
    message = f"{where}: {name}{of} should lie between {least:g} and {most:g}, found {value!r}"
    yield Fault("absurd-value", message, view)

"""`tcn-robot import`: recordings of another project become a dataset, by file."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from tcn_robot.errors import UserError, unknown_name
from tcn_robot.recordings.format import SPLITS
from tcn_robot.workflows.capture_options import size_of
from tcn_robot.workflows.folders import refuse_nested
from tcn_robot.workflows.options import parse_and_run

if TYPE_CHECKING:
    from tcn_robot.recordings import DatasetWriter
    from tcn_robot.recordings.formats.foreign import ForeignDataset
    from tcn_robot.recordings.formats.importing import Imported, ImportOptions

LEFT_OUT_EXIT_CODE = 2


def import_recordings(
    format: Annotated[str, tyro.conf.Positional],
    source: Annotated[Path, tyro.conf.Positional],
    out: Annotated[Path, tyro.conf.Positional],
    /,
    *,
    task: str | None = None,
    split: str | None = None,
    limit: int | None = None,
    size: str | None = None,
    rate: float | None = None,
    encode: Literal["as-needed", "h264", "lossless"] = "as-needed",
    folders: Literal["views", "episodes"] | None = None,
    list_number: int = 1,
    follow_links: bool = False,
) -> None:
    """Take recordings of another project over into a dataset.

    Films that browsers play (H.264, AV1, VP9) are taken over as they are, others encoded anew, and
    said so. An episode is whole or absent; a run that was interrupted goes on where it stopped.
    Episodes that cannot be read are left out and named, and the exit code is then 2.

    Args:
        format: lerobot-v3, lerobot-v2.1, tcn, ucf101, frames, a plug-in's name or module:Class.
        source: Folder of the recordings; it is only read.
        out: Folder of the dataset; it may exist, episodes are added.
        task: What is shown; default: as the recordings or their folder say.
        split: Put all episodes into train, valid or test; default: as the recordings say.
        limit: Take the first so many episodes only.
        size: Size of the pictures, WIDTHxHEIGHT; all films are then encoded anew.
        rate: Frames per second of pictures that have no times.
        encode: Encode all films anew; lossless keeps every bit of every picture.
        folders: Whether folders of pictures are views of one episode or episodes.
        list_number: Which of several lists of splits to use, as in trainlist01.txt.
        follow_links: Take files over that links lead to, wherever they are.
    """
    from tcn_robot.recordings import DatasetWriter
    from tcn_robot.recordings.checking.files import MAXIMUM_PX
    from tcn_robot.recordings.formats.foreign import ReadOptions
    from tcn_robot.recordings.formats.importing import ImportOptions
    from tcn_robot.recordings.formats.table import reader_named

    if split is not None and split not in SPLITS:
        raise unknown_name("split", split, SPLITS)
    if limit is not None and limit < 1:
        raise UserError(f"--limit must be at least 1, found {limit}")
    if rate is not None and not 0 < rate <= 1_000:
        raise UserError(f"--rate must lie between 0 and 1000 frames per second, found {rate}")
    refuse_nested(source, out)
    size_px = None if size is None else size_of(size)
    if size_px is not None and not 1 <= min(size_px) <= max(size_px) <= MAXIMUM_PX:
        raise UserError(
            f"--size should lie between 1x1 and {MAXIMUM_PX}x{MAXIMUM_PX}, found {size}"
        )
    asked = {
        **{"size": size, "rate": rate, "encode": encode, "split": split, "folders": folders},
        "list-number": None if list_number == 1 else list_number,
    }
    options = ImportOptions(format, size_px, encode != "as-needed", asked, split)
    reading = ReadOptions(rate, folders, list_number, follow_links)
    found = reader_named(format).read(source, reading)
    for note in found.notes:
        print(f"note: {note}")
    shown = task or found.task or source.resolve().name
    codec = "lossless" if encode == "lossless" else "h264"
    with DatasetWriter(out, shown, codec, kind="film") as writer:
        done, there = _take_over(found, writer, options, limit)
    _summarise(out, done, there, codec)


def _take_over(
    found: ForeignDataset, writer: DatasetWriter, options: ImportOptions, limit: int | None
) -> tuple[list[Imported], int]:
    """Import episode by episode; return what became of them and how many were there already."""
    from tcn_robot.progress import progress
    from tcn_robot.recordings.formats.importing import import_episodes

    episodes = found.episodes[:limit]
    done: list[Imported] = []
    there = 0
    results = import_episodes(episodes, writer, options)
    for result in progress(results, len(episodes), f"importing into {writer.path}", "episodes"):
        if result is None:
            there += 1
            continue
        done.append(result)
        where = f"left out: {result.refused}" if result.refused else f"episode {result.id}"
        for line in [where] if result.refused else [f"{where}: {note}" for note in result.notes]:
            print(f"{result.name}: {line}")
    return done, there


def _summarise(out: Path, done: list[Imported], there: int, codec: str) -> None:
    taken = [one for one in done if one.refused is None]
    refused = len(done) - len(taken)
    reasons = Counter(reason for one in taken for reason in one.anew.values())
    kept = sum(len(one.frames) - len(one.anew) for one in taken)
    frames = sum(sum(one.frames.values()) for one in taken)
    if muted := sum(len(one.muted) for one in taken):
        print(f"{muted} films had sound, which has no place: left out")
    for reason, count in reasons.most_common():
        print(f"{count} views encoded anew as {codec}: {reason}")
    print(
        f"{out}: {len(taken)} episodes imported ({frames} frames, {kept} films taken over as they "
        f"are)"
        + (f", {there} were there" if there else "")
        + (f", {refused} left out" if refused else "")
    )
    if refused:
        sys.exit(LEFT_OUT_EXIT_CODE)


def main(arguments: list[str]) -> None:
    """Run the command."""
    parse_and_run(import_recordings, arguments, "import")

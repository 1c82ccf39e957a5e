"""`tcn-robot export`: a dataset in the format of another project, by file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import tyro

from tcn_robot.errors import UserError
from tcn_robot.workflows.folders import exclusive_folder, refuse_nested
from tcn_robot.workflows.options import parse_and_run


def export_recordings(
    format: Annotated[str, tyro.conf.Positional],
    dataset: Annotated[Path, tyro.conf.Positional],
    out: Annotated[Path, tyro.conf.Positional],
    /,
    *,
    views: tuple[str, ...] = (),
    rate: float | None = None,
    resample: bool = False,
    encode: Literal["as-needed", "h264", "lossless"] = "as-needed",
) -> None:
    """Write a dataset in the format of another project.

    The folder appears as a whole when all is written. What the format cannot hold is said at the
    end, one line each; nothing is lost in silence.

    Args:
        format: lerobot-v3, tcn, ucf101, frames, a plug-in's name or module:Class.
        dataset: Folder of the dataset; it is only read.
        out: New folder.
        views: Views to write; default: all.
        rate: Frames per second, where the format has one rate for all; default: as measured.
        resample: Bring views of unequal lengths or rates onto one grid by their nearest frames.
        encode: Encode all films anew; lossless keeps every bit of every picture.
    """
    from tcn_robot.progress import progress
    from tcn_robot.recordings import open_recording
    from tcn_robot.recordings.formats.foreign import WriteOptions
    from tcn_robot.recordings.formats.losses import Losses
    from tcn_robot.recordings.formats.table import writer_named

    if rate is not None and not 0.001 <= rate <= 1_000:
        raise UserError(f"--rate must lie between 0.001 and 1000 frames per second, found {rate}")
    writer = writer_named(format)
    recording = open_recording(dataset)
    if out.is_symlink():
        raise UserError(f"{out} is a link; give a new folder, or where the link leads")
    refuse_nested(dataset, out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out} is there already; give a new folder")
    options = WriteOptions(rate, resample, encode, views or None)
    losses = Losses(writer.LOSSES)
    with exclusive_folder(out) as partial:
        written = writer.write(recording, partial, options, losses)
        count = sum(1 for _ in progress(written, len(recording), f"exporting {out}", "episodes"))
    for line in losses.lines():
        print(f"lost: {line}")
    print(f"{out}: {count} episodes exported as {format}")


def main(arguments: list[str]) -> None:
    """Run the command."""
    parse_and_run(export_recordings, arguments, "export")

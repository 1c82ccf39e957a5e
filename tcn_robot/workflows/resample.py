"""`tcn-robot resample`: brings a filmed dataset onto one clock, into another dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from tcn_robot.errors import UserError
from tcn_robot.workflows.options import parse_and_run

MAXIMUM_RATE_HZ = 1_000.0


def resample(
    dataset: Annotated[Path, tyro.conf.Positional],
    /,
    *,
    out: Path,
    rate: float,
    apply_offsets: bool = False,
) -> None:
    """Give every view the same instants, each shown by its nearest frame.

    The original stays as it is. No picture is made up; `resampling.parquet` of each episode says
    which frame is shown and how far in time it is from its instant. A run that was interrupted goes
    on where it stopped.

    Args:
        dataset: Folder of a dataset that `tcn-robot capture` or `import` wrote.
        out: Folder of the new dataset.
        rate: Instants per second.
        apply_offsets: Take the delay that was estimated for each camera off its times first.
    """
    from tcn_robot.progress import progress
    from tcn_robot.recordings import DatasetWriter, open_recording
    from tcn_robot.recordings.capture.resampling import refuse_simulated
    from tcn_robot.recordings.capture.resampling import resample as resample_recording
    from tcn_robot.recordings.format import encoding_codec

    if not 0 < rate <= MAXIMUM_RATE_HZ:
        raise UserError(f"--rate must lie between 0 and {MAXIMUM_RATE_HZ:g}, found {rate}")
    recording = open_recording(dataset)
    if out.resolve() == dataset.resolve():
        raise UserError(f"--out must be another folder than {dataset}; datasets are not changed")
    refuse_simulated(recording)
    codec = encoding_codec(recording[0].codec)
    with DatasetWriter(out, recording.task, codec, kind="film") as writer:
        left = len(set(recording.ids) - set(writer.episode_ids()))
        done = resample_recording(recording, writer, rate, apply_offsets)
        for result in progress(done, left, f"resampling {dataset}", "episodes"):
            views = ", ".join(
                f"{view} {result.repeated[view]} repeated, {result.skipped[view]} skipped, up to "
                f"{1e3 * result.worst_error_seconds[view]:.0f} ms off"
                for view in result.repeated
            )
            print(f"episode {result.id}: {result.instants} instants; {views}")


def main(arguments: list[str]) -> None:
    """Run the command."""
    parse_and_run(resample, arguments)

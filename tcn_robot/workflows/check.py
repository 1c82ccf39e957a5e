"""`tcn-robot check`: says what is wrong with a dataset, and changes nothing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import tyro

from tcn_robot.workflows.options import parse_and_run

FAULTY_EXIT_CODE = 2


def check(dataset: Annotated[Path, tyro.conf.Positional], /, *, quick: bool = False) -> None:
    """Check every file of a dataset: hashes, times, and that every film decodes to its frames.

    Prints one line per fault and leaves with exit code 2 when there is one.

    Args:
        dataset: Folder of the dataset.
        quick: Leave out the decoding of the films; hashes and times are still checked.
    """
    from tcn_robot.progress import progress
    from tcn_robot.recordings import find_faults, open_recording
    from tcn_robot.recordings.format import list_partial_names

    recording = open_recording(dataset)
    results = progress(
        find_faults(recording, decode=not quick), len(recording), f"checking {dataset}", "episodes"
    )
    faults = [(id, line) for id, lines in results for line in lines]
    for id, line in faults:
        print(f"episode {id}: {line}")
    partial = list_partial_names(dataset)
    if partial:
        print(
            f"note: an interrupted recorder left {len(partial)} unfinished episodes hidden; the "
            "next `tcn-robot record` into this folder removes them"
        )
    faulty = {id for id, _ in faults}
    print(f"{dataset}: {len(recording)} episodes checked, {len(faulty)} faulty")
    if faulty:
        sys.exit(FAULTY_EXIT_CODE)


def main(arguments: list[str]) -> None:
    """Run the command."""
    parse_and_run(check, arguments)

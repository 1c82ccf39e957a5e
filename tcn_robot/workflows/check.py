"""`tcn-robot check`: says what is wrong with a dataset, and changes nothing."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from tcn_robot.errors import UserError
from tcn_robot.workflows.options import parse_and_run
from tcn_robot.workflows.resumable_jobs import check_workers

if TYPE_CHECKING:
    from tcn_robot.recordings import Fault

FAULTY_EXIT_CODE = 2
# What was found, by episode; None for the dataset as a whole.
Found = list[tuple[int | None, "Fault"]]


def check(
    dataset: Annotated[Path, tyro.conf.Positional],
    /,
    *,
    quick: bool = False,
    workers: int | None = None,
    json_file: Annotated[Path | None, tyro.conf.arg(name="json")] = None,
    repair: bool = False,
    out: Path | None = None,
    in_place: bool = False,
    accept_changes: bool = False,
) -> None:
    """Check every file of a dataset: hashes, times, pictures, what the robot did.

    Prints one line per fault and leaves with exit code 2 when there is one. Notes are worth
    knowing and no faults. With --repair it mends what can be mended, into a copy.

    Args:
        dataset: Folder of the dataset.
        quick: Leave out the decoding of the films; hashes and times are still checked.
        workers: Episodes to check at a time; default: as many as there are cores.
        json_file: Write what was found to this file, too.
        repair: Mend instead: films are cut where they break, lost times taken from the films,
            foreign files left out, what cannot be mended set aside.
        out: Folder of the mended copy; default: the dataset's name with "-repaired".
        in_place: Mend the dataset itself; what is replaced is set aside in it, hidden.
        accept_changes: Let --repair take files as they are whose hash is another one.
    """
    if repair:
        from tcn_robot.workflows.repair import repair as mend

        mend(dataset, out, in_place, accept_changes, quick)
        return
    if out is not None or in_place or accept_changes:
        raise UserError("--out, --in-place and --accept-changes belong to --repair; add it")
    found, num_episodes = find(dataset, quick, workers)
    for id, fault in found:
        where = "" if id is None else f"episode {id}: "
        print(f"{where}{'' if fault.is_fault else 'note: '}{fault}  [{fault.kind}]")
    faulty = {id for id, fault in found if fault.is_fault and id is not None}
    notes = sum(not fault.is_fault for _, fault in found)
    print(
        f"{dataset}: {num_episodes} episodes checked, {len(faulty)} faulty"
        + (f", {notes} notes" if notes else "")
    )
    if json_file is not None:
        write_findings(json_file, dataset, num_episodes, found)
    if any(fault.is_fault for _, fault in found):
        sys.exit(FAULTY_EXIT_CODE)


def find(dataset: Path, quick: bool = False, workers: int | None = None) -> tuple[Found, int]:
    """Return what was found, and the number of episodes that were checked.

    Args:
        dataset: Folder of the dataset.
        quick: Leave out the decoding of the films.
        workers: Episodes at a time; as many as there are cores when None.

    Raises:
        UserError: If the folder is no dataset, or has no episode and no fault.
    """
    from tcn_robot.progress import progress
    from tcn_robot.recordings import dataset_faults, find_faults, open_recording
    from tcn_robot.recordings.checking.kinds import UNREADABLE

    check_workers(workers)
    found: Found = [(None, fault) for fault in dataset_faults(dataset)]
    if any(fault.kind in UNREADABLE for _, fault in found):
        return found, 0
    recording = open_recording(dataset)
    threads = workers or os.cpu_count() or 1
    results = find_faults(recording, decode=not quick, workers=threads)
    for id, faults in progress(results, len(recording), f"checking {dataset}", "episodes"):
        found += [(id, fault) for fault in faults]
    return found, len(recording)


def write_findings(path: Path, dataset: Path, num_episodes: int, found: Found) -> None:
    """Write what was found as JSON."""
    from tcn_robot.atomic import write_text_atomically

    content = {
        "schema_version": 1,
        "dataset": dataset.name,
        "episodes": num_episodes,
        "counts": dict(sorted(Counter(fault.kind for _, fault in found).items())),
        "findings": [{"episode": id, **fault.as_json()} for id, fault in found],
    }
    write_text_atomically(path, json.dumps(content, indent=2) + "\n")


def main(arguments: list[str]) -> None:
    """Run the command."""
    parse_and_run(check, arguments)

"""`tcn-robot record-actions`: short films of actions, in UCF101's layout."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tcn_robot.errors import FULL, UserError, unknown_name
from tcn_robot.workflows.action_clips import (
    ActionsRequest,
    is_whole,
    planned_clips,
    read_record,
    record_scene,
)
from tcn_robot.workflows.action_lists import NUM_SPLITS, write_lists
from tcn_robot.workflows.options import parse_and_run
from tcn_robot.workflows.resumable_jobs import check_workers

INTERRUPTED_EXIT_CODE = 130
MINIMUM_PX, MAXIMUM_PX = 16, 4096
MAXIMUM_SCENES = MAXIMUM_CLIPS = 99
REQUEST_FILE = "request.json"


def record_actions(
    *,
    out: Path,
    scenes: int = 25,
    clips: int = 3,
    classes: tuple[str, ...] = (),
    embodiments: tuple[str, ...] = ("robot", "hand", "tongs"),
    views: tuple[str, ...] = ("front", "left", "right", "top", "corner"),
    size: int = 128,
    randomise: tuple[str, ...] = ("all",),
    moving_cameras: bool = False,
    seed: int = 0,
    workers: int = 1,
) -> None:
    """Record an action-recognition set: UCF101's layout, three splits by scene.

    Films of the same scene share where things start and how everything looks; bodies and views are
    mixed. The same options give the same films, byte for byte, whatever the number of workers.
    A run that was interrupted goes on where it stopped.

    Args:
        out: Folder of the set.
        scenes: Number of scenes; UCF101 calls them groups and has 25.
        clips: Films of each class in each scene.
        classes: Actions; all when none is given.
        embodiments: Bodies that act.
        views: Cameras that film.
        size: Width and height of the films in pixels, even.
        randomise: What every scene draws anew: light, colour, texture, camera, distractors,
            friction, mass, or all.
        moving_cameras: Let the fixed cameras drift as if held by hand.
        seed: Seed of the set.
        workers: Number of processes.
    """
    request = checked_request(
        ActionsRequest(
            classes, scenes, clips, embodiments, views, size, randomise, moving_cameras, seed
        )
    )
    check_workers(workers)
    from tcn_robot.recordings.lock import DatasetLock

    claim(out, request)
    lock = DatasetLock(out)
    try:
        record_set(out, request, workers)
    finally:
        lock.release()


def checked_request(request: ActionsRequest) -> ActionsRequest:
    """Return the request in full, every name and number of it checked.

    Raises:
        UserError: With what is wrong and the nearest name.
    """
    from tcn_robot.envs.actions import ACTIONS
    from tcn_robot.envs.bodies import BODIES
    from tcn_robot.envs.cameras import VIEW_NAMES
    from tcn_robot.envs.randomisation.table import RANGES, chosen_names

    for name, value, low, high in (
        ("--scenes", request.scenes, NUM_SPLITS, MAXIMUM_SCENES),
        ("--clips", request.clips, 1, MAXIMUM_CLIPS),
        ("--size", request.size_px, MINIMUM_PX, MAXIMUM_PX),
    ):
        if not low <= value <= high:
            raise UserError(f"{name} must lie between {low} and {high}, found {value}")
    if request.size_px % 2:
        raise UserError(f"--size must be even, found {request.size_px}")
    if request.seed < 0:
        raise UserError(f"--seed must be at least 0, found {request.seed}")
    for kind, names, known in (
        ("action", request.classes, tuple(ACTIONS)),
        ("embodiment", request.embodiments, tuple(BODIES)),
        ("view", request.views, VIEW_NAMES),
    ):
        _check_names(kind, names, known)
    if not (request.embodiments and request.views):
        raise UserError("--embodiments and --views need at least one name each")
    return dataclasses.replace(
        request,
        classes=tuple(name for name in ACTIONS if name in request.classes or not request.classes),
        randomise=chosen_names(request.randomise, tuple(RANGES)),
    )


def _check_names(kind: str, names: Sequence[str], known: Sequence[str]) -> None:
    for name in names:
        if name not in known:
            raise unknown_name(kind, name, known)
    if len(set(names)) < len(names):
        raise UserError(f"{kind} named twice in {' '.join(names)}")


def claim(out: Path, request: ActionsRequest) -> None:
    """Begin a set, or go on with one that was begun with the same options.

    Raises:
        UserError: When the folder holds something else.
    """
    from tcn_robot.atomic import write_text_atomically

    text = json.dumps({"schema_version": 1, **dataclasses.asdict(request)}, indent=2) + "\n"
    path = out / REQUEST_FILE
    if path.is_file():
        found = _read_request(path)
        for name, value in json.loads(text).items():
            if found.get(name) != value:
                raise UserError(
                    f"{out} was begun with {name} {found.get(name)!r}, found {value!r}; give the "
                    "same options to go on with it, or another --out"
                )
        return
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out} exists already and is no set of actions; give another --out")
    out.mkdir(parents=True, exist_ok=True)
    write_text_atomically(path, text)


def _read_request(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UserError(f"{path} is damaged ({error}); give another --out") from error
    return found if isinstance(found, dict) else {}


def record_set(out: Path, request: ActionsRequest, workers: int) -> None:
    """Record what is missing, with progress, and write the lists.

    Raises:
        UserError: When an action is not achieved or the disk is full.
        SystemExit: With code 130 after Ctrl-C.
    """
    scenes = range(1, request.scenes + 1)
    planned = {group: planned_clips(request, group) for group in scenes}
    missing = {
        group: sum(not is_whole(out, clip) for clip in clips) for group, clips in planned.items()
    }
    try:
        _record_missing(out, request, missing, workers)
    except KeyboardInterrupt:
        print(f"\ninterrupted; the same command goes on with {out}", file=sys.stderr)
        raise SystemExit(INTERRUPTED_EXIT_CODE) from None
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise UserError(
            f"the disk of {out} is full ({error.strerror}); free some space and give the same "
            "command again"
        ) from error
    clips = sorted(
        (clip for of_scene in planned.values() for clip in of_scene), key=lambda clip: clip.path
    )
    write_lists(out, request, clips, [read_record(out, clip) for clip in clips])
    print(
        f"{out}: {len(clips)} films of {len(request.classes)} actions in {request.scenes} scenes, "
        f"{sum(missing.values())} of them new"
    )


def _record_missing(
    out: Path, request: ActionsRequest, missing: dict[int, int], workers: int
) -> None:
    from tcn_robot.policies.processes import Job, run_jobs
    from tcn_robot.progress import Progress

    waiting = [group for group, count in missing.items() if count]
    with Progress(sum(missing.values()), f"recording {out}", "films") as display:
        if workers == 1 or len(waiting) <= 1:
            for group in waiting:
                record_scene(str(out), request, group, display.advance)
            return
        groups = {f"scene {group}": group for group in waiting}
        jobs = [Job(name, record_scene, (str(out), request, g)) for name, g in groups.items()]
        run_jobs(jobs, workers, lambda job: display.advance(missing[groups[job.name]]))


def main(arguments: list[str]) -> None:
    """Run the command with these arguments."""
    parse_and_run(record_actions, arguments)

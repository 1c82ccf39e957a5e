"""`tcn-robot record`: films a simulated task from several cameras into a dataset."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from tcn_robot.errors import FULL, UserError
from tcn_robot.workflows.options import parse_and_run
from tcn_robot.workflows.recording_job import (
    MAXIMUM_PX,
    MINIMUM_PX,
    EpisodeSummary,
    RecordingJob,
    describe_policy,
    open_source,
    record_episodes,
    resolve_policy,
)
from tcn_robot.workflows.recording_workers import record_in_processes
from tcn_robot.workflows.teleoperation import DEVICES, teleoperate

if TYPE_CHECKING:
    from tcn_robot.recordings import DatasetWriter

NUM_DEFAULT_VIEWS = 3
INTERRUPTED_EXIT_CODE = 130


def record(
    task: Annotated[str, tyro.conf.Positional],
    /,
    *,
    out: Path,
    episodes: int,
    views: tuple[str, ...] = (),
    size: int = 84,
    embodiment: str = "robot",
    policy: str = "expert",
    seed: int = 0,
    workers: int = 1,
    split: Literal["train", "valid", "test"] = "train",
    lossless: bool = False,
    randomise: tuple[str, ...] = (),
    moving_cameras: bool = False,
    resume: bool = False,
) -> None:
    """Record episodes of a simulated task from several cameras.

    Adds to an existing dataset of the same task. The same options and seed give the same dataset,
    byte for byte, whatever the number of workers. Ctrl-C keeps the episodes that are whole.

    Args:
        task: Task id, such as MujocoPush-v0.
        out: Folder of the dataset.
        episodes: How many episodes to add.
        views: Cameras to record; the task's first three when none is given.
        size: Width and height of the films in pixels.
        embodiment: Body that does the task.
        policy: expert, play, failure, failure-KIND, random, a run of `tcn-robot imitate`, keyboard
            or gamepad (docs/teleoperation.md), or module:function (takes the environment and a
            random generator, returns an iterator over actions).
        seed: Seed of the dataset; starts and demonstrators of all episodes follow from it.
        workers: Number of processes; a person at the keyboard needs one.
        split: What the episodes are for; another split has other starts under the same seed.
        lossless: Keep every pixel exactly; films are some four times larger.
        randomise: What every episode draws anew: light, colour, texture, camera, distractors,
            friction, mass, or all.
        moving_cameras: Let the fixed cameras drift as if held by hand.
        resume: Record what is missing of the last request instead of adding to it.
    """
    for name, value, least in (
        ("--episodes", episodes, 1),
        ("--size", size, MINIMUM_PX),
        ("--workers", workers, 1),
        ("--seed", seed, 0),
    ):
        if value < least:
            raise UserError(f"{name} must be at least {least}, found {value}")
    if size > MAXIMUM_PX:
        raise UserError(f"--size must be at most {MAXIMUM_PX} px, found {size}")
    if policy in DEVICES and workers > 1:
        raise UserError(f"--policy {policy} is one person: leave --workers out, found {workers}")
    job = plan_job(
        task,
        out,
        views,
        size,
        embodiment,
        policy,
        seed,
        split,
        lossless,
        randomise,
        moving_cameras,
    )
    from tcn_robot.recordings import DatasetWriter

    with DatasetWriter(out, job.task, job.codec) as writer:
        ids = requested_ids(writer, job, episodes, resume)
        if not ids:
            print(f"nothing to do: the last request for {out} is complete ({episodes} episodes)")
            return
        run_job(job, ids, workers)


def plan_job(
    task: str,
    out: Path,
    views: tuple[str, ...],
    size_px: int,
    embodiment: str,
    policy: str,
    seed: int,
    split: str,
    lossless: bool,
    randomise: tuple[str, ...] = (),
    moving_cameras: bool = False,
) -> RecordingJob:
    """Return the job after checking every name in it, before anything is written.

    Raises:
        UserError: For an unknown task, view, embodiment, policy or randomisation, with the nearest
            name.
    """
    from tcn_robot.envs import task_id
    from tcn_robot.envs.rendering import check_views

    full_task = task_id(task)
    if policy not in DEVICES:
        resolve_policy(full_task, policy)
    source = open_source(full_task, embodiment, policy, randomise, moving_cameras)
    try:
        known = tuple(source.view_names)
        # In full and in the table's order, whatever "all" will mean one day.
        randomise = tuple(getattr(source, "randomise", randomise))
        check_views(views, known)
        if len(set(views)) < len(views):
            raise UserError(f"--views names a view twice: {' '.join(views)}")
        # Where nothing renders it is said once, here, and not by every recording process.
        source.reset(seed=0)
        source.render_views(known[:1], (MINIMUM_PX, MINIMUM_PX))
    finally:
        source.close()
    return RecordingJob(
        task=full_task,
        out=out,
        views=views or known[:NUM_DEFAULT_VIEWS],
        size_px=size_px,
        embodiment=embodiment,
        policy=policy,
        seed=seed,
        split=split,
        codec="lossless" if lossless else "h264",
        randomise=randomise,
        moving_cameras=moving_cameras,
    )


def requested_ids(
    writer: DatasetWriter, job: RecordingJob, episodes: int, resume: bool
) -> list[int]:
    """Return the ids to record now, and write the request down for a later `--resume`.

    Raises:
        UserError: If `resume` is given and the last request was another one.
    """
    from tcn_robot.atomic import write_text_atomically
    from tcn_robot.recordings import format as dataset_format

    path = writer.path / dataset_format.REQUEST_FILE
    options = request_options(job)
    present = writer.taken_ids()
    if resume and path.is_file():
        request = dataset_format.read_json(path)
        refuse_other_request(request, {"episodes": episodes, **options})
        first_id = int(request["first_id"])
    else:
        first_id = writer.next_id()
        request = {"first_id": first_id, "episodes": episodes, **options}
        write_text_atomically(path, dataset_format.json_text(request))
    return [id for id in range(first_id, first_id + episodes) if id not in present]


def request_options(job: RecordingJob) -> dict[str, Any]:
    """Return what `request.json` says about a job."""
    return {
        "task": job.task,
        "views": list(job.views),
        "size_px": job.size_px,
        "embodiment": job.embodiment,
        "policy": describe_policy(job.policy),
        "seed": job.seed,
        "split": job.split,
        "codec": job.codec,
        "randomise": list(job.randomise),
        "moving_cameras": job.moving_cameras,
    }


def refuse_other_request(request: dict[str, Any], asked: dict[str, Any]) -> None:
    """Raise a UserError when the last request differs from what is asked now."""
    request = {"randomise": [], "moving_cameras": False, **request}  # older ones lack them
    for name, value in asked.items():
        if request.get(name) != value:
            raise UserError(
                f"--resume completes the last request, which had {name} {request.get(name)!r}, "
                f"found {value!r}; give the same options, or leave --resume out to add episodes"
            )


def run_job(job: RecordingJob, ids: list[int], workers: int) -> None:
    """Record the episodes with a progress display and say what became of them.

    Raises:
        UserError: If the disk is full.
        SystemExit: With code 130 after Ctrl-C.
    """
    from tcn_robot.progress import Progress

    done: list[EpisodeSummary] = []
    start_seconds = time.monotonic()
    try:
        summaries = _summaries(job, ids, workers)
        with Progress(len(ids), f"recording {job.out}", "episodes") as display:
            for summary in summaries:
                done.append(summary)
                steps = sum(one.steps for one in done)
                rate = steps / (time.monotonic() - start_seconds)
                display.advance(note=f"{rate:.0f} steps/s")
    except KeyboardInterrupt:
        left = f"{len(done)} of {len(ids)} episodes are whole in {job.out}"
        print(
            f"\ninterrupted: {left}; the same command with --resume adds the rest", file=sys.stderr
        )
        raise SystemExit(INTERRUPTED_EXIT_CODE) from None
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise UserError(
            f"the disk of {job.out} is full ({error.strerror}): {len(done)} of {len(ids)} episodes "
            "are whole; free some space and give the same command with --resume"
        ) from error
    print(summary_line(job, done))


def _summaries(job: RecordingJob, ids: list[int], workers: int) -> Iterator[EpisodeSummary]:
    """Return what records the episodes: a person, this process, or several."""
    if job.policy in DEVICES:
        from tcn_robot.workflows.view_window import ViewWindow

        return teleoperate(job, ids, ViewWindow(f"{job.task}: {job.policy}"))
    if workers == 1:
        return record_episodes(job, ids)
    return record_in_processes(job, ids, min(workers, len(ids)))


def summary_line(job: RecordingJob, done: list[EpisodeSummary]) -> str:
    """Return one line about the recorded episodes."""
    if not done:
        return f"{job.out}: no episode was kept"
    known = [one.success for one in done if one.success is not None]
    success = f", success in {sum(known)} of {len(known)}" if known else ""
    ids = sorted(one.id for one in done)
    return (
        f"{job.out}: {len(done)} episodes of {job.task} (ids {ids[0]} to {ids[-1]}, "
        f"{job.policy}, {job.split}), {sum(one.steps for one in done)} steps, "
        f"views {' '.join(job.views)}{success}"
    )


def main(arguments: list[str]) -> None:
    """Run the command."""
    parse_and_run(record, arguments)

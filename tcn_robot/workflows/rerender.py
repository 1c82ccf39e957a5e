"""`tcn-robot rerender`: renders a simulated dataset again: further cameras, sizes, looks."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from tcn_robot.errors import FULL, UserError
from tcn_robot.workflows.options import parse_and_run
from tcn_robot.workflows.recording_job import MAXIMUM_PX, MINIMUM_PX
from tcn_robot.workflows.rerender_job import (
    COPIES_STRIDE,
    RerenderJob,
    check_job,
    rerender_episodes,
)
from tcn_robot.workflows.rerender_paired import rerender_paired

if TYPE_CHECKING:
    from tcn_robot.recordings import Recording
    from tcn_robot.recordings.proof import Proof
    from tcn_robot.recordings.rerendering import Rerendered

INTERRUPTED_EXIT_CODE = 130
NUM_NAMED = 5


def rerender(
    dataset: Annotated[Path, tyro.conf.Positional],
    /,
    *,
    out: Path,
    views: tuple[str, ...] = (),
    size: tuple[int, ...] = (),
    add: bool = False,
    randomise: tuple[str, ...] = (),
    moving_cameras: bool = False,
    seed: int = 0,
    copies: int | None = None,
    lossless: bool = False,
    embodiment: str | None = None,
    proof: bool = True,
    workers: int = 1,
) -> None:
    """Render every episode of a simulated dataset again, from stored states and model.

    Writes a new dataset with the same episode ids, steps and splits. A run that was interrupted
    goes on where it stopped when it is given again. Before an episode is written, a recorded view
    is rendered again and compared with its film; what comes out is said and stored
    (docs/rerendering.md).

    With --embodiment the episodes are paired ones: another body is shown where the recorded one
    was, with the same things at the same places and times. It is posed, not simulated, and only
    for measuring how alike an encoder sees two bodies: `tcn-robot train` refuses such a dataset.

    Args:
        dataset: Folder of the recorded dataset.
        out: Folder of the new dataset; with several sizes of a folder OUT/84px for each of them.
        views: Cameras of the stored model to render; the recorded ones when none is given.
        size: Width and height of the films in pixels, or several; as recorded when not given.
        add: Take the recorded films over as they are, and add --views to them.
        randomise: Draw a new look for every episode: light, colour, texture, camera, distractors,
            skin, or all.
        moving_cameras: Let the fixed cameras drift as if held by hand, in a new way.
        seed: From which the looks follow.
        copies: Episodes to make of each one, every one in another look; copy 2 of episode 7 is
            episode 702.
        lossless: Keep every pixel exactly; with --add films are encoded as the recorded ones.
        embodiment: Show this body instead; MuJoCo recordings of the tasks here only.
        proof: Render a recorded view again and compare it with its film.
        workers: Number of processes.
    """
    from tcn_robot.recordings import open_recording

    recording = open_recording(dataset)
    _refuse_bad_values(dataset, out, views, size, seed, copies, workers)
    codec = "lossless" if lossless else "h264"
    draws_looks = bool(randomise) or moving_cameras
    if embodiment is not None:
        if add or draws_looks or copies or len(size) > 1 or workers > 1:
            raise UserError(
                "--embodiment shows another body as it was recorded, in one size: leave out --add, "
                "--randomise, --moving-cameras, --copies, --workers and further sizes"
            )
        rerender_paired(recording, out, views, size[0] if size else None, codec, embodiment)
        return
    _refuse_bad_pairs(views, add, draws_looks, copies, lossless)
    outs = _outs(out, size)
    for path, _ in outs:
        _refuse_within(path, dataset)
    job = RerenderJob(
        dataset=dataset,
        outs=outs,
        views=views,
        codec=codec,
        keeps_films=add,
        looks=randomise,
        moving_cameras=moving_cameras,
        seed=seed,
        copies=copies,
        has_proof=proof,
    )
    run_job(check_job(job, recording), recording, workers)


def _refuse_within(out: Path, dataset: Path) -> None:
    if out.resolve().is_relative_to(dataset.resolve()):
        raise UserError(f"--out must be another folder than {dataset}; datasets are not changed")


def _refuse_bad_values(
    dataset: Path,
    out: Path,
    views: tuple[str, ...],
    sizes: tuple[int, ...],
    seed: int,
    copies: int | None,
    workers: int,
) -> None:
    """Raise a UserError for a value that cannot be, whatever the others are."""
    _refuse_within(out, dataset)
    for size_px in sizes:
        if not MINIMUM_PX <= size_px <= MAXIMUM_PX:
            raise UserError(
                f"--size must lie between {MINIMUM_PX} and {MAXIMUM_PX} px, found {size_px}"
            )
    for name, values in (("--views", views), ("--size", sizes)):
        if len(set(values)) < len(values):
            raise UserError(f"{name} names one twice: {' '.join(str(value) for value in values)}")
    for name, value, least in (("--seed", seed, 0), ("--workers", workers, 1)):
        if value < least:
            raise UserError(f"{name} must be at least {least}, found {value}")
    if copies is not None and not 1 <= copies <= COPIES_STRIDE:
        raise UserError(f"--copies must lie between 1 and {COPIES_STRIDE}, found {copies}")


def _refuse_bad_pairs(
    views: tuple[str, ...], add: bool, draws_looks: bool, copies: int | None, lossless: bool
) -> None:
    """Raise a UserError for options that do not go together."""
    if add and not views:
        raise UserError("--add needs --views: the cameras to add to the recorded ones")
    if add and lossless:
        raise UserError("--add encodes further films as the recorded ones: leave --lossless out")
    if add and draws_looks:
        raise UserError(
            "--add keeps films of the recorded look, and views of one moment must show one look: "
            "leave out --add, or --randomise and --moving-cameras"
        )
    if copies is not None and not draws_looks:
        raise UserError("--copies without --randomise would make the same films several times")


def _outs(out: Path, sizes: tuple[int, ...]) -> tuple[tuple[Path, int | None], ...]:
    """Return the folders of the new datasets with their sizes."""
    from tcn_robot.recordings.format import DATASET_FILE

    if len(sizes) < 2:
        return ((out, sizes[0] if sizes else None),)
    if (out / DATASET_FILE).exists():
        raise UserError(
            f"{out} is a dataset, and with several sizes --out is a folder of one dataset for "
            "each; give another folder"
        )
    return tuple((out / f"{size_px}px", size_px) for size_px in sizes)


def run_job(job: RerenderJob, recording: Recording, workers: int) -> None:
    """Render the episodes with a progress display and say what became of them.

    Raises:
        UserError: If the disk is full, or a new dataset is being written by somebody else.
        SystemExit: With code 130 after Ctrl-C.
    """
    from tcn_robot.progress import Progress
    from tcn_robot.recordings import DatasetWriter

    done: list[Rerendered] = []
    where = " ".join(str(path) for path, _ in job.outs)
    try:
        with ExitStack() as stack:
            for path, _ in job.outs:
                stack.enter_context(DatasetWriter(path, recording.task, job.codec))
            display = Progress(len(recording), f"rendering {where}", "episodes")
            with display:
                for one in _summaries(job, recording.ids, workers):
                    done.append(one)
                    display.advance()
    except KeyboardInterrupt:
        left = f"{len(done)} of {len(recording)} episodes are done and whole in {where}"
        print(f"\ninterrupted: {left}; the same command adds the rest", file=sys.stderr)
        raise SystemExit(INTERRUPTED_EXIT_CODE) from None
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise UserError(
            f"the disk of {where} is full ({error.strerror}): {len(done)} of {len(recording)} "
            "episodes are done and whole; free some space and give the same command again"
        ) from error
    print(f"{where}: {sum(one.written for one in done)} episodes rendered, {_shown(job)}")
    if job.has_proof:
        tell_proofs({one.id: one.proof for one in done})


def _summaries(job: RerenderJob, ids: tuple[int, ...], workers: int) -> Iterator[Rerendered]:
    workers = min(workers, len(ids))
    if workers == 1:
        return rerender_episodes(job, ids)
    from tcn_robot.workflows.recording_workers import work_in_processes

    return work_in_processes(rerender_episodes, job, ids, workers, "give the command again")


def _shown(job: RerenderJob) -> str:
    """Return what the new films show, in a few words."""
    names = " ".join(job.views) or "as recorded"
    sizes = [f"{size_px} px" for _, size_px in job.outs if size_px is not None]
    words = [f"{'further ' if job.keeps_films else ''}views {names}", *sizes]
    if job.draws_looks:
        drawn = [*job.looks, *(["moving cameras"] if job.moving_cameras else [])]
        words.append(f"new {' '.join(drawn)} (seed {job.seed})")
    return ", ".join(words)


def tell_proofs(proofs: dict[int, Proof | None]) -> None:
    """Print one line about the proofs by episode, and a warning on stderr where one failed."""
    found = {id: one for id, one in proofs.items() if one is not None}
    if not found:
        print("proof: none; no recorded view is a camera of the model, or nothing is new")
        return
    worst = max(found.values(), key=lambda one: (one.max_difference, one.mean_difference))
    largest = (
        f"(largest difference {worst.max_difference} of 255, there {worst.mean_difference:.3g} on "
        "average)"
    )
    views = " ".join(dict.fromkeys(one.view for one in found.values()))
    frames = sum(one.frames for one in found.values())
    same = [id for id, one in found.items() if one.is_identical]
    lossy = [
        id for id, one in found.items() if one.is_within_encoding_loss and not one.is_identical
    ]
    wrong = sorted(id for id, one in found.items() if not one.is_within_encoding_loss)
    line = f"proof: view {views} rendered again, {frames:,} frames: "
    if len(same) == len(found):
        print(f"{line}all {len(found)} episodes identical to the last bit")
    else:
        loss = f", {len(lossy)} within what encoding loses" if lossy else ""
        off = f", {len(wrong)} DIFFERENT" if wrong else ""
        print(f"{line}{len(same)} of {len(found)} episodes identical{loss}{off} {largest}")
    if wrong:
        named = ", ".join(str(id) for id in wrong[:NUM_NAMED])
        more = f" and {len(wrong) - NUM_NAMED} more" if len(wrong) > NUM_NAMED else ""
        print(
            f"WARNING: {len(wrong)} of {len(found)} episodes (id {named}{more}) do NOT come out as "
            f"they were recorded {largest}: another renderer, graphics driver or version, or a "
            "film, state or model that was changed; what was rendered now may be off by as much, "
            "and is marked in episode.json (rerendered_from.proof)",
            file=sys.stderr,
        )


def main(arguments: list[str]) -> None:
    """Run the command."""
    parse_and_run(rerender, arguments)

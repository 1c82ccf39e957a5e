"""`tcn-robot rerender`: renders a simulated dataset again from other cameras or in another size."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import tyro

from tcn_robot.errors import UserError
from tcn_robot.workflows.options import parse_and_run
from tcn_robot.workflows.recording_job import MAXIMUM_PX, MINIMUM_PX

if TYPE_CHECKING:
    from tcn_robot.envs.pairing import PairedMujocoModel
    from tcn_robot.envs.stored_model import StoredModel
    from tcn_robot.recordings import DatasetWriter, Episode, Recording


def rerender(
    dataset: Annotated[Path, tyro.conf.Positional],
    /,
    *,
    out: Path,
    views: tuple[str, ...],
    size: int = 84,
    lossless: bool = False,
    embodiment: str | None = None,
) -> None:
    """Render every episode of a simulated dataset again, from stored states and model.

    Writes a new dataset with the same episode ids, steps and splits. A run that was interrupted
    goes on where it stopped.

    With --embodiment the episodes are paired ones: another body is shown where the recorded one
    was, with the same things at the same places and times. It is posed, not simulated, and only
    for measuring how alike an encoder sees two bodies: `tcn-robot train` refuses such a dataset.

    Args:
        dataset: Folder of the recorded dataset.
        out: Folder of the new dataset.
        views: Cameras of the stored model to render.
        size: Width and height of the films in pixels.
        lossless: Keep every pixel exactly.
        embodiment: Show this body instead; MuJoCo recordings of the tasks here only.
    """
    from tcn_robot.recordings import DatasetWriter, open_recording

    recording = open_recording(dataset)
    if not views:
        raise UserError("--views needs at least one camera to render")
    if out.resolve() == dataset.resolve():
        raise UserError(f"--out must be another folder than {dataset}; datasets are not changed")
    if not MINIMUM_PX <= size <= MAXIMUM_PX:
        raise UserError(f"--size must lie between {MINIMUM_PX} and {MAXIMUM_PX} px, found {size}")
    codec = "lossless" if lossless else "h264"

    def new_dataset() -> DatasetWriter:
        return DatasetWriter(out, recording.task, codec)

    if embodiment is None:
        count = _render_again(recording, new_dataset, views, size)
    else:
        count = _pair(recording, new_dataset, views, size, embodiment)
    shown = f", {embodiment} instead" if embodiment else ""
    print(f"{out}: {count} episodes rendered, views {' '.join(views)}, {size} px{shown}")


def _render_again(
    recording: Recording,
    new_dataset: Callable[[], DatasetWriter],
    views: tuple[str, ...],
    size_px: int,
) -> int:
    """Render the stored models; return how many episodes were rendered."""
    from tcn_robot.envs.rendering import check_views
    from tcn_robot.envs.stored_model import open_stored_model
    from tcn_robot.recordings import rerender as rerender_recording
    from tcn_robot.recordings.rerendering import stored_model

    models: dict[str, StoredModel] = {}

    def renderer_of(text: str) -> StoredModel:
        if text not in models:
            models[text] = open_stored_model(text)
        return models[text]

    try:
        for episode in recording:  # before anything is written
            check_views(views, renderer_of(stored_model(recording, episode)).view_names)
        with new_dataset() as writer:
            done = rerender_recording(recording, writer, renderer_of, views, size_px)
            return _count(recording, writer, done)
    finally:
        for model in models.values():
            model.close()


def _pair(
    recording: Recording,
    new_dataset: Callable[[], DatasetWriter],
    views: tuple[str, ...],
    size_px: int,
    embodiment: str,
) -> int:
    """Render the stored states with another body; return how many episodes were rendered."""
    from tcn_robot.envs.pairing import PairedMujocoModel
    from tcn_robot.envs.rendering import check_views
    from tcn_robot.recordings.pairing import pair, refuse_paired
    from tcn_robot.recordings.rerendering import stored_model

    models: dict[tuple[str, str], PairedMujocoModel] = {}

    def renderer_of(episode: Episode) -> PairedMujocoModel:
        text, recorded = stored_model(recording, episode), str(episode.metadata["embodiment"])
        if (text, recorded) not in models:
            models[text, recorded] = PairedMujocoModel(text, recording.task, recorded, embodiment)
        # The body's own randomness follows from the episode: a second run draws the same.
        models[text, recorded].begin(np.random.default_rng([episode.seed or 0, episode.id]))
        return models[text, recorded]

    refuse_paired(recording, "pairing again")
    try:
        for episode in recording:  # before anything is written
            check_views(views, renderer_of(episode).view_names)
        with new_dataset() as writer:
            return _count(recording, writer, pair(recording, writer, renderer_of, views, size_px))
    finally:
        for model in models.values():
            model.close()


def _count(recording: Recording, writer: DatasetWriter, done: Iterator[int]) -> int:
    from tcn_robot.progress import progress

    left = len(set(recording.ids) - set(writer.episode_ids()))
    return sum(1 for _ in progress(done, left, f"rendering {writer.path}", "episodes"))


def main(arguments: list[str]) -> None:
    """Run the command."""
    parse_and_run(rerender, arguments)

"""`tcn-robot rerender`: renders a simulated dataset again from other cameras or in another size."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from tcn_robot.errors import UserError
from tcn_robot.workflows.options import parse_and_run
from tcn_robot.workflows.recording_job import MAXIMUM_PX, MINIMUM_PX

if TYPE_CHECKING:
    from tcn_robot.envs.stored_model import StoredModel


def rerender(
    dataset: Annotated[Path, tyro.conf.Positional],
    /,
    *,
    out: Path,
    views: tuple[str, ...],
    size: int = 84,
    lossless: bool = False,
) -> None:
    """Render every episode of a simulated dataset again, from stored states and model.

    Writes a new dataset with the same episode ids, steps and splits. A run that was interrupted
    goes on where it stopped.

    Args:
        dataset: Folder of the recorded dataset.
        out: Folder of the new dataset.
        views: Cameras of the stored model to render.
        size: Width and height of the films in pixels.
        lossless: Keep every pixel exactly.
    """
    from tcn_robot.envs.rendering import check_views
    from tcn_robot.envs.stored_model import open_stored_model
    from tcn_robot.progress import progress
    from tcn_robot.recordings import DatasetWriter, open_recording
    from tcn_robot.recordings import rerender as rerender_recording
    from tcn_robot.recordings.rerendering import stored_model

    recording = open_recording(dataset)
    if not views:
        raise UserError("--views needs at least one camera to render")
    if out.resolve() == dataset.resolve():
        raise UserError(f"--out must be another folder than {dataset}; datasets are not changed")
    if not MINIMUM_PX <= size <= MAXIMUM_PX:
        raise UserError(f"--size must lie between {MINIMUM_PX} and {MAXIMUM_PX} px, found {size}")
    models: dict[str, StoredModel] = {}

    def renderer_of(text: str) -> StoredModel:
        if text not in models:
            models[text] = open_stored_model(text)
        return models[text]

    try:
        for episode in recording:  # before anything is written
            check_views(views, renderer_of(stored_model(recording, episode)).view_names)
        with DatasetWriter(out, recording.task, "lossless" if lossless else "h264") as writer:
            done = rerender_recording(recording, writer, renderer_of, views, size)
            left = len(set(recording.ids) - set(writer.episode_ids()))
            count = sum(1 for _ in progress(done, left, f"rendering {out}", "episodes"))
    finally:
        for model in models.values():
            model.close()
    print(f"{out}: {count} episodes rendered, views {' '.join(views)}, {size} px")


def main(arguments: list[str]) -> None:
    """Run the command."""
    parse_and_run(rerender, arguments)

"""`tcn-robot rerender --embodiment`: another body shown in recorded episodes, for measuring."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tcn_robot.workflows.rerender_job import recorded_size_px

if TYPE_CHECKING:
    from tcn_robot.envs.pairing import PairedMujocoModel
    from tcn_robot.recordings import DatasetWriter, Episode, Recording


def rerender_paired(
    recording: Recording,
    out: Path,
    views: tuple[str, ...],
    size_px: int | None,
    codec: str,
    embodiment: str,
) -> None:
    """Render the stored states of a dataset with another body and say what became of them.

    Args:
        recording: The recorded dataset.
        out: Folder of the new one.
        views: Cameras to render; those of the first episode when there are none.
        size_px: Width and height of the films; those of the first episode when None.
        codec: "h264" or "lossless".
        embodiment: The body to show instead.

    Raises:
        UserError: For an unknown body or view, or a dataset that cannot be shown so.
    """
    from tcn_robot.envs.pairing import PairedMujocoModel
    from tcn_robot.envs.rendering import check_views
    from tcn_robot.recordings import DatasetWriter
    from tcn_robot.recordings.pairing import pair, refuse_paired
    from tcn_robot.recordings.states import stored_model

    models: dict[tuple[str, str], PairedMujocoModel] = {}

    def renderer_of(episode: Episode) -> PairedMujocoModel:
        text, recorded = stored_model(recording, episode), str(episode.metadata["embodiment"])
        if (text, recorded) not in models:
            models[text, recorded] = PairedMujocoModel(text, recording.task, recorded, embodiment)
        # The body's own randomness follows from the episode: a second run draws the same.
        models[text, recorded].begin(np.random.default_rng([episode.seed or 0, episode.id]))
        return models[text, recorded]

    refuse_paired(recording, "pairing again")
    views = views or recording[0].views
    try:
        for episode in recording:  # before anything is written
            check_views(views, renderer_of(episode).view_names)
        size_px = recorded_size_px(recording[0]) if size_px is None else size_px
        with DatasetWriter(out, recording.task, codec) as writer:
            done = pair(recording, writer, renderer_of, views, size_px)
            count = _count(recording, writer, done)
    finally:
        for model in models.values():
            model.close()
    shown = f"views {' '.join(views)}, {size_px} px, {embodiment} instead"
    print(f"{out}: {count} episodes rendered, {shown}")


def _count(recording: Recording, writer: DatasetWriter, done: Iterator[int]) -> int:
    from tcn_robot.progress import progress

    left = len(set(recording.ids) - set(writer.episode_ids()))
    return sum(1 for _ in progress(done, left, f"rendering {writer.path}", "episodes"))

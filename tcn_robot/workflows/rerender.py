"""`tcn-robot rerender`: renders a simulated dataset again from other cameras or in another size."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro

from tcn_robot.errors import UserError
from tcn_robot.workflows.options import parse_and_run
from tcn_robot.workflows.recording_job import MAXIMUM_PX, MINIMUM_PX


class StoredModel:
    """Renders states of a MuJoCo model that a dataset stored; no task is needed for it.

    Attributes:
        view_names: Every named camera of the model.
    """

    def __init__(self, model_xml: str) -> None:
        from tcn_robot.envs import rendering
        from tcn_robot.envs.simulator import mujoco

        self._mujoco: Any = mujoco
        self._model = mujoco.MjModel.from_xml_string(model_xml)
        self._data = mujoco.MjData(self._model)
        self._renderer = rendering.ViewRenderer(self._model)
        self.view_names = tuple(self._model.cam(i).name for i in range(self._model.ncam))

    def set_state(self, state: np.ndarray) -> None:
        """Go to a stored integration state, float64 (S,)."""
        kind = self._mujoco.mjtState.mjSTATE_INTEGRATION
        expected = self._mujoco.mj_stateSize(self._model, kind)
        if state.shape != (expected,):
            raise UserError(
                f"expected states of {expected} numbers, found {state.shape}: states and model "
                "do not belong together; restore the dataset from a copy"
            )
        self._mujoco.mj_setState(self._model, self._data, state, kind)
        self._mujoco.mj_forward(self._model, self._data)

    def render_views(self, views: Sequence[str], size: tuple[int, int]) -> dict[str, np.ndarray]:
        """Return uint8 (H, W, 3) RGB by view; size is (height, width) in pixels."""
        return self._renderer.render(self._data, views, size)

    def camera_parameters(self, view: str, size: tuple[int, int]) -> dict[str, Any]:
        """Return intrinsics (3x3) and extrinsics (4x4, world to camera; OpenCV's axes)."""
        camera = self._data.cam(view)
        height, width = size
        focal_px = 0.5 * height / np.tan(np.radians(self._model.cam(view).fovy[0]) / 2)
        # MuJoCo's cameras look along -z with y up, OpenCV's along +z with y down.
        rotation = camera.xmat.reshape(3, 3) @ np.diag([1.0, -1.0, -1.0])
        extrinsics = np.eye(4)
        extrinsics[:3, :3] = rotation.T
        extrinsics[:3, 3] = -rotation.T @ camera.xpos
        intrinsics = [[focal_px, 0.0, width / 2], [0.0, focal_px, height / 2], [0.0, 0.0, 1.0]]
        return {
            "intrinsics": np.array(intrinsics).tolist(),
            "extrinsics": extrinsics.tolist(),
        }

    def close(self) -> None:
        """Free the GL contexts."""
        self._renderer.close()


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
    from tcn_robot.envs.adapters.stored import stored_scene
    from tcn_robot.envs.rendering import check_views
    from tcn_robot.progress import progress
    from tcn_robot.recordings import DatasetWriter, open_recording
    from tcn_robot.recordings import rerender as rerender_recording
    from tcn_robot.recordings.rerendering import StateRenderer, stored_model

    recording = open_recording(dataset)
    if not views:
        raise UserError("--views needs at least one camera to render")
    if out.resolve() == dataset.resolve():
        raise UserError(f"--out must be another folder than {dataset}; datasets are not changed")
    if not MINIMUM_PX <= size <= MAXIMUM_PX:
        raise UserError(f"--size must lie between {MINIMUM_PX} and {MAXIMUM_PX} px, found {size}")
    models: dict[str, Any] = {}

    def renderer_of(model_xml: str) -> StateRenderer:
        if model_xml not in models:
            models[model_xml] = stored_scene(model_xml) or StoredModel(model_xml)
        renderer: StateRenderer = models[model_xml]
        return renderer

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

"""How simulations are described that MuJoCo does not run, and those that only `render`.

Their "model" is one XML element that names the package, its version and the task: rendering again
needs the package.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any
from xml.etree import ElementTree

import gymnasium
import numpy as np

from tcn_robot.envs.adapters.views import PlacedCamera, placed_cameras
from tcn_robot.envs.rendering import check_views
from tcn_robot.errors import UserError

TAG = "tcn_robot_package_scene"
RENDER_VIEW = "render"


@dataclass(frozen=True)
class SceneDescription:
    """What stands in the place of a model.

    Attributes:
        task: Full name of the task.
        made_by: Package and version.
        cameras: Cameras by position; none where the package can only `render`.
    """

    task: str
    made_by: str
    cameras: dict[str, PlacedCamera]

    def text(self) -> str:
        """Return it as XML."""
        root = ElementTree.Element(TAG, task=self.task, made_by=self.made_by)
        for name, camera in self.cameras.items():
            fields = {
                key: " ".join(repr(float(number)) for number in np.ravel(value))
                for key, value in asdict(camera).items()
            }
            ElementTree.SubElement(root, "camera", {"name": name, **fields})
        ElementTree.indent(root)
        return ElementTree.tostring(root, encoding="unicode") + "\n"


def read_description(text: str) -> SceneDescription | None:
    """Return what a text describes, None where it is a model of MuJoCo or anything else.

    Raises:
        UserError: When the text is damaged.
    """
    if not text.lstrip().startswith(f"<{TAG}"):
        return None
    try:
        root = ElementTree.fromstring(text)
        cameras = {
            element.attrib["name"]: {
                "fovy_degrees": float(element.attrib["fovy_degrees"]),
                **{
                    key: tuple(float(number) for number in element.attrib[key].split())
                    for key in ("at_metres", "target_metres", "up")
                },
            }
            for element in root.findall("camera")
        }
        task, made_by = root.attrib["task"], root.attrib["made_by"]
    except (ElementTree.ParseError, KeyError, ValueError) as error:
        raise UserError(
            f"a stored scene is damaged ({error}); restore the dataset from a copy"
        ) from error
    return SceneDescription(task, made_by, placed_cameras(cameras))


class RenderScene:
    """An environment of which nothing is known but that it can `render`: one view, no states."""

    view_names: tuple[str, ...] = (RENDER_VIEW,)

    def __init__(self, env: gymnasium.Env, task: str, package: str, made_by: str) -> None:
        """Film an environment that was made with `render_mode="rgb_array"`.

        Args:
            env: The environment.
            task: Full name of the task.
            package: Distribution that renders.
            made_by: Package and version.

        Raises:
            UserError: When it cannot render.
        """
        if env.render_mode != "rgb_array":
            raise UserError(
                f"task {task} cannot be filmed: its environment has neither MuJoCo's model and "
                "data nor render_mode 'rgb_array'"
            )
        self._env, self._task = env, task
        # pygame, which most of them draw with, looks for a screen and greets on standard output.
        os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
        os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
        self.simulator = package
        self.model_text = SceneDescription(task, made_by, {}).text()
        self._picture: np.ndarray | None = None

    def moved(self) -> None:
        """Look again at the next picture."""
        self._picture = None

    def render_views(self, views: Sequence[str], size: tuple[int, int]) -> dict[str, np.ndarray]:
        """Return uint8 (H, W, 3) RGB by view; the package's picture is made smaller or larger.

        A picture that is no square is not squeezed: it lies in the middle, on black.
        """
        check_views(views, self.view_names)
        if self._picture is None:
            picture: Any = self._env.render()
            if not isinstance(picture, np.ndarray) or picture.ndim != 3:
                raise UserError(f"task {self._task} gave no picture but {type(picture).__name__}")
            self._picture = picture[..., :3].astype(np.uint8)
        fitted = _fitted(self._picture, size)
        return {view: fitted.copy() for view in views}

    def camera_parameters(self, view: str, size: tuple[int, int]) -> dict[str, Any]:
        """Return that nothing is known of the camera."""
        check_views([view], self.view_names)
        return {"intrinsics": None, "extrinsics": None}

    def get_state(self) -> np.ndarray:
        """Return an empty state, (0,)."""
        return np.zeros(0)

    def set_state(self, state: np.ndarray) -> None:
        """Refuse: such an environment has no states.

        Raises:
            UserError: Always.
        """
        raise UserError(
            f"task {self._task} can only render(): it has no states, so nothing can be rendered "
            "again; record it again with the views and the size that are wanted"
        )

    def close(self) -> None:
        """Do nothing; the environment is closed by its owner."""


def _fitted(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    import cv2

    height, width = size
    scale = min(height / picture.shape[0], width / picture.shape[1])
    rows = max(1, round(picture.shape[0] * scale))
    columns = max(1, round(picture.shape[1] * scale))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(picture, (columns, rows), interpolation=method)
    fitted = np.zeros((height, width, 3), np.uint8)
    top, left = (height - rows) // 2, (width - columns) // 2
    fitted[top : top + rows, left : left + columns] = small
    return fitted

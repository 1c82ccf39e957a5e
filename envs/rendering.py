"""Rendering of named MuJoCo cameras, quick in software too.

`choose_gl_backend` must run before MuJoCo is imported for the first time, because MuJoCo reads
`MUJOCO_GL` only then; importing `tcn_robot.envs` runs it.
"""

from __future__ import annotations

import ctypes.util
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tcn_robot.errors import UserError, unknown_name

if TYPE_CHECKING:
    import mujoco
    import numpy as np

GL_BACKENDS = ("egl", "osmesa", "glfw", "glx", "wgl", "cgl")
SYSTEM_PACKAGES_COMMAND = (
    "sudo apt-get install -y libegl1 libgl1 libgl1-mesa-dri libglx-mesa0 libosmesa6 libglib2.0-0"
)


def choose_gl_backend() -> str:
    """Settle `MUJOCO_GL` and return it.

    A value the user has set is kept. Otherwise, on Linux, EGL is taken when its library is there
    (it needs no display and uses a GPU when there is one), then OSMesa; on macOS and Windows
    MuJoCo's own default stands and the empty string is returned.

    Raises:
        UserError: When `MUJOCO_GL` names no backend of MuJoCo.
    """
    chosen = os.environ.get("MUJOCO_GL", "").lower()
    if chosen and chosen not in (*GL_BACKENDS, "off", "disable", "0", "1", "on", "true", "false"):
        raise unknown_name("MUJOCO_GL backend", chosen, GL_BACKENDS)
    if chosen or not sys.platform.startswith("linux"):
        return chosen
    for backend, library in (("egl", "EGL"), ("osmesa", "OSMesa")):
        if ctypes.util.find_library(library):
            os.environ["MUJOCO_GL"] = backend
            # PyOpenGL, which MuJoCo renders through, reads its own variable.
            os.environ.setdefault("PYOPENGL_PLATFORM", backend)
            return backend
    return ""


def check_views(views: Sequence[str], known: Sequence[str]) -> None:
    """Raise a UserError with the nearest name for the first view that does not exist."""
    for view in views:
        if view not in known:
            raise unknown_name("view", view, known)


class ViewRenderer:
    """Renders named cameras of one model; one GL context per picture size, closed by `close`.

    Shadows and reflections are off unless asked for: in software they cost a factor of ten.
    """

    def __init__(self, model: mujoco.MjModel, shadows: bool = False) -> None:
        """Keep the model; contexts are made when a size is first rendered."""
        self._model = model
        self._shadows = shadows
        self._renderers: dict[tuple[int, int], Any] = {}

    def render(
        self, data: mujoco.MjData, views: Sequence[str], size: tuple[int, int]
    ) -> dict[str, np.ndarray]:
        """Render each view once.

        Args:
            data: Simulation state; only read.
            views: Names of cameras of the model.
            size: (height, width) in pixels.

        Returns:
            uint8 (height, width, 3) per view, RGB.
        """
        renderer = self._renderer(size)
        pictures = {}
        for view in views:
            renderer.update_scene(data, camera=view)
            pictures[view] = renderer.render()
        return pictures

    def _renderer(self, size: tuple[int, int]) -> Any:
        if size in self._renderers:
            return self._renderers[size]
        import mujoco

        height, width = size
        if not (0 < height <= 4096 and 0 < width <= 4096):
            raise UserError(f"picture size must lie between 1 and 4096 px, found {size}")
        # The framebuffer of the model bounds the size of a picture.
        buffer = self._model.vis.global_
        buffer.offheight, buffer.offwidth = (
            max(buffer.offheight, height),
            max(buffer.offwidth, width),
        )
        try:
            renderer = mujoco.Renderer(self._model, height, width)
        except (RuntimeError, AttributeError, ImportError, mujoco.FatalError) as error:
            reason = str(error).strip().splitlines()[-1] if str(error).strip() else repr(error)
            raise UserError(
                f"no OpenGL renderer could be started with MUJOCO_GL="
                f"{os.environ.get('MUJOCO_GL', '')!r} ({reason}); "
                f"try: {SYSTEM_PACKAGES_COMMAND}, then: tcn-robot doctor"
            ) from error
        flags = renderer.scene.flags
        flags[mujoco.mjtRndFlag.mjRND_SHADOW] = self._shadows
        flags[mujoco.mjtRndFlag.mjRND_REFLECTION] = self._shadows
        self._renderers[size] = renderer
        return renderer

    def close(self) -> None:
        """Free the GL contexts; left to the garbage collector they print errors at exit."""
        for renderer in self._renderers.values():
            renderer.close()
        self._renderers.clear()

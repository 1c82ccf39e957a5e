"""Rendering of named MuJoCo cameras, quick in software too.

`choose_gl_backend` must run before MuJoCo is imported for the first time, because MuJoCo reads
`MUJOCO_GL` only then; importing `tcn_robot.envs` runs it.
"""

from __future__ import annotations

import atexit
import ctypes.util
import os
import sys
import traceback
import warnings
import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tcn_robot.errors import UserError, unknown_name

if TYPE_CHECKING:
    import mujoco
    import numpy as np

GL_BACKENDS = ("egl", "osmesa", "glfw", "glx", "wgl", "cgl")
SYSTEM_PACKAGES = "libegl1 libgl1 libgl1-mesa-dri libglx-mesa0 libglib2.0-0"

# Each of them can keep EGL from drivers and devices that are there.
_EGL_VARIABLES = (
    "__EGL_VENDOR_LIBRARY_FILENAMES",
    "__EGL_VENDOR_LIBRARY_DIRS",
    "MUJOCO_EGL_DEVICE_ID",
)

# What the libraries say when a backend cannot start, and what it means.
_PLAIN_REASONS = {
    "initialize a EGL device display": "no EGL driver could be started",
    "use EGL rendering platform": "PYOPENGL_PLATFORM asks PyOpenGL for another backend",
    "use OSMesa rendering platform": "PYOPENGL_PLATFORM asks PyOpenGL for another backend",
    "has no attribute 'glGetError'": "its library is missing",
    "has no attribute 'eglQuery": "its library is missing",
    "OpenGL platform library has not been loaded": "it opened no window",
    "has no attribute 'GLContext'": "rendering is switched off",
}


def system_packages_command() -> str:
    """Return what brings the libraries of rendering on Debian, a bare one included."""
    sudo = "" if getattr(os, "geteuid", lambda: 1)() == 0 else "sudo "
    return f"{sudo}apt-get update && {sudo}apt-get install -y {SYSTEM_PACKAGES}"


class NoRenderer(UserError):
    """A GL backend does not start; `reason` says why without the remedy."""

    def __init__(self, backend: str, reason: str, remedy: str) -> None:
        """Put the line together."""
        super().__init__(
            f"nothing renders with MUJOCO_GL={backend!r}: {reason}; try: {remedy} "
            "(`tcn-robot doctor` looks closer)"
        )
        self.reason = reason
        self._parts = (backend, reason, remedy)

    def __reduce__(self) -> tuple[type[NoRenderer], tuple[str, str, str]]:
        """Travel from a recording process: by default an exception is remade from its message."""
        return NoRenderer, self._parts


def no_renderer(error: Exception) -> NoRenderer:
    """Return the error for a GL backend that does not start, with what to do.

    Args:
        error: What MuJoCo or PyOpenGL raised; its traceback is dropped.
    """
    message = " ".join(str(error).split()) or repr(error)
    reason = next((plain for sign, plain in _PLAIN_REASONS.items() if sign in message), message)
    backend = os.environ.get("MUJOCO_GL", "").lower()
    if backend == "glfw" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        reason = "it needs a screen and there is none (no DISPLAY)"
    elif not backend and sys.platform.startswith("linux"):
        reason = "there is no OpenGL library for rendering without a screen"
    remedy = system_packages_command()
    if "PYOPENGL_PLATFORM" in reason:
        remedy = "unset PYOPENGL_PLATFORM"
    elif backend == "egl" and (hiding := [name for name in _EGL_VARIABLES if name in os.environ]):
        remedy = f"unset {hiding[0]}, which hides the installed drivers"
    elif backend not in ("", "egl"):
        remedy = "unset MUJOCO_GL, which lets tcn_robot choose"
    _drop_half_made_objects(error)
    return NoRenderer(backend, reason, remedy)


def _drop_half_made_objects(error: Exception) -> None:
    """Let go of what the failed call had made; MuJoCo's half-made objects complain."""
    hook = sys.unraisablehook
    sys.unraisablehook = lambda _: None
    try:
        traceback.clear_frames(error.__traceback__)
        error.__traceback__ = None
    finally:
        sys.unraisablehook = hook


def choose_gl_backend() -> str:
    """Settle `MUJOCO_GL` and return it.

    A value the user has set is kept. Otherwise, on Linux, EGL is taken when its library is there
    (it needs no display and uses a GPU when there is one), then OSMesa; on macOS and Windows
    MuJoCo's own default stands and the empty string is returned.

    Raises:
        UserError: When `MUJOCO_GL` names no backend of MuJoCo, `MUJOCO_EGL_DEVICE_ID` no number.
    """
    # Mesa's software renderer is quicker on small pictures without threads of its own.
    os.environ.setdefault("LP_NUM_THREADS", "0")
    chosen = os.environ.get("MUJOCO_GL", "").lower()
    if chosen and chosen not in (*GL_BACKENDS, "off", "disable", "0", "1", "on", "true", "false"):
        raise unknown_name("MUJOCO_GL backend", chosen, GL_BACKENDS)
    device = os.environ.get("MUJOCO_EGL_DEVICE_ID", "0")
    if not device.isdecimal():
        raise UserError(
            f"expected the number of a graphics device in MUJOCO_EGL_DEVICE_ID, found {device!r}; "
            "unset it, or give 0 for the first one"
        )
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
    """Renders named cameras of one model; one GL context per picture size.

    The contexts are freed by `close`, with this object, or at the interpreter's exit; left to
    MuJoCo's own destructors they print errors then.

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
        self._repeat_textures(renderer)
        pictures = {}
        for view in views:
            renderer.update_scene(data, camera=view)
            pictures[view] = renderer.render()
        return pictures

    def segment(
        self, data: mujoco.MjData, views: Sequence[str], size: tuple[int, int]
    ) -> dict[str, np.ndarray]:
        """Return which geom each pixel of a view shows, where `render` shows its colour.

        Edges are not smoothed: the geom in the middle of a pixel has it.

        Args:
            data: Simulation state; only read.
            views: Names of cameras of the model.
            size: (height, width) in pixels.

        Returns:
            int32 (height, width) per view, ids of geoms, -1 where there is none.
        """
        renderer = self._renderer(size)
        renderer.enable_segmentation_rendering()
        try:
            found = {}
            for view in views:
                renderer.update_scene(data, camera=view)
                found[view] = renderer.render()[:, :, 0].copy()
            return found
        finally:
            renderer.disable_segmentation_rendering()

    def _repeat_textures(self, renderer: Any) -> None:
        """Give a context the model's texture repeats, of which it has a copy from its making."""
        repeats = self._model.mat_texrepeat.ravel()
        context = renderer._mjr_context  # MuJoCo has no public way to it
        context.mat_texrepeat[: len(repeats)] = repeats

    def _renderer(self, size: tuple[int, int]) -> Any:
        if size in self._renderers:
            return self._renderers[size]
        from tcn_robot.envs.simulator import mujoco

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
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # GLFW's own words for a missing screen
                renderer = mujoco.Renderer(self._model, height, width)
        except (AttributeError, ImportError, RuntimeError, mujoco.FatalError) as error:
            raise no_renderer(error) from None
        flags = renderer.scene.flags
        flags[mujoco.mjtRndFlag.mjRND_SHADOW] = self._shadows
        flags[mujoco.mjtRndFlag.mjRND_REFLECTION] = self._shadows
        self._renderers[size] = renderer
        if not _OPEN:
            # MuJoCo's own exit hook ends EGL; ours, registered later, runs before it.
            atexit.register(_close_open)
        _OPEN.add(self)
        return renderer

    def close(self) -> None:
        """Free the GL contexts; rendering again makes new ones."""
        for renderer in self._renderers.values():
            renderer.close()
        self._renderers.clear()


_OPEN: weakref.WeakSet[ViewRenderer] = weakref.WeakSet()


def _close_open() -> None:
    for renderer in list(_OPEN):
        renderer.close()

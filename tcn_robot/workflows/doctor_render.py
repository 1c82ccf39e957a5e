"""What renders here and how fast, measured in a process of its own.

A renderer that cannot start may take its process with it, and MuJoCo settles on one GL backend
for the life of a process; so the measurement runs as `python -m` this module and prints JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field

PICTURE_SIZES_PX = (64, 84, 224)
PROBE_TIMEOUT_SECONDS = 120.0
_MEASURE_SECONDS = 0.5
_MARK = "renderer probe: "
_SOFTWARE_NAMES = ("llvmpipe", "softpipe", "swiftshader", "swrast", "software", "osmesa")
_TASK = "tcn_robot/MujocoPush-v0"


@dataclass(frozen=True)
class Renderer:
    """What one GL backend gave.

    Attributes:
        backend: Value of `MUJOCO_GL`; empty when MuJoCo's own default stands.
        name: The GL renderer string, such as "llvmpipe (LLVM 15.0.6, 256 bits)"; empty when
            nothing rendered.
        version: The GL version string.
        fps: Pictures per second by picture size in pixels: one view of MujocoPush with shadows
            off, scene update and read-back included, physics not.
        fault: Why nothing rendered, one line; empty when it did.
    """

    backend: str
    name: str = ""
    version: str = ""
    fps: dict[str, float] = field(default_factory=dict)
    fault: str = ""

    @property
    def works(self) -> bool:
        """Whether anything was rendered."""
        return not self.fault

    @property
    def is_software(self) -> bool:
        """Whether the pictures were computed by the CPU."""
        return is_software(self.name)


def is_software(renderer_name: str) -> bool:
    """Tell from a GL renderer string whether the CPU computes the pictures."""
    lowered = renderer_name.lower()
    return any(word in lowered for word in _SOFTWARE_NAMES)


def probe(backend: str | None = None) -> Renderer:
    """Render in a process of its own.

    Args:
        backend: Value for `MUJOCO_GL`; None leaves the choice to the environment and to
            `tcn_robot.envs.rendering`.
    """
    environment = dict(os.environ)
    if backend is not None:
        environment["MUJOCO_GL"] = environment["PYOPENGL_PLATFORM"] = backend
    shown = environment.get("MUJOCO_GL", "")
    try:
        done = subprocess.run(
            [sys.executable, "-m", __spec__.name if __spec__ else __name__],
            env=environment,
            capture_output=True,
            text=True,
            timeout=PROBE_TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Renderer(shown, fault=f"no picture within {PROBE_TIMEOUT_SECONDS:.0f} s")
    for line in done.stdout.splitlines():
        if line.startswith(_MARK):
            return Renderer(**json.loads(line.removeprefix(_MARK)))
    return Renderer(shown, fault=_reason(done.returncode, done.stderr))


def _reason(returncode: int, stderr: str) -> str:
    """Return in one line why the process rendered nothing."""
    if returncode < 0:
        return f"the process was killed by signal {-returncode}"
    # The first traceback's last line; what follows are complaints of half-made objects.
    for line in stderr.splitlines():
        error, separator, message = line.partition(": ")
        if separator and error.rpartition(".")[2].endswith(("Error", "Exception")):
            return f"{error.rpartition('.')[2]}: {message}" if message else error
    return stderr.strip().splitlines()[-1] if stderr.strip() else f"exit code {returncode}"


def measure() -> Renderer:
    """Render in this process; what goes wrong is raised."""
    import gymnasium
    import numpy as np

    import tcn_robot.envs  # noqa: F401  (settles MUJOCO_GL and registers the task)

    env = gymnasium.make(_TASK)
    env.reset(seed=0)
    task = env.unwrapped
    action = np.zeros(env.action_space.shape or (), np.float32)
    fps = {}
    for size_px in PICTURE_SIZES_PX:
        view = (task.view_names[0],)  # type: ignore[attr-defined]
        for _ in range(3):
            task.render_views(view, size=(size_px, size_px))  # type: ignore[attr-defined]
        pictures, render_seconds = 0, 0.0
        while render_seconds < _MEASURE_SECONDS:
            env.step(action)
            start_seconds = time.perf_counter()
            task.render_views(view, size=(size_px, size_px))  # type: ignore[attr-defined]
            render_seconds += time.perf_counter() - start_seconds
            pictures += 1
        fps[str(size_px)] = round(pictures / render_seconds, 1)
    name, version = _gl_strings()
    env.close()
    return Renderer(os.environ.get("MUJOCO_GL", ""), name, version, fps)


def _gl_strings() -> tuple[str, str]:
    """Return renderer and version of the GL context that was used last."""
    from OpenGL import GL

    name, version = GL.glGetString(GL.GL_RENDERER), GL.glGetString(GL.GL_VERSION)
    return (name or b"unknown").decode(), (version or b"unknown").decode()


def main() -> None:
    """Measure and print the result as one line of JSON."""
    from tcn_robot.envs.rendering import NoRenderer

    try:
        renderer = measure()
    except NoRenderer as error:
        renderer = Renderer(os.environ.get("MUJOCO_GL", ""), fault=error.reason)
    print(_MARK + json.dumps(asdict(renderer)), flush=True)


if __name__ == "__main__":
    main()

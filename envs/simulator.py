"""MuJoCo, imported after `MUJOCO_GL` is settled: `from tcn_robot.envs.simulator import mujoco`.

MuJoCo loads its GL backend while it is imported; a backend that cannot be loaded is told in one
line here, and not in a traceback of PyOpenGL.
"""

from __future__ import annotations

from tcn_robot.envs.rendering import choose_gl_backend, no_renderer

choose_gl_backend()
try:
    import mujoco
except (AttributeError, ImportError, RuntimeError) as error:
    raise no_renderer(error) from None

__all__ = ["mujoco"]

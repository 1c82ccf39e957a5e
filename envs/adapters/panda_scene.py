"""panda-gym: a Franka arm in PyBullet, with cameras by position and starts that repeat."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from tcn_robot.envs.adapters.other_scenes import SceneDescription
from tcn_robot.envs.adapters.views import PlacedCamera, surrounding_cameras
from tcn_robot.envs.cameras import FAR_METRES, NEAR_METRES, camera_parameters
from tcn_robot.envs.rendering import check_views
from tcn_robot.errors import UserError

# The arm stands at x = -0.6, the table's top is z = 0, and all that happens is near the origin.
PANDA_CAMERAS = surrounding_cameras((-0.1, 0.0, 0.1), 1.25, 42.0)
GOAL_RGBA = (0.9, 0.15, 0.1, 1.0)
FIXED_BODIES = ("panda", "plane", "table")


class PandaScene:
    """The PyBullet simulation of a panda-gym task.

    A state is, body by body, position (3,), quaternion (x, y, z, w) and velocities (6,) of the
    base, then position and velocity of every joint, then the goal.
    """

    simulator = "pybullet"

    def __init__(
        self, env: Any, task: str, cameras: Mapping[str, PlacedCamera], made_by: str
    ) -> None:
        """Film a task.

        Args:
            env: The unwrapped environment.
            task: Full name of the task.
            cameras: Cameras by name.
            made_by: Package and version.
        """
        self._env, self._cameras = env, dict(cameras)
        self._client = env.sim.physics_client
        self._bodies = [self._client.getBodyUniqueId(i) for i in range(self._client.getNumBodies())]
        self.view_names = tuple(self._cameras)
        self.model_text = SceneDescription(task, made_by, self._cameras).text()
        for name, body in env.sim._bodies_idx.items():
            if name.startswith("target"):
                # Made transparent for people, which this renderer cannot show: it would look
                # exactly like the object.
                self._client.changeVisualShape(body, -1, rgbaColor=GOAL_RGBA)
        # Pairs that touch are otherwise solved in the order of earlier episodes.
        self._client.setPhysicsEngineParameter(deterministicOverlappingPairs=1)

    def settle(self) -> None:
        """Forget what touched in earlier episodes, so that a seed always gives the same episode.

        Called before a reset, which puts everything back.
        """
        far_metres = 50.0
        for name, body in self._env.sim._bodies_idx.items():
            if name not in FIXED_BODIES:
                far_metres += 1.0
                place = (far_metres, far_metres, far_metres)
                self._client.resetBasePositionAndOrientation(body, place, (0, 0, 0, 1))
        self._env.robot.reset()
        self._client.stepSimulation()

    def moved(self) -> None:
        """Nothing is kept from one step to the next."""

    def render_views(self, views: Sequence[str], size: tuple[int, int]) -> dict[str, np.ndarray]:
        """Return uint8 (H, W, 3) RGB by view; size is (height, width) in pixels."""
        check_views(views, self.view_names)
        return {view: self._picture(self._cameras[view], *size) for view in views}

    def _picture(self, camera: PlacedCamera, height: int, width: int) -> np.ndarray:
        import pybullet

        sight = self._client.computeViewMatrix(camera.at_metres, camera.target_metres, camera.up)
        lens = self._client.computeProjectionMatrixFOV(
            camera.fovy_degrees, width / height, NEAR_METRES, FAR_METRES
        )
        pixels = self._client.getCameraImage(
            width,
            height,
            sight,
            lens,
            shadow=0,
            renderer=pybullet.ER_TINY_RENDERER,
            flags=pybullet.ER_NO_SEGMENTATION_MASK,
        )[2]
        return np.array(pixels, np.uint8).reshape(height, width, 4)[..., :3].copy()

    def camera_parameters(self, view: str, size: tuple[int, int]) -> dict[str, Any]:
        """Return intrinsics (3x3) in px and extrinsics (4x4, world to camera), as lists."""
        check_views([view], self.view_names)
        camera = self._cameras[view]
        return camera_parameters(
            np.array(camera.at_metres), camera.rotation(), camera.fovy_degrees, size
        )

    def get_state(self) -> np.ndarray:
        """Return where everything is and how it moves, float64 (S,)."""
        parts: list[Any] = []
        for body in self._bodies:
            parts += self._client.getBasePositionAndOrientation(body)
            parts += self._client.getBaseVelocity(body)
            for joint in range(self._client.getNumJoints(body)):
                parts.append(self._client.getJointState(body, joint)[:2])
        parts.append(np.ravel(self._goal()))
        return np.concatenate(parts).astype(np.float64)

    def set_state(self, state: np.ndarray) -> None:
        """Go to a state that `get_state` gave; contacts start anew.

        Raises:
            UserError: When the state belongs to another task.
        """
        expected = self.get_state().shape
        if state.shape != expected or not np.isfinite(state).all():
            raise UserError(
                f"expected a state of {expected[0]} finite numbers, found shape {state.shape}: "
                "it belongs to another task or version of panda-gym"
            )
        numbers = [float(number) for number in state]
        for body in self._bodies:
            place, turn, linear, angular = (
                _taken(numbers, 3),
                _taken(numbers, 4),
                _taken(numbers, 3),
                _taken(numbers, 3),
            )
            self._client.resetBasePositionAndOrientation(body, place, turn)
            self._client.resetBaseVelocity(body, linear, angular)
            for joint in range(self._client.getNumJoints(body)):
                self._client.resetJointState(body, joint, *_taken(numbers, 2))
        if numbers:
            self._env.task.goal = np.array(numbers).reshape(np.shape(self._goal()))

    def _goal(self) -> np.ndarray:
        return np.asarray([] if self._env.task.goal is None else self._env.task.goal, np.float64)

    def close(self) -> None:
        """Do nothing; the environment closes its connection."""


def _taken(numbers: list[float], count: int) -> list[float]:
    taken, numbers[:count] = numbers[:count], []
    return taken


@contextmanager
def quiet_output() -> Iterator[None]:
    """Keep PyBullet's notes on its own arguments, which it prints from C, off standard output."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)

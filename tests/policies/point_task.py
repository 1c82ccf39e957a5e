"""A point that has to reach a target, with the interface of every task, for fast tests.

Views are drawn with numpy from two directions, so that a learned reward can be tried without a
simulator. Importing this module registers `PointReach-v0`, so that
"tests.policies.point_task:PointReach-v0" is a task id; `PointGoal-v0` has its target always at the
same place, as learned rewards need it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np

STEP_SCALE = 0.2
SUCCESS_DISTANCE = 0.2
HORIZON = 16
TASK = "tests.policies.point_task:PointReach-v0"
GOAL_TASK = "tests.policies.point_task:PointGoal-v0"
GOAL = np.array([0.5, -0.4])


class PointReach(gym.Env[np.ndarray, np.ndarray]):
    """Move a point in [-1, 1]² to a target at a random place; fixed horizon."""

    view_names = ("front", "top")
    control_hz = 10.0
    simulator = "numpy"
    embodiment = "robot"

    def __init__(
        self, horizon: int = HORIZON, reward: str = "dense", fixed_target: bool = False
    ) -> None:
        self.fixed_target = fixed_target
        self.horizon = horizon
        self.reward_kind = reward
        self.observation_space = gym.spaces.Box(-2.0, 2.0, (4,), np.float32)
        self.proprioception_space = gym.spaces.Box(-1.0, 1.0, (2,), np.float32)
        self.action_space = gym.spaces.Box(-1.0, 1.0, (2,), np.float32)
        self.point = np.zeros(2)
        self.target = np.zeros(2)
        self.steps_taken = 0
        self.frames_rendered = 0

    @property
    def simulation_time_seconds(self) -> float:
        return self.steps_taken / self.control_hz

    @property
    def model_xml(self) -> str:
        return "<point/>"

    def get_state(self) -> np.ndarray:
        return np.concatenate([self.point, self.target])

    def set_state(self, state: np.ndarray) -> None:
        self.point, self.target = state[:2].copy(), state[2:].copy()

    def camera_parameters(self, view: str, size: tuple[int, int]) -> dict[str, Any]:
        return {"intrinsics": np.eye(3).tolist(), "extrinsics": np.eye(4).tolist()}

    @property
    def distance(self) -> float:
        return float(np.linalg.norm(self.point - self.target))

    def labels(self) -> dict[str, Any]:
        success = self.distance < SUCCESS_DISTANCE
        return {
            "phase": "there" if success else "approach",
            "phase_index": int(success),
            "progress": float(np.exp(-self.distance)),
            "success": success,
        }

    def _info(self) -> dict[str, Any]:
        sparse = float(self.distance < SUCCESS_DISTANCE)
        return self.labels() | {"reward_sparse": sparse, "reward_dense": -self.distance}

    def _observe(self) -> np.ndarray:
        return np.concatenate([self.point, self.target]).astype(np.float32)

    def observe(self) -> np.ndarray:
        return self._observe()

    def proprioception(self) -> np.ndarray:
        return self.point.astype(np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self.point = self.np_random.uniform(-0.9, 0.9, 2)
        self.target = GOAL if self.fixed_target else self.np_random.uniform(-0.9, 0.9, 2)
        self.steps_taken = 0
        return self._observe(), self._info()

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        self.point = np.clip(self.point + STEP_SCALE * np.clip(action, -1, 1), -1, 1)
        self.steps_taken += 1
        info = self._info()
        reward = info[f"reward_{self.reward_kind}"]
        return self._observe(), reward, False, self.steps_taken >= self.horizon, info

    def render_views(
        self, views: tuple[str, ...] = ("front",), size: tuple[int, int] = (84, 84)
    ) -> dict[str, np.ndarray]:
        self.frames_rendered += len(views)
        return {view: self._draw(view, size) for view in views}

    def _draw(self, view: str, size: tuple[int, int]) -> np.ndarray:
        height, width = size
        image = np.full((height, width, 3), 255, np.uint8)
        for place, colour in ((self.target, (220, 40, 40)), (self.point, (40, 40, 220))):
            across, down = place if view == "top" else place[::-1]
            row = int((down + 1) / 2 * (height - 1))
            column = int((across + 1) / 2 * (width - 1))
            radius = max(height // 16, 1)
            rows = slice(max(row - radius, 0), row + radius)
            image[rows, max(column - radius, 0) : column + radius] = colour
        return image


def expert(task: PointReach, generator: np.random.Generator) -> Iterator[np.ndarray]:
    """Go straight to the target, at a speed drawn once."""
    speed = generator.uniform(0.3, 0.8)
    for _ in range(20):
        way = (task.target - task.point) / STEP_SCALE
        yield np.clip(speed * way, -speed, speed).astype(np.float32)


gym.register("PointReach-v0", entry_point="tests.policies.point_task:PointReach")
gym.register(
    "PointGoal-v0",
    entry_point="tests.policies.point_task:PointReach",
    kwargs={"fixed_target": True},
)

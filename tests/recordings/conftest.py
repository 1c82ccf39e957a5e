"""A small real simulation and small films for the tests of recordings."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from tcn_robot.envs import rendering  # settles MUJOCO_GL before MuJoCo is imported
from tests.support.films import moving_square

import mujoco  # isort: skip

MODEL = """
<mujoco>
  <option timestep="0.01"/>
  <worldbody>
    <light pos="0 0 3"/>
    <geom type="plane" size="1 1 .1" rgba=".7 .7 .6 1"/>
    <camera name="front" pos="0 -1.2 .6" xyaxes="1 0 0 0 .45 .9"/>
    <camera name="top" pos="0 0 1.6" xyaxes="1 0 0 0 1 0"/>
    <body pos="0 0 .15">
      <joint name="x" type="slide" axis="1 0 0" damping="1"/>
      <joint name="y" type="slide" axis="0 1 0" damping="1"/>
      <geom type="box" size=".15 .1 .1" rgba=".9 .2 .1 1" mass="1"/>
    </body>
  </worldbody>
  <actuator><motor joint="x"/><motor joint="y"/></actuator>
</mujoco>
"""


class ToySource:
    """A sliding box: the smallest thing that is a `SimulatedSource`."""

    simulator = "mujoco"
    embodiment = "robot"
    view_names = ("front", "top")
    control_hz = 20.0
    horizon = 12
    model_xml = MODEL

    def __init__(self) -> None:
        self._model = mujoco.MjModel.from_xml_string(MODEL)
        self._data = mujoco.MjData(self._model)
        self._renderer = rendering.ViewRenderer(self._model)
        self.randomisation: dict[str, Any] = {}

    @property
    def simulation_time_seconds(self) -> float:
        return float(self._data.time)

    def reset(self, *, seed: int | None = None) -> tuple[np.ndarray, dict[str, Any]]:
        mujoco.mj_resetData(self._model, self._data)
        self._data.qpos[:] = np.random.default_rng(seed).uniform(-0.4, 0.4, 2)
        self.randomisation = {"start_metres": self._data.qpos.tolist()}
        mujoco.mj_forward(self._model, self._data)
        return self._data.qpos.copy(), self.labels()

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        self._data.ctrl[:] = action
        mujoco.mj_step(self._model, self._data, nstep=5)
        mujoco.mj_forward(self._model, self._data)
        return self._data.qpos.copy(), 0.0, False, False, self.labels()

    def labels(self) -> dict[str, Any]:
        distance = float(np.linalg.norm(self._data.qpos))
        return {
            "phase": "slide",
            "phase_index": 0,
            "progress": 1.0 / (1.0 + distance),
            "success": distance < 0.5,
            "reward_sparse": 0.0,
            "reward_dense": -distance,
        }

    def render_views(self, views: Sequence[str], size: tuple[int, int]) -> dict[str, np.ndarray]:
        return self._renderer.render(self._data, views, size)

    def camera_parameters(self, view: str, size: tuple[int, int]) -> dict[str, Any]:
        return {"intrinsics": np.eye(3).tolist(), "extrinsics": np.eye(4).tolist()}

    def get_state(self) -> np.ndarray:
        kind = mujoco.mjtState.mjSTATE_INTEGRATION
        state = np.empty(mujoco.mj_stateSize(self._model, kind))
        mujoco.mj_getState(self._model, self._data, state, kind)
        return state

    def apply(self, randomisation: dict[str, Any]) -> None:
        assert set(randomisation) == {"start_metres"}  # which is in the states too

    def set_state(self, state: np.ndarray) -> None:
        mujoco.mj_setState(self._model, self._data, state, mujoco.mjtState.mjSTATE_INTEGRATION)
        mujoco.mj_forward(self._model, self._data)

    def close(self) -> None:
        self._renderer.close()


def push_about(source: Any, randomness: np.random.Generator) -> Iterator[np.ndarray]:
    """A demonstrator that stops after a random number of steps."""
    for _ in range(int(randomness.integers(4, 9))):
        yield randomness.uniform(-3, 3, 2)


@pytest.fixture
def toy_source() -> Iterator[ToySource]:
    source = ToySource()
    yield source
    source.close()


@pytest.fixture
def toy_policy() -> Callable[..., Iterator[np.ndarray]]:
    return push_about


@pytest.fixture
def film() -> Callable[..., np.ndarray]:
    return moving_square

"""What every MuJoCo task with the arm shares: control, cameras, states, the Gymnasium interface.

A task is one small file with a subclass of `ArmTask` that says what lies on the table, where things
start, what is observed and how far the task has come.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from importlib import resources
from typing import Any, ClassVar

import gymnasium
import numpy as np

from tcn_robot.envs import rendering
from tcn_robot.envs.kinematics import NUM_ARM_JOINTS, InverseKinematics
from tcn_robot.envs.simulator import mujoco
from tcn_robot.errors import UserError, unknown_name

BODIES_MARKER = "<!-- TASK BODIES -->"
CAMERA_MARKER = "CAMERA_TARGET"
HOME_RADIANS = np.array([0.0, 0.55, 0.0, -1.65, 0.0, 0.94, 0.0])
NUM_RAMP_PIECES = 5
OBSERVATION_LIMIT = 10.0
REWARDS = ("sparse", "dense")
FIXED_VIEWS = ("front", "left", "right", "top", "corner")
STATE = mujoco.mjtState.mjSTATE_INTEGRATION


class ArmTask(gymnasium.Env[np.ndarray, np.ndarray]):
    """A task of fixed length for the seven-joint arm under end-effector control.

    One action moves the commanded tip by up to `action_scale_metres` along each controlled axis;
    the command never runs farther than two such moves ahead of the tip. Inverse kinematics turns
    it into targets of the joint servos.
    An episode always lasts `horizon` steps: success never ends it, because a learned reward per
    step would pay the agent to hover just before the end. `info` carries `phase`, `phase_index`,
    `progress`, `success`, `reward_sparse` and `reward_dense`; they are for benchmarks and
    comparisons, never for learning an embedding.
    """

    metadata: ClassVar[dict[str, Any]] = {  # type: ignore[misc]
        "render_modes": ["rgb_array"],
        "render_fps": 10,
    }

    simulator = "mujoco"
    embodiment = "robot"
    control_hz = 10.0
    view_names = FIXED_VIEWS

    bodies_xml: ClassVar[str]
    """MJCF of what this task puts on the table."""
    phases: ClassVar[tuple[str, ...]]
    """Names of the phases in their order."""
    controlled_axes: ClassVar[tuple[int, ...]] = (0, 1, 2)
    """World axes (0 = x, 1 = y, 2 = z) that an action moves."""
    action_scale_metres: ClassVar[float] = 0.03
    workspace_low_metres: ClassVar[np.ndarray]
    workspace_high_metres: ClassVar[np.ndarray]
    observation_size: ClassVar[int]
    camera_target_metres: ClassVar[tuple[float, float, float]] = (0.56, 0.0, 0.04)

    def __init__(
        self, horizon: int = 80, reward: str = "sparse", render_mode: str | None = None
    ) -> None:
        """Build the model.

        Args:
            horizon: Control steps per episode.
            reward: Which of the task's own rewards `step` returns: "sparse" or "dense".
            render_mode: None or "rgb_array".

        Raises:
            UserError: For an unknown reward or a horizon below one.
        """
        if reward not in REWARDS:
            raise unknown_name("task reward", reward, REWARDS)
        if horizon < 1:
            raise UserError(f"horizon must be at least 1 control step, found {horizon}")
        self.horizon = int(horizon)
        self.reward = reward
        self.render_mode = render_mode
        self.model_xml = build_model_xml(self.bodies_xml, self.camera_target_metres)
        self._model = mujoco.MjModel.from_xml_string(self.model_xml)
        self._data = mujoco.MjData(self._model)
        self._inverse_kinematics = InverseKinematics(self._model, HOME_RADIANS)
        self._renderer = rendering.ViewRenderer(self._model)
        self._tip = self._model.site("end_effector").id
        self._substeps = round(1.0 / (self.control_hz * self._model.opt.timestep * NUM_RAMP_PIECES))
        self._elapsed_steps = 0
        self.action_space = gymnasium.spaces.Box(
            -1.0, 1.0, (len(self.controlled_axes),), np.float32
        )
        self.observation_space = gymnasium.spaces.Box(
            -OBSERVATION_LIMIT, OBSERVATION_LIMIT, (self.observation_size,), np.float32
        )

    # What a task says of itself -----------------------------------------------------------------

    @abstractmethod
    def place(self, generator: np.random.Generator) -> np.ndarray:
        """Put the objects where they start and return the tip's start (3,) in metres."""

    @abstractmethod
    def observe(self) -> np.ndarray:
        """Return what a policy sees: float (observation_size,), about unit scale."""

    @abstractmethod
    def labels(self) -> dict[str, Any]:
        """Return `phase`, `phase_index`, `progress` in [0, 1] and `success` of this moment."""

    @abstractmethod
    def dense_reward(self) -> float:
        """Return the shaped task reward of this moment, in [0, 1]."""

    # Gymnasium ----------------------------------------------------------------------------------

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Start an episode from a random place drawn from the seed."""
        super().reset(seed=seed)
        mujoco.mj_resetData(self._model, self._data)
        start_metres = self.place(self.np_random)
        self._data.qpos[:NUM_ARM_JOINTS] = self._inverse_kinematics.solve(
            HOME_RADIANS, start_metres, iterations=60
        )
        self._data.ctrl[:] = self._data.qpos[:NUM_ARM_JOINTS]
        mujoco.mj_forward(self._model, self._data)
        self._elapsed_steps = 0
        return self._observation(), self._info()

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Move for one control step; values beyond [-1, 1] are clipped.

        Raises:
            UserError: When the action has a wrong shape or is not finite.
        """
        action = np.asarray(action, dtype=np.float64)
        if action.shape != self.action_space.shape or not np.isfinite(action).all():
            raise UserError(
                f"expected a finite action of shape {self.action_space.shape}, found {action}"
            )
        self._move(self._servo_targets(np.clip(action, -1.0, 1.0)))
        # Positions of sites and contacts belong to the step before until this call.
        mujoco.mj_forward(self._model, self._data)
        self._elapsed_steps += 1
        info = self._info()
        return (
            self._observation(),
            info[f"reward_{self.reward}"],
            False,
            self._elapsed_steps >= self.horizon,
            info,
        )

    def render(self) -> np.ndarray | None:  # type: ignore[override]
        """Return the first view, uint8 (240, 320, 3), in render mode "rgb_array"."""
        if self.render_mode != "rgb_array":
            return None
        return self.render_views(self.view_names[:1], size=(240, 320))[self.view_names[0]]

    def close(self) -> None:
        """Free the renderers."""
        self._renderer.close()

    # Cameras and states, for recorders ----------------------------------------------------------

    def render_views(
        self, views: Sequence[str] = ("front",), size: tuple[int, int] = (84, 84)
    ) -> dict[str, np.ndarray]:
        """Render named cameras: uint8 (height, width, 3) per view, `size` is (height, width) px.

        Raises:
            UserError: For a view that does not exist, or when nothing can render here.
        """
        rendering.check_views(views, self.view_names)
        return self._renderer.render(self._data, views, (int(size[0]), int(size[1])))

    def camera_parameters(self, view: str, size: tuple[int, int]) -> dict[str, Any]:
        """Return `intrinsics` (3, 3) in px and `extrinsics` (4, 4), world to camera, as lists.

        The camera looks along its +z with y down, as in OpenCV.
        """
        rendering.check_views([view], self.view_names)
        camera = self._data.cam(view)
        height, width = size
        focal_px = 0.5 * height / np.tan(np.radians(self._model.cam(view).fovy[0]) / 2)
        intrinsics = [[focal_px, 0, width / 2], [0, focal_px, height / 2], [0, 0, 1]]
        # MuJoCo's cameras look along -z with y up.
        rotation = camera.xmat.reshape(3, 3) @ np.diag([1.0, -1.0, -1.0])
        extrinsics = np.eye(4)
        extrinsics[:3, :3] = rotation.T
        extrinsics[:3, 3] = -rotation.T @ camera.xpos
        return {
            "intrinsics": np.array(intrinsics, dtype=float).tolist(),
            "extrinsics": extrinsics.tolist(),
        }

    @property
    def simulation_time_seconds(self) -> float:
        """Seconds since the reset on the simulation's clock."""
        return float(self._data.time)

    def get_state(self) -> np.ndarray:
        """Return MuJoCo's full integration state, float64 (S,)."""
        state = np.empty(mujoco.mj_stateSize(self._model, STATE))
        mujoco.mj_getState(self._model, self._data, state, STATE)
        return state

    def set_state(self, state: np.ndarray) -> None:
        """Go to a state that `get_state` returned; the count of steps is not part of it.

        Raises:
            UserError: When the state belongs to another model.
        """
        state = np.array(state, dtype=np.float64)  # MuJoCo wants memory it may write to
        expected = mujoco.mj_stateSize(self._model, STATE)
        if state.shape != (expected,):
            raise UserError(
                f"expected a state of {expected} numbers for {type(self).__name__}, "
                f"found shape {state.shape}: it belongs to another model"
            )
        mujoco.mj_setState(self._model, self._data, state, STATE)
        mujoco.mj_forward(self._model, self._data)

    # For tasks and scripted policies ------------------------------------------------------------

    @property
    def tip_metres(self) -> np.ndarray:
        """Where the tip is, (3,)."""
        return np.array(self._data.site_xpos[self._tip])

    def body_metres(self, name: str) -> np.ndarray:
        """Where the body of that name is, (3,)."""
        return np.array(self._data.body(name).xpos)

    def place_free_body(self, joint: str, position: Sequence[float], yaw_radians: float) -> None:
        """Put a free body at a position (3,) in metres, turned about the vertical."""
        half = yaw_radians / 2
        self._data.joint(joint).qpos[:] = [*position, np.cos(half), 0.0, 0.0, np.sin(half)]

    def hold_axes(self, target_metres: np.ndarray) -> np.ndarray:
        """Return the target with the axes that no action moves put back to their fixed value."""
        return target_metres

    # Inside -------------------------------------------------------------------------------------

    def _move(self, targets_radians: np.ndarray) -> None:
        # Ramps, not jumps: the tip follows the command without overshooting.
        start_radians = self._data.ctrl.copy()
        for share in np.arange(1, NUM_RAMP_PIECES + 1) / NUM_RAMP_PIECES:
            self._data.ctrl[:] = start_radians + share * (targets_radians - start_radians)
            mujoco.mj_step(self._model, self._data, nstep=self._substeps)

    def _servo_targets(self, action: np.ndarray) -> np.ndarray:
        # The servo targets of the last step are the command: no state beside the simulation's.
        target = self._inverse_kinematics.tip_metres(self._data.ctrl)
        target[list(self.controlled_axes)] += self.action_scale_metres * action
        lead = 2 * self.action_scale_metres
        target = self.tip_metres + np.clip(target - self.tip_metres, -lead, lead)
        target = np.clip(
            self.hold_axes(target), self.workspace_low_metres, self.workspace_high_metres
        )
        return self._inverse_kinematics.solve(self._data.ctrl, target)

    def _observation(self) -> np.ndarray:
        limited = np.clip(self.observe(), -OBSERVATION_LIMIT, OBSERVATION_LIMIT)
        return limited.astype(np.float32)

    def _info(self) -> dict[str, Any]:
        labels = self.labels()
        return {
            **labels,
            "reward_sparse": float(labels["success"]),
            "reward_dense": float(self.dense_reward()),
        }


def build_model_xml(bodies_xml: str, camera_target_metres: Sequence[float]) -> str:
    """Return the MJCF of the arm's scene with a task's bodies put in.

    Args:
        bodies_xml: MJCF of what lies on the table.
        camera_target_metres: (3,) point that the cameras look at.
    """
    scene = (resources.files("tcn_robot.envs") / "assets" / "arm_table.xml").read_text("utf-8")
    target = " ".join(str(number) for number in camera_target_metres)
    return scene.replace(BODIES_MARKER, bodies_xml).replace(CAMERA_MARKER, target)


def closeness(distance_metres: float, margin_metres: float) -> float:
    """Return 1 at distance 0, 1/2 at the margin, with a long tail: 1 / (1 + (d / m)²)."""
    return float(1.0 / (1.0 + (distance_metres / margin_metres) ** 2))

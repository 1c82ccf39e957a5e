"""A package's environment with what tcn_robot's recorders, rewards and policies need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium
import numpy as np

from tcn_robot.envs.adapters import packages
from tcn_robot.envs.adapters.absorbing import AbsorbingEnd
from tcn_robot.envs.adapters.filming import control_hz_of, filmed_env
from tcn_robot.envs.adapters.observations import (
    flat_observation,
    flat_space,
    package_action,
    package_labels,
    resting_action,
    success_of,
)
from tcn_robot.envs.adapters.other_scenes import RenderScene
from tcn_robot.envs.adapters.panda_scene import PandaScene
from tcn_robot.envs.adapters.views import PlacedCamera, placed_cameras
from tcn_robot.envs.randomisation.table import refuse_any
from tcn_robot.errors import UserError, unknown_name

REWARDS = ("sparse", "dense")
_PROBE_SEED = 0


class AdaptedEnv(gymnasium.Env[np.ndarray, Any]):
    """A task of Meta-World, Gymnasium-Robotics, panda-gym or any other Gymnasium environment.

    An episode always lasts `horizon` steps; once the package's own has ended, the world stands
    still (`AbsorbingEnd`). The package's action space is kept. Observations are flat float32;
    those of goal environments are observation, achieved_goal, desired_goal in this order, other
    Dict spaces lie side by side by name.

    `info` has `success` (None where the package reports none), `reward_sparse` (1 at success),
    `reward_dense` (the package's own reward, whatever its shape) and the package's own labels as
    far as they are numbers, text or truth values; None where it gives none, as at a reset.

    Attributes:
        task: Full name of the task.
        package_observation: The package's own last observation, for its scripted experts.
        proprioception_space: Bounds of `proprioception`; None where a package does not tell the
            robot's own numbers from those of things.
        success: The last `info["success"]`.
        reports_success: Whether the package ever says that the task is done.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"]}  # noqa: RUF012 - as Gymnasium has it
    embodiments = ("robot",)

    def __init__(
        self,
        task: str,
        horizon: int | None = None,
        reward: str = "dense",
        embodiment: str = "robot",
        cameras: Mapping[str, PlacedCamera | Mapping[str, Any]] | None = None,
        render_mode: str | None = None,
    ) -> None:
        """Make the package's environment and look for what can film it.

        Args:
            task: "metaworld/ID", "gymnasium_robotics/ID", "panda_gym/ID", or an id that is
                registered with Gymnasium.
            horizon: Control steps per episode; the package's own when None.
            reward: Which reward `step` returns: "sparse" or "dense".
            embodiment: "robot", the package's own.
            cameras: Further cameras by name: `PlacedCamera`, or its fields as a dictionary. They
                come before the others in `view_names`.
            render_mode: None or "rgb_array".

        Raises:
            UserError: For a package that is missing or does not fit, an unknown name, or an
                environment that nothing can film.
        """
        for kind, name, known in (
            ("task reward", reward, REWARDS),
            ("embodiment", embodiment, self.embodiments),
        ):
            if name not in known:
                raise unknown_name(kind, name, known)
        if packages.package_of(task) is not None:
            packages.check_name(task)
        self.task, self.reward, self.embodiment = task, reward, embodiment
        self.render_mode = render_mode
        self.horizon = packages.default_horizon(task) if horizon is None else int(horizon)
        if self.horizon < 1:
            raise UserError(f"horizon must be at least 1 control step, found {horizon}")
        package_env, self._scene = filmed_env(task, placed_cameras(cameras or {}))
        self._package: AbsorbingEnd = AbsorbingEnd(package_env)
        self.control_hz = control_hz_of(package_env)
        self.metadata = {**self.metadata, "render_fps": round(self.control_hz)}
        self.view_names = self._scene.view_names
        self.simulator = self._scene.simulator
        self.action_space = self._package.action_space
        self.observation_space = flat_space(self._package.observation_space)
        self._felt = list(packages.proprioceptive_numbers(task))
        self.proprioception_space = (
            gymnasium.spaces.Box(
                self.observation_space.low[self._felt], self.observation_space.high[self._felt]
            )
            if self._felt
            else None
        )
        self.package_observation: Any = None
        self.success: bool | None = None
        self._elapsed_steps = 0
        self._pictures: dict[tuple[str, tuple[int, int]], np.ndarray] = {}
        self._labels, self.reports_success = self._probe()

    # Gymnasium ----------------------------------------------------------------------------------

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Start an episode; the package gets the seed itself, or one drawn after the last one."""
        super().reset(seed=seed)
        if seed is None:
            # Some packages draw from the system's entropy when they get none.
            seed = int(self.np_random.integers(1 << 31))
        if isinstance(self._scene, PandaScene):
            self._scene.settle()
        self.package_observation, info = self._package.reset(seed=seed, options=options)
        self._elapsed_steps = 0
        self._moved()
        return self._flat(), self._info(info, 0.0)

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Do one control step; it is the package that clips or refuses actions."""
        was_over = self._package.ended
        self.package_observation, reward, _, _, info = self._package.step(
            package_action(self.action_space, action)
        )
        self._elapsed_steps += 1
        if not was_over:
            self._moved()
        labels = self._info(info, reward)
        return (
            self._flat(),
            labels[f"reward_{self.reward}"],
            False,
            self._elapsed_steps >= self.horizon,
            labels,
        )

    def render(self) -> np.ndarray | None:  # type: ignore[override]
        """Return the first view, uint8 (240, 320, 3), in render mode "rgb_array"."""
        if self.render_mode != "rgb_array":
            return None
        return self.render_views(self.view_names[:1], size=(240, 320))[self.view_names[0]]

    def close(self) -> None:
        """Free renderers and connections."""
        self._scene.close()
        self._package.close()

    # Cameras and states, for recorders ----------------------------------------------------------

    def render_views(
        self, views: Sequence[str] | None = None, size: tuple[int, int] = (84, 84)
    ) -> dict[str, np.ndarray]:
        """Render cameras: uint8 (height, width, 3) per view, `size` is (height, width) px.

        Args:
            views: Names of cameras; the first one when None. A view that was rendered since
                anything moved is not rendered again.
            size: Height and width.

        Raises:
            UserError: For a view that does not exist, or when nothing can render here.
        """
        views = self.view_names[:1] if views is None else views
        size = (int(size[0]), int(size[1]))
        missing = [view for view in views if (view, size) not in self._pictures]
        if missing:
            try:
                rendered = self._scene.render_views(missing, size)
            except gymnasium.error.DependencyNotInstalled as error:
                raise UserError(f"task {self.task} cannot be filmed: {error}") from error
            self._pictures.update({(view, size): rendered[view] for view in missing})
        return {view: self._pictures[view, size].copy() for view in views}

    def camera_parameters(self, view: str, size: tuple[int, int]) -> dict[str, Any]:
        """Return `intrinsics` (3, 3) in px and `extrinsics` (4, 4), world to camera, as lists.

        The camera looks along its +z with y down, as in OpenCV. Both are None for a package that
        can only `render`.
        """
        return self._scene.camera_parameters(view, size)

    @property
    def model_xml(self) -> str:
        """The exact model, as text, with the files it needs; see `packed_mjcf`."""
        return self._scene.model_text

    @property
    def simulation_time_seconds(self) -> float:
        """Seconds since the reset on the simulation's clock, which every step moves on evenly."""
        return self._elapsed_steps / self.control_hz

    def get_state(self) -> np.ndarray:
        """Return all that rendering needs, float64 (S,)."""
        return self._scene.get_state()

    def apply(self, randomisation: dict[str, Any]) -> None:
        """Take what was drawn for an episode: nothing but where things start.

        Raises:
            UserError: When there is anything.
        """
        refuse_any(randomisation)

    def set_state(self, state: np.ndarray) -> None:
        """Go to a state that `get_state` returned.

        What a package keeps in Python (MuJoCo tasks: the goal) stays as the last reset left it.

        Raises:
            UserError: When the state belongs to another model, or the package has no states.
        """
        self._scene.set_state(state)
        self._pictures.clear()

    def proprioception(self) -> np.ndarray:
        """Return what the robot feels of itself, float32 (P,) in `proprioception_space`.

        Raises:
            UserError: For a package of which nobody has written down which numbers these are.
        """
        if self.proprioception_space is None:
            raise UserError(
                f"task {self.task} does not say which of its observations are the robot's own, so "
                "it has no proprioception; choose a task of tcn_robot or Meta-World"
            )
        space = self.proprioception_space
        return np.clip(self._flat()[self._felt], space.low, space.high)

    # Inside -------------------------------------------------------------------------------------

    def _moved(self) -> None:
        self._scene.moved()
        self._pictures.clear()

    def _flat(self) -> np.ndarray:
        return flat_observation(self._package.observation_space, self.package_observation)

    def _probe(self) -> tuple[tuple[str, ...], bool]:
        """Return the labels that a reset and a step give, and whether success is among them.

        Every row of a recording has the same columns, so they must be known before the first.
        """
        _, at_reset = self._package.reset(seed=_PROBE_SEED)
        if isinstance(self._scene, RenderScene):
            # What it draws with may be missing; better said before anything is recorded.
            self.render_views()
            self._moved()
        *_, at_step = self._package.step(resting_action(self.action_space))
        known = dict.fromkeys([*package_labels(at_reset), *package_labels(at_step)])
        return tuple(known), success_of({**at_reset, **at_step}) is not None

    def _info(self, info: Mapping[str, Any], reward: float) -> dict[str, Any]:
        success = success_of(info)
        if success is None and self.reports_success:
            success = False  # at a reset, of which the package says nothing
        self.success = success
        labels = package_labels(info)
        return {
            "success": success,
            "reward_sparse": float(bool(success)),
            "reward_dense": float(reward),
            **{name: labels.get(name) for name in self._labels},
        }

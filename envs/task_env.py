"""The Gymnasium interface of a task, with any body in any simulator."""

from __future__ import annotations

import copy
import importlib
from collections.abc import Sequence
from typing import Any, ClassVar

import gymnasium
import numpy as np

from tcn_robot.envs.bodies import BODIES, make_body
from tcn_robot.envs.cameras import FIXED_CAMERAS, VIEW_NAMES
from tcn_robot.envs.control import CONTROLS, Control
from tcn_robot.envs.proprioception import PROPRIOCEPTION_SIZE, proprioception
from tcn_robot.envs.randomisation.distractors import DISTRACTORS
from tcn_robot.envs.randomisation.drawing import Drawn, draw, separate_generator
from tcn_robot.envs.randomisation.table import chosen_names
from tcn_robot.envs.task import Start, Task
from tcn_robot.envs.world import Scene, World
from tcn_robot.errors import UserError, unknown_name

OBSERVATION_LIMIT = 10.0
REWARDS = ("sparse", "dense")
RESET_OPTIONS = ("randomisation", "state")
SIMULATORS = {
    "mujoco": "tcn_robot.envs.mujoco.world:MujocoWorld",
    "pybullet": "tcn_robot.envs.bullet.world:BulletWorld",
}


class TaskEnv(gymnasium.Env[np.ndarray, np.ndarray]):
    """A task of fixed length.

    An episode always lasts `horizon` steps: success never ends it, because a learned reward per
    step would pay the agent to hover just before the end. `info` carries `phase`, `phase_index`,
    `progress`, `success`, `contact`, the poses of things, `reward_sparse` and `reward_dense`; they
    are for benchmarks and comparisons, never for learning an embedding. `reset` also returns
    `randomisation`: what was drawn for the episode besides where things start.

    Attributes:
        randomise: Names of what is drawn anew for each episode.
        randomisation: What was drawn for this one; a body's skin is drawn always.
    """

    randomisation: Drawn

    metadata: ClassVar[dict[str, Any]] = {  # type: ignore[misc]
        "render_modes": ["rgb_array"],
        "render_fps": 10,
    }

    control_hz = 10.0
    view_names = VIEW_NAMES
    fixed_views = tuple(FIXED_CAMERAS)
    embodiments = tuple(BODIES)

    def __init__(
        self,
        task: str | type[Task],
        simulator: str = "mujoco",
        horizon: int = 80,
        reward: str = "sparse",
        embodiment: str = "robot",
        control: str = "end_effector",
        shadows: bool = False,
        randomise: str | Sequence[str] = (),
        moving_cameras: bool = False,
        render_mode: str | None = None,
    ) -> None:
        """Build the model.

        Args:
            task: The class of the task, or "module:Class".
            simulator: "mujoco" or "pybullet".
            horizon: Control steps per episode.
            reward: Which of the task's own rewards `step` returns: "sparse" or "dense".
            embodiment: Who does the task: a name of `BODIES`.
            control: What an action means: "end_effector" or "joint_positions".
            shadows: Whether pictures have shadows and reflections; ten times slower in software.
            randomise: What each episode draws anew: names of `randomisation.table.RANGES`, or
                "all". Where things start does not depend on it.
            moving_cameras: Whether the fixed cameras drift as if held by hand.
            render_mode: None or "rgb_array".

        Raises:
            UserError: For an unknown name or a horizon below one.
        """
        self._options = {
            "task": task,
            "simulator": simulator,
            "horizon": horizon,
            "reward": reward,
            "embodiment": embodiment,
            "control": control,
            "shadows": shadows,
            "randomise": randomise,
            "moving_cameras": moving_cameras,
            "render_mode": render_mode,
        }
        _check_names(reward, control, simulator)
        if horizon < 1:
            raise UserError(f"horizon must be at least 1 control step, found {horizon}")
        self.simulator, self.embodiment, self.horizon = simulator, embodiment, int(horizon)
        self.reward, self.render_mode = reward, render_mode
        task_class = load_named(task) if isinstance(task, str) else task
        world_class: Any = load_named(SIMULATORS[simulator])
        self.randomise = chosen_names(randomise, world_class.randomisations)
        self.moving_cameras, self.randomisation = bool(moving_cameras), {}
        scene = task_scene(task_class, embodiment, self.control_hz, shadows, self.randomise)
        self.world: World = world_class(scene)
        self.task: Task = task_class(self.world)
        self._control: Control = CONTROLS[control](self.task, self.world)
        self.demonstration: dict[str, Any] = {}
        """What a scripted demonstrator says of the episode, such as how it fails on purpose."""
        self._elapsed_steps = 0
        self._pictures: dict[tuple[str, tuple[int, int]], np.ndarray] = {}
        self._pictures_version = -1
        self.action_space = gymnasium.spaces.Box(
            -1.0, 1.0, (self._control.action_size,), np.float32
        )
        self.observation_space = gymnasium.spaces.Box(
            -OBSERVATION_LIMIT, OBSERVATION_LIMIT, (task_class.observation_size,), np.float32
        )
        self.proprioception_space = gymnasium.spaces.Box(
            -OBSERVATION_LIMIT, OBSERVATION_LIMIT, (PROPRIOCEPTION_SIZE,), np.float32
        )

    # Gymnasium ----------------------------------------------------------------------------------

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Start an episode from a random place drawn from the seed.

        Args:
            seed: Seed of the randomness; None goes on with it.
            options: `randomisation`: what to set instead of drawing it, as `info` had it. `state`:
                where to start, as `get_state` returned it. What a task remembers of its start, as
                for `progress`, still follows from the seed.

        Raises:
            UserError: For another option, or what belongs to another model.
        """
        options = options or {}
        for name in options:
            if name not in RESET_OPTIONS:
                raise unknown_name("reset option", name, RESET_OPTIONS)
        super().reset(seed=seed)
        self.demonstration = {}
        self.world.clear()
        drawn = options.get("randomisation")
        self._set_randomisation(self._draw() if drawn is None else copy.deepcopy(drawn))
        self._stand(self.task.place(self.np_random))
        if "state" in options:
            self.world.set_state(options["state"])
        self._elapsed_steps = 0
        info = {**self._info(), "randomisation": copy.deepcopy(self.randomisation)}
        return self._observation(), info

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
        self.world.command(*self._control.targets(np.clip(action, -1.0, 1.0)))
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
        """Free renderers and connections."""
        self.world.close()

    # Cameras and states, for recorders ----------------------------------------------------------

    def render_views(
        self, views: Sequence[str] = ("front",), size: tuple[int, int] = (84, 84)
    ) -> dict[str, np.ndarray]:
        """Render named cameras: uint8 (height, width, 3) per view, `size` is (height, width) px.

        A view that was rendered since anything moved is not rendered again.

        Raises:
            UserError: For a view that does not exist, or when nothing can render here.
        """
        size = (int(size[0]), int(size[1]))
        if self._pictures_version != self.world.version:
            self._pictures.clear()
            self._pictures_version = self.world.version
        missing = [view for view in views if (view, size) not in self._pictures]
        if missing:
            rendered = self.world.render(missing, size)
            self._pictures.update({(view, size): rendered[view] for view in missing})
        return {view: self._pictures[view, size].copy() for view in views}

    def camera_parameters(self, view: str, size: tuple[int, int]) -> dict[str, Any]:
        """Return `intrinsics` (3, 3) in px and `extrinsics` (4, 4), world to camera, as lists.

        The camera looks along its +z with y down, as in OpenCV. `moving` is true where they are of
        this moment only.
        """
        return self.world.camera_parameters(view, size)

    def observe(self) -> np.ndarray:
        """Return what a policy sees of the present state, float32 (O,); as `step` returns it."""
        return self._observation()

    def proprioception(self) -> np.ndarray:
        """Return what the body feels of itself, float32 (13,) in `proprioception_space`.

        Of the things on the table there is nothing in it; `envs/proprioception.py` has the order.
        """
        return self._limited(proprioception(self.task, self.world))

    @property
    def model_xml(self) -> str:
        """The exact model, as text."""
        return self.world.model_text

    @property
    def simulation_time_seconds(self) -> float:
        """Seconds since the reset on the simulation's clock."""
        return self.world.time_seconds

    def get_state(self) -> np.ndarray:
        """Return the simulator's full state, float64 (S,)."""
        return self.world.get_state()

    def set_state(self, state: np.ndarray) -> None:
        """Go to a state that `get_state` returned; the count of steps is not part of it.

        Raises:
            UserError: When the state belongs to another model.
        """
        self.world.set_state(state)

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process needs to go on from here; models are built again there."""
        episode = {name: value for name, value in vars(self.task).items() if name != "world"}
        return {
            "options": self._options,
            "spec": self.spec,
            "randomisation": self.randomisation,
            "state": self.get_state(),
            "episode": episode,
            "elapsed_steps": self._elapsed_steps,
            "demonstration": self.demonstration,
            "np_random": self._np_random,
            "np_random_seed": self._np_random_seed,
        }

    def __setstate__(self, saved: dict[str, Any]) -> None:
        """Build the environment anew and go to where the other one was."""
        self.__init__(**saved["options"])  # type: ignore[misc]
        self.spec = saved["spec"]
        self._set_randomisation(saved["randomisation"])
        self.set_state(saved["state"])
        vars(self.task).update(saved["episode"])
        self._elapsed_steps = saved["elapsed_steps"]
        self.demonstration = saved["demonstration"]
        self._np_random, self._np_random_seed = saved["np_random"], saved["np_random_seed"]

    # Inside -------------------------------------------------------------------------------------

    def _draw(self) -> Drawn:
        workspace = (self.task.workspace_low_metres, self.task.workspace_high_metres)
        generator = separate_generator(self.np_random)
        return draw(generator, self.randomise, self.world.scene, workspace, self.moving_cameras)

    def _set_randomisation(self, drawn: Drawn) -> None:
        self.world.apply(drawn)
        self.randomisation = drawn

    def _stand(self, start: Start) -> None:
        carrier, tool = self.world.scene.body.carrier, self.world.scene.tool
        joints = carrier.solve(
            carrier.home(tool), start.tip_metres, start.roll_radians, tool, iterations=60
        )
        self.world.stand(joints, start.opening)

    def _observation(self) -> np.ndarray:
        return self._limited(self.task.observe())

    @staticmethod
    def _limited(numbers: np.ndarray) -> np.ndarray:
        return np.clip(numbers, -OBSERVATION_LIMIT, OBSERVATION_LIMIT).astype(np.float32)

    def _info(self) -> dict[str, Any]:
        labels = self.task.labels()
        return {
            "phase": self.task.phases[labels["phase_index"]],
            **labels,
            **{f"pose_{thing}": self._pose(thing) for thing in self.task.reported()},
            "reward_sparse": float(labels["success"]),
            "reward_dense": float(self.task.dense_reward()),
        }

    def _pose(self, thing: str) -> np.ndarray:
        """Return position in metres and quaternion (w, x, y, z) of a thing, (7,)."""
        return np.concatenate([self.world.position(thing), self.world.quaternion(thing)])


def _check_names(reward: str, control: str, simulator: str) -> None:
    for kind, name, known in (
        ("task reward", reward, REWARDS),
        ("control", control, tuple(CONTROLS)),
        ("simulator", simulator, tuple(SIMULATORS)),
    ):
        if name not in known:
            raise unknown_name(kind, name, known)


def task_scene(
    task: type[Task],
    embodiment: str,
    control_hz: float = TaskEnv.control_hz,
    shadows: bool = False,
    randomise: Sequence[str] = (),
) -> Scene:
    """Return what a simulator needs to build the model of a task.

    Raises:
        UserError: For an unknown body.
    """
    return Scene(
        (*task.things, *(DISTRACTORS if "distractors" in randomise else ())),
        make_body(embodiment, task.tool),
        task.tool,
        task.camera_target_metres,
        control_hz,
        shadows,
    )


def load_named(name: str) -> Any:
    """Import what is called "module:attribute"."""
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)

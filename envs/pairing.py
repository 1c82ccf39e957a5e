"""Shows recorded states of one body with another body, without physics: paired episodes.

Things, clock and distractors are the recorded ones to the last bit. The other body is posed so that
its tip, its roll and the gap between its fingers are those of the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import tcn_robot.envs as envs
from tcn_robot.envs.bodies import make_body
from tcn_robot.envs.bodies.body import roll_of
from tcn_robot.envs.cameras import VIEW_NAMES, WRIST
from tcn_robot.envs.mujoco.model import FINGER_JOINTS, TIP_SITE
from tcn_robot.envs.mujoco.world import STATE, MujocoWorld
from tcn_robot.envs.randomisation.drawing import Drawn, draw
from tcn_robot.envs.randomisation.table import SKIN
from tcn_robot.envs.simulator import mujoco
from tcn_robot.envs.table import entry_of
from tcn_robot.errors import UserError

SOLVER_ITERATIONS = 60


class PairedMujocoModel:
    """Renders states of a stored MuJoCo model with another body.

    Attributes:
        view_names: Cameras of the tasks.
        embodiment: The other body.
        model_text: The model with it.
        randomisation: What is set in it.
    """

    view_names = VIEW_NAMES

    def __init__(self, model_xml: str, task_id: str, recorded: str, embodiment: str) -> None:
        """Build both models.

        Args:
            model_xml: The stored model.
            task_id: Full id of its task.
            recorded: The body in it.
            embodiment: The body to show instead.

        Raises:
            UserError: When the task is not one of the table, or not MuJoCo's, or the stored model
                lacks a thing of it.
        """
        entry = entry_of(task_id)
        if entry is None or model_xml.lstrip().startswith("{"):
            raise UserError(
                f"paired episodes need MuJoCo recordings of a task of tcn_robot, found {task_id}"
            )
        self.embodiment = embodiment
        self.randomisation: Drawn = {}
        self._skin: Drawn = {}
        self._stored = mujoco.MjModel.from_xml_string(model_xml)
        self._stored_data = mujoco.MjData(self._stored)
        names = [self._stored.body(index).name for index in range(self._stored.nbody)]
        randomise = ("distractors",) if "distractor1" in names else ()
        env: Any = envs.make_task(task_id, embodiment=embodiment, randomise=randomise).unwrapped
        self._world: MujocoWorld = env.world
        self.model_text = self._world.model_text
        fingers = make_body(recorded, self._world.scene.tool).effector.fingers
        self._travel = np.array([finger.travel for finger in fingers])
        self._copied_joints = self._shared("joint", "njnt", self._joints_of_bodies())
        self._copied_mocaps = self._shared("body", "nbody", {"world"}, mocap=True)

    def begin(self, generator: np.random.Generator) -> None:
        """Go on to another episode: the other body's skin is drawn with this randomness."""
        nothing = np.zeros(3)
        self._skin = draw(generator, (), self._world.scene, (nothing, nothing))

    def apply(self, randomisation: Drawn) -> None:
        """Set what was drawn for the recorded episode, but for what belongs to its body.

        Raises:
            UserError: For what the model has not.
        """
        kept = {name: value for name, value in randomisation.items() if name != SKIN}
        if "camera" in kept:
            cameras = kept["camera"].items()
            kept["camera"] = {view: camera for view, camera in cameras if view != WRIST}
        self.randomisation = {**kept, **self._skin}
        self._world.apply(self.randomisation)

    def set_state(self, state: np.ndarray) -> None:
        """Show a recorded state, float64 (S,), with the other body.

        Raises:
            UserError: When state and model do not belong together.
        """
        state = np.array(state, dtype=np.float64)
        expected = mujoco.mj_stateSize(self._stored, STATE)
        if state.shape != (expected,):
            raise UserError(
                f"expected states of {expected} numbers, found {state.shape}: states and model "
                "do not belong together; restore the dataset from a copy"
            )
        old, new = self._stored_data, self._world.data
        mujoco.mj_setState(self._stored, old, state, STATE)
        mujoco.mj_kinematics(self._stored, old)
        self._world.clear()
        new.time = old.time
        for name in self._copied_joints:
            new.joint(name).qpos[:] = old.joint(name).qpos
            new.joint(name).qvel[:] = old.joint(name).qvel
        for name in self._copied_mocaps:
            its, ours = (model.body(name).mocapid[0] for model in (self._stored, self._world.model))
            new.mocap_pos[ours], new.mocap_quat[ours] = old.mocap_pos[its], old.mocap_quat[its]
        self._pose_body(old)

    def render_views(self, views: Sequence[str], size: tuple[int, int]) -> dict[str, np.ndarray]:
        """Return uint8 (H, W, 3) RGB by view; size is (height, width) in pixels."""
        return self._world.render(views, size)

    def camera_parameters(self, view: str, size: tuple[int, int]) -> dict[str, Any]:
        """Return intrinsics (3x3) and extrinsics (4x4, world to camera; OpenCV's axes)."""
        return self._world.camera_parameters(view, size)

    def get_state(self) -> np.ndarray:
        """Return the state with the other body, float64 (S,)."""
        return self._world.get_state()

    def close(self) -> None:
        """Free the GL contexts."""
        self._world.close()

    def _pose_body(self, old: mujoco.MjData) -> None:
        """Bring the other body's tip, roll and opening to those of the recorded one."""
        scene = self._world.scene
        tip = old.site(TIP_SITE)
        roll = roll_of(tip.xmat.reshape(3, 3), scene.tool)
        openings = [old.joint(name).qpos[0] for name in FINGER_JOINTS] / self._travel
        carrier = scene.body.carrier
        joints = carrier.solve(
            carrier.home(scene.tool), tip.xpos, roll, scene.tool, SOLVER_ITERATIONS
        )
        self._world.stand(joints, float(openings.mean()))

    def _joints_of_bodies(self) -> set[str]:
        num_joints = self._world.scene.body.carrier.num_joints
        carriers = {f"joint{index + 1}" for index in range(max(num_joints, self._stored.njnt))}
        return carriers | set(FINGER_JOINTS)

    def _shared(self, kind: str, count: str, other: set[str], mocap: bool = False) -> list[str]:
        """Return the names of things that both models must have, `other` names left out."""

        def names(model: mujoco.MjModel) -> list[str]:
            named = [getattr(model, kind)(index) for index in range(getattr(model, count))]
            return [
                one.name
                for one in named
                if one.name not in other and (not mocap or one.mocapid[0] >= 0)
            ]

        ours, its = names(self._world.model), names(self._stored)
        if set(ours) != set(its):
            odd = sorted(set(ours) ^ set(its))[0]
            raise UserError(
                f"the stored model and the task as it is now do not have the same things: {odd!r} "
                "is in one of them only; record the dataset again"
            )
        return ours

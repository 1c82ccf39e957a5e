"""New looks for recorded episodes: light, colours, texture, cameras, distractors, skin drawn anew.

Only what the motion does not depend on: the recorded states are shown in the new look.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np

from tcn_robot.envs.cameras import FIXED_CAMERAS
from tcn_robot.envs.randomisation.camera_poses import is_moving
from tcn_robot.envs.randomisation.drawing import Drawn, draw
from tcn_robot.envs.randomisation.table import ALL, RANGES, SKIN
from tcn_robot.envs.table import entry_of
from tcn_robot.envs.task import Task
from tcn_robot.envs.task_env import load_named, task_scene
from tcn_robot.envs.world import Scene
from tcn_robot.errors import UserError, unknown_name

DISTRACTING = "distractors"
LOOKS = ("light", "colour", "texture", "camera", DISTRACTING, SKIN)
"""What can be drawn anew, in the order in which it is named."""


def look_names(names: Sequence[str]) -> tuple[str, ...]:
    """Return names of `LOOKS` in their order; "all" stands for each of them.

    Raises:
        UserError: For another name, with the nearest, or why it cannot be drawn anew.
    """
    for name in names:
        if name in RANGES and name not in LOOKS:
            raise UserError(
                f"{name} cannot be drawn anew, the recorded motion depends on it; record again "
                f"with --randomise {name}, or choose among {', '.join((*LOOKS, ALL))}"
            )
        if name not in (*LOOKS, ALL):
            raise unknown_name("randomisation", name, (*LOOKS, ALL))
    return tuple(name for name in LOOKS if ALL in names or name in names)


class LookDrawer:
    """Draws looks for the episodes of one task by one body."""

    def __init__(self, task_id: str, embodiment: str) -> None:
        """Read the task's description; no simulator is needed.

        Args:
            task_id: Full id.
            embodiment: The body in the episodes.

        Raises:
            UserError: When the task is none of the table, or the body is unknown.
        """
        entry = entry_of(task_id)
        if entry is None:
            raise UserError(
                f"episodes of {task_id} have nothing to randomise: only tasks of tcn_robot have "
                "lights, colours, textures and cameras to draw anew; leave --randomise out"
            )
        task: type[Task] = load_named(entry.task)
        self._scene: Scene = task_scene(task, embodiment)
        self._workspace = (task.workspace_low_metres, task.workspace_high_metres)

    def drawable(self, recorded: Drawn) -> tuple[str, ...]:
        """Return which of `LOOKS` an episode has: distractors must be in its model.

        Args:
            recorded: What `episode.json` says was drawn.
        """
        absent = {
            SKIN: not self._scene.body.skin,
            DISTRACTING: DISTRACTING not in recorded,
        }
        return tuple(name for name in LOOKS if not absent.get(name, False))

    def draw(
        self,
        recorded: Drawn,
        names: Sequence[str],
        moving_cameras: bool,
        generator: np.random.Generator,
    ) -> Drawn:
        """Return the recorded look with what is named drawn anew, as plain JSON data.

        Cameras that drifted go on drifting in a new way when they are drawn anew.

        Args:
            recorded: What `episode.json` says was drawn; it is not changed.
            names: Names of `LOOKS`; those that the episode has not are left out.
            moving_cameras: Let the fixed cameras drift, in a new way if they did already.
            generator: Randomness.
        """
        look = copy.deepcopy(recorded)
        names = [name for name in self.drawable(recorded) if name in names]
        before = look.get("camera", {})
        drifted = any(is_moving(entry) for entry in before.values())
        moves = moving_cameras or ("camera" in names and drifted)
        drawn = draw(generator, names, self._scene, self._workspace, moves)
        look.update({name: drawn[name] for name in names})
        if moving_cameras and "camera" not in names:  # where they were, with other waves
            cameras = {view: {**before.get(view, drawn["camera"][view])} for view in FIXED_CAMERAS}
            for view, entry in cameras.items():
                entry["waves"] = drawn["camera"][view]["waves"]
            look["camera"] = {**before, **cameras}
        return look

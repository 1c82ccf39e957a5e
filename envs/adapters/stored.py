"""From the text that stands for a recorded task's model to what renders its states again."""

from __future__ import annotations

from tcn_robot.envs.adapters.mujoco_scene import StoredScene
from tcn_robot.envs.adapters.other_scenes import SceneDescription, read_description
from tcn_robot.envs.adapters.packages import made_by, package_of
from tcn_robot.envs.adapters.packed_mjcf import is_packed
from tcn_robot.envs.stored_model import StoredModel
from tcn_robot.errors import UserError


def stored_scene(model_text: str) -> StoredModel | None:
    """Return what renders the states of an adapted task, None for a model that is no such task's.

    Args:
        model_text: The model as the dataset holds it.

    Raises:
        UserError: For a task that can only `render()`, or whose package is missing or another
            version than the one that was recorded.
    """
    if is_packed(model_text):
        return StoredScene(model_text)
    description = read_description(model_text)
    if description is None:
        return None
    return _from_package(description)


def _from_package(description: SceneDescription) -> StoredModel:
    from tcn_robot.envs.adapters.adapted_env import AdaptedEnv

    found = package_of(description.task)
    if found is None or found[0] != "panda_gym":
        raise UserError(
            f"episodes of {description.task} cannot be rendered again: {description.made_by} can "
            "only render() its own picture and gives no states; record them again"
        )
    env = AdaptedEnv(description.task, cameras=description.cameras)
    if made_by(description.task) != description.made_by:
        env.close()
        raise UserError(
            f"the states of {description.task} were recorded with {description.made_by}, found "
            f"{made_by(description.task)}; install that version to render them again"
        )
    env.reset(seed=0)
    return env

"""Films one action, again until it is achieved."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

from tcn_robot.envs.actions.action import Action, moment
from tcn_robot.envs.demonstrators.motion import Style
from tcn_robot.envs.task_env import TaskEnv
from tcn_robot.errors import UserError

NUM_ATTEMPTS = 8
LEAST_FRAMES, MOST_FRAMES = 10, 90
SLOWEST = 0.55


class NotAchieved(UserError):
    """An action was not achieved in any attempt."""


@dataclass(frozen=True)
class Clip:
    """A film of an action.

    Attributes:
        frames: uint8 (T, H, W, 3), RGB.
        randomisation: What was drawn for the scene, plain data.
        attempts: How often the action was tried.
    """

    frames: np.ndarray
    randomisation: dict[str, Any]
    attempts: int


def film_clip(
    env: TaskEnv,
    action: Action,
    scene_seed: int,
    generator: np.random.Generator,
    view: str,
    size: tuple[int, int],
) -> Clip:
    """Film an action in the scene of a seed.

    Args:
        env: The action's task, with any body.
        action: What is done.
        scene_seed: Settles where things start and how the scene looks.
        generator: Source of the demonstrator's randomness.
        view: Camera.
        size: (height, width) in pixels.

    Raises:
        NotAchieved: When no attempt shows the action from beginning to end.
    """
    for attempt in range(1, NUM_ATTEMPTS + 1):
        info = env.reset(seed=scene_seed)[1]
        style = Style.draw(generator, slowest=SLOWEST)
        if action.prepares is not None:
            for move in action.prepares(env, style, generator):
                info = env.step(move)[4]
        frames, moments = [env.render_views((view,), size)[view]], [moment(env, info)]
        for move in itertools.islice(action.does(env, style, generator), MOST_FRAMES):
            info = env.step(move)[4]
            frames.append(env.render_views((view,), size)[view])
            moments.append(moment(env, info))
        if LEAST_FRAMES <= len(frames) <= MOST_FRAMES and action.achieved(moments):
            return Clip(np.stack(frames), env.randomisation, attempt)
    raise NotAchieved(
        f"{action.name} by {env.embodiment} was not achieved in {NUM_ATTEMPTS} attempts in the "
        f"scene of seed {scene_seed}"
    )

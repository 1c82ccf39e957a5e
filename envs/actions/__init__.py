"""Short actions for a recognition set; adding one is one entry in a file here.

Each film shows one action from its beginning to its end. Most classes have a mirror: what the one
shows, the other shows backwards, done by the same physics and never by reversing a film, so that no
single frame tells them apart.
"""

from __future__ import annotations

from tcn_robot.envs.actions.action import Action, Moment
from tcn_robot.envs.actions.blocks import BLOCK_ACTIONS
from tcn_robot.envs.actions.filming import Clip, NotAchieved, film_clip
from tcn_robot.envs.actions.furniture import FURNITURE_ACTIONS
from tcn_robot.envs.actions.gestures import GESTURE_ACTIONS
from tcn_robot.envs.actions.pouring import POUR_ACTIONS

__all__ = ["ACTIONS", "Action", "Clip", "Moment", "NotAchieved", "film_clip"]

ACTIONS: dict[str, Action] = {
    action.name: action
    for action in sorted(
        (*BLOCK_ACTIONS, *FURNITURE_ACTIONS, *POUR_ACTIONS, *GESTURE_ACTIONS),
        key=lambda action: action.name,
    )
}

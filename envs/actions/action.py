"""What an action is: how its film begins, how it is done, and how it is seen that it was done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tcn_robot.envs.demonstrators.motion import Actions, Style
from tcn_robot.envs.task_env import TaskEnv

Moment = dict[str, Any]
"""`info` of a moment, with `tip` (3,) in metres and, by name of what slides, `slides` in metres."""
Piece = Callable[[TaskEnv, Style, np.random.Generator], Actions]


@dataclass(frozen=True)
class Action:
    """One class of short films.

    Attributes:
        name: In CamelCase, as UCF101 names its classes.
        task: Name in `TASK_TABLE`: where it happens.
        does: What is filmed.
        achieved: Whether the moments of a film, from its first frame to its last, show it.
        meaning: One sentence for the table of classes.
        prepares: What happens before the film begins; places things or acts without being filmed.
        mirror: The class that shows the same backwards, so that only the order of time tells the
            two apart; "" if there is none.
    """

    name: str
    task: str
    does: Piece
    achieved: Callable[[Sequence[Moment]], bool]
    meaning: str
    prepares: Piece | None = None
    mirror: str = ""


def moment(env: TaskEnv, info: dict[str, Any]) -> Moment:
    """Return what predicates see of a moment."""
    slides = {
        thing.name: env.world.slide(thing.name)
        for thing in env.task.things
        if thing.slide is not None
    }
    return {**info, "tip": env.world.tip_metres, "slides": slides}


def height_metres(moments: Sequence[Moment], thing: str) -> tuple[float, float]:
    """Return how high a thing is at the first and at the last frame."""
    return float(moments[0][f"pose_{thing}"][2]), float(moments[-1][f"pose_{thing}"][2])


def way_metres(moments: Sequence[Moment], thing: str) -> np.ndarray:
    """Return the way of a thing from the first frame to the last, (3,)."""
    way: np.ndarray = moments[-1][f"pose_{thing}"][:3] - moments[0][f"pose_{thing}"][:3]
    return way

"""Gaps between what was shown and what is learned: each a name for options, and a check.

A gap sets what follows from its name and is not given: `--gap one-demonstration` is
`--max-demos 1`. Results carry the name, so that a gap is a row of a table.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

from tcn_robot.envs.table import SIMULATOR_PREFIXES, TASKS, same_task_in
from tcn_robot.errors import UserError
from tcn_robot.policies.config import ImitateConfig
from tcn_robot.policies.environments import full_task_id


@dataclass(frozen=True)
class Shown:
    """What demonstrations show.

    Attributes:
        task: Their task, as the dataset names it; "" where it names none.
        bodies: Their bodies, "" where none is named.
        views: Views of the first of them.
    """

    task: str
    bodies: tuple[str, ...]
    views: tuple[str, ...]


@dataclass(frozen=True)
class Acting:
    """What acts.

    Attributes:
        body: Its body.
        views: The task's cameras.
    """

    body: str
    views: tuple[str, ...]


Bridge = Callable[[ImitateConfig, Shown, Acting], ImitateConfig]


def same_body(config: ImitateConfig, shown: Shown, acting: Acting) -> ImitateConfig:
    """Check that the body that acts is the one that was shown."""
    if shown.bodies != (acting.body,):
        raise UserError(
            f"gap same-body: expected demonstrations by {acting.body}, found "
            f"{_named(shown.bodies)}; give --gap other-body or other demonstrations"
        )
    return config


def other_body(config: ImitateConfig, shown: Shown, acting: Acting) -> ImitateConfig:
    """Check that the body that acts was not shown, as from a hand to a robot."""
    if acting.body in shown.bodies:
        raise UserError(
            f"gap other-body: expected demonstrations by another body than {acting.body}, found "
            f"{_named(shown.bodies)}; record some with --embodiment hand"
        )
    return config


def other_camera(config: ImitateConfig, shown: Shown, acting: Acting) -> ImitateConfig:
    """Score by cameras that no demonstration was filmed with, as far as the task has such."""
    views = config.views or shown.views[:1]
    if config.scored_views:
        cameras = config.scored_views
    else:
        unseen = [view for view in acting.views if view not in shown.views]
        rest = [view for view in acting.views if view in shown.views and view not in views]
        cameras = tuple([*unseen, *rest][: len(views)])
    if len(cameras) < len(views) or set(cameras) & set(views):
        raise UserError(
            f"gap other-camera: expected {len(views)} other cameras than {', '.join(views)}, found "
            f"{', '.join(cameras) or 'none'}; name them with --scored-views"
        )
    return dataclasses.replace(config, views=views, scored_views=cameras)


def other_simulator(config: ImitateConfig, shown: Shown, acting: Acting) -> ImitateConfig:
    """Act in the other simulator's version of the task that was shown."""
    if not shown.task:
        raise UserError(
            "gap other-simulator: expected demonstrations that name their task, found none; "
            "name the other simulator's task and leave --gap out"
        )
    task = full_task_id(config.task)
    if task.rpartition("/")[2] != shown.task.rpartition("/")[2]:
        return config  # another version is asked for already
    here = TASKS[task][1] if task in TASKS else ""
    elsewhere = [same_task_in(task, name) for name in SIMULATOR_PREFIXES if name != here]
    found = [name for name in elsewhere if name is not None]
    if not found:
        raise UserError(f"gap other-simulator: task {task} exists in one simulator only")
    return dataclasses.replace(config, task=found[0])


def randomised_scene(config: ImitateConfig, shown: Shown, acting: Acting) -> ImitateConfig:
    """Draw anew, for every episode of the policy, all that the simulator can draw."""
    return dataclasses.replace(config, randomise=config.randomise or ("all",))


def one_demonstration(config: ImitateConfig, shown: Shown, acting: Acting) -> ImitateConfig:
    """Use a single demonstration, which leaves none to calibrate on."""
    if config.max_demos not in (None, 1):
        raise UserError(
            f"gap one-demonstration: expected no --max-demos or 1, found {config.max_demos}"
        )
    return dataclasses.replace(config, max_demos=1)


GAPS: dict[str, Bridge] = {
    "same-body": same_body,
    "other-body": other_body,
    "other-camera": other_camera,
    "other-simulator": other_simulator,
    "randomised-scene": randomised_scene,
    "one-demonstration": one_demonstration,
}


# Gaps that only some runs notice: a row of any other would carry a name that means nothing.
_OF_WHAT_IS_SHOWN = ("same-body", "other-body", "one-demonstration")
_OF_WHAT_IS_SEEN = ("other-camera",)


def refuse_gap_without_effect(config: ImitateConfig) -> None:
    """Refuse a gap that nothing in the run would notice.

    Raises:
        UserError: A gap of the demonstrations where none are learned from, or one of the cameras
            where nothing looks through them.
    """
    looks = config.learned or config.observation == "embedding"
    if config.gap in _OF_WHAT_IS_SHOWN and not (config.learned or config.clones):
        what = "what is learned from demonstrations"
    elif config.gap in _OF_WHAT_IS_SEEN and not looks:
        what = "what looks through cameras"
    else:
        return
    raise UserError(
        f"gap {config.gap} is for {what}, and {config.algo} with reward {config.reward!r} and "
        f"observation {config.observation!r} would not notice it; leave --gap out"
    )


def _named(bodies: tuple[str, ...]) -> str:
    return ", ".join(body or "no named body" for body in bodies) or "none"

"""A success's motion shown again while the things of the task lie elsewhere.

The states are shown, not simulated: the effector goes exactly the same way, through nothing, and no
reward of frames can know that the motion was never possible.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tcn_robot.audit.material import Material
from tcn_robot.audit.rollouts import Rollout, moment_at
from tcn_robot.audit.stage import Stage

# Beside what the tool sweeps over: half a block, half a gripper, and a little.
CLEARANCE_METRES = 0.10
RINGS_METRES = (0.12, 0.16, 0.20, 0.25, 0.32)
DIRECTIONS = 16
# Farther than any camera sees.
OFF_THE_TABLE_METRES = np.array([0.0, 4.0, -2.0])
FALLING_STEPS = 4
SLIDING_METRES = 0.12
WAYS = ((0.0, 1.0, 0.0), (0.0, -1.0, 0.0), (1.0, 0.0, 0.0), (-1.0, 0.0, 0.0))


def can_be_left(material: Material) -> str:
    """Return why things cannot be put aside here, "" where they can."""
    stage = material.stage
    if material.demonstrated or not stage.has_things:
        return "only in tasks of tcn_robot's own can things be put elsewhere"
    return "" if movable_things(stage) else "the task has nothing that could lie elsewhere"


def can_be_thrown(material: Material) -> str:
    """Return why nothing can be thrown away here, "" where something can."""
    stage = material.stage
    if material.demonstrated or not stage.has_things:
        return "only in tasks of tcn_robot's own can things be put elsewhere"
    return "" if free_things(stage) else "the task has nothing that could be thrown away"


def free_things(stage: Stage) -> tuple[str, ...]:
    """Return the things that lie free."""
    return tuple(thing.name for thing in stage.env.task.things if thing.motion == "free")


def movable_things(stage: Stage) -> tuple[str, ...]:
    """Return the things that move, or whose place is drawn for each episode."""
    env = stage.env
    places = []
    for seed in (0, 1):
        env.reset(seed=seed)
        places.append({thing.name: env.world.position(thing.name) for thing in env.task.things})
    return tuple(
        thing.name
        for thing in env.task.things
        if thing.motion != "placed"
        or not np.allclose(places[0][thing.name], places[1][thing.name], atol=1e-6)
    )


@dataclass(frozen=True)
class Pose:
    """Where a thing is.

    Attributes:
        metres: (3,); of a sliding thing where it is at position 0 of its slide.
        quaternion: (4,), w first.
        slide_metres: How far it has slid, None for what does not slide.
    """

    metres: NDArray[np.float64]
    quaternion: NDArray[np.float64]
    slide_metres: float | None = None


class LeftBehind:
    """Shows rollouts of a stage again with things elsewhere."""

    def __init__(self, stage: Stage) -> None:
        """Find out what can lie elsewhere."""
        self._stage = stage
        self._env: Any = stage.env
        self._free = free_things(stage)
        self._movable = movable_things(stage)
        self._slides = tuple(
            thing.name for thing in self._env.task.things if thing.motion == "slide"
        )

    def aside(self, rollout: Rollout) -> Rollout:
        """Return the same motion with everything that it should move lying aside, untouched."""
        starts = self._starts(rollout)
        offset = self._free_place(rollout, starts)

        def arrange(moment: int) -> None:
            self._put(starts, offset)

        return self._stage.replay(rollout, "mimicry", arrange)

    def thrown(self, rollout: Rollout) -> Rollout:
        """Return the same motion, the free things sliding off the table from half-way on."""
        half = moment_at(rollout, 0.5)
        assert rollout.states is not None
        self._env.reset(seed=rollout.start_seed)
        self._env.set_state(rollout.states[half])
        there = {name: self._pose(name) for name in self._free}
        step = SLIDING_METRES * self._worst_way(there)

        def arrange(moment: int) -> None:
            if moment <= half:
                return
            steps = moment - half
            gone = steps > FALLING_STEPS
            offset = OFF_THE_TABLE_METRES if gone else steps * step
            self._put(there, offset)

        return self._stage.replay(rollout, "thrown", arrange)

    def _worst_way(self, there: dict[str, Pose]) -> NDArray[np.float64]:
        """Return the direction (3,) in which things leave without coming by their goal."""
        progress = []
        for way in WAYS:
            self._put(there, SLIDING_METRES * np.array(way))
            progress.append(float(self._env.task.labels()["progress"]))
        return np.array(WAYS[int(np.argmin(progress))])

    def _starts(self, rollout: Rollout) -> dict[str, Pose]:
        assert rollout.states is not None
        self._env.reset(seed=rollout.start_seed)
        self._env.set_state(rollout.states[0])
        return {name: self._pose(name) for name in self._movable}

    def _pose(self, name: str) -> Pose:
        world = self._env.world
        if name not in self._slides:
            return Pose(world.position(name), world.quaternion(name))
        slid = world.slide(name)
        world.set_slide(name, 0.0)  # a sliding thing is placed by where it is then
        return Pose(world.position(name), world.quaternion(name), slid)

    def _put(self, poses: dict[str, Pose], offset: NDArray[np.float64]) -> None:
        world = self._env.world
        for name, pose in poses.items():
            world.place(name, pose.metres + offset, pose.quaternion)
            if pose.slide_metres is not None:
                world.set_slide(name, pose.slide_metres)

    def _free_place(self, rollout: Rollout, starts: dict[str, Pose]) -> NDArray[np.float64]:
        """Return where to move things (3,): beside the tool's path, inside the workspace."""
        path = self._path(rollout)  # leaves the last state set
        low, high = self._env.task.workspace_low_metres, self._env.task.workspace_high_metres
        places = np.stack([pose.metres[:2] for pose in starts.values()])  # (K, 2)
        found = []
        for ring in RINGS_METRES:
            for angle in np.linspace(0.0, 2 * np.pi, DIRECTIONS, endpoint=False):
                offset = ring * np.array([np.cos(angle), np.sin(angle), 0.0])
                moved = places + offset[:2]
                if (moved < low[:2]).any() or (moved > high[:2]).any():
                    continue
                clear = float(np.linalg.norm(moved[:, None] - path[None], axis=2).min())
                self._put(starts, offset)
                progress = float(self._env.task.labels()["progress"])
                # Clear of the tool first, then as little done as can be.
                found.append((min(clear, CLEARANCE_METRES), -progress, *offset))
        return np.array(max(found)[2:]) if found else np.zeros(3)

    def _path(self, rollout: Rollout) -> NDArray[np.float64]:
        """Return where the tip is above the table, (N, 2)."""
        assert rollout.states is not None
        tips = []
        for state in rollout.states:
            self._env.set_state(state)
            tips.append(self._env.world.tip_metres[:2])
        return np.stack(tips)

"""The table of tasks: names, files, lengths, simulators."""

from __future__ import annotations

from dataclasses import dataclass

NAMESPACE = "tcn_robot/"
SIMULATOR_PREFIXES = {"mujoco": "Mujoco", "pybullet": "Bullet"}


@dataclass(frozen=True)
class TaskEntry:
    """One task.

    Attributes:
        task: "module:Class".
        demonstrators: Module with `expert`, `play` and `FAILURES`.
        horizon: Control steps per episode.
        simulators: Where it exists.
    """

    task: str
    demonstrators: str
    horizon: int
    simulators: tuple[str, ...] = ("mujoco",)


BOTH = ("mujoco", "pybullet")
_TASKS, _DEMONSTRATORS = "tcn_robot.envs.tasks.", "tcn_robot.envs.demonstrators."

TASK_TABLE: dict[str, TaskEntry] = {
    "Reach": TaskEntry(_TASKS + "reach:Reach", _DEMONSTRATORS + "reach", 50, BOTH),
    "Push": TaskEntry(_TASKS + "push:Push", _DEMONSTRATORS + "push", 80, BOTH),
    "PickPlace": TaskEntry(
        _TASKS + "pick_place:PickPlace", _DEMONSTRATORS + "pick_place", 100, BOTH
    ),
    "Pour": TaskEntry(_TASKS + "pour:Pour", _DEMONSTRATORS + "pour", 100, BOTH),
    "DishRack": TaskEntry(_TASKS + "dish_rack:DishRack", _DEMONSTRATORS + "dish_rack", 100, BOTH),
    "Stack": TaskEntry(_TASKS + "stack:Stack", _DEMONSTRATORS + "stack", 100),
    "Drawer": TaskEntry(_TASKS + "drawer:Drawer", _DEMONSTRATORS + "drawer", 80),
    "Button": TaskEntry(_TASKS + "button:Button", _DEMONSTRATORS + "button", 50),
}

# id: ("module:Class", simulator, horizon in control steps)
TASKS: dict[str, tuple[str, str, int]] = {
    f"{NAMESPACE}{SIMULATOR_PREFIXES[simulator]}{name}-v0": (entry.task, simulator, entry.horizon)
    for name, entry in TASK_TABLE.items()
    for simulator in entry.simulators
}


def entry_of(task_id: str) -> TaskEntry | None:
    """Return the line of the table for a full task id, None for a task from elsewhere."""
    name = task_id.removeprefix(NAMESPACE).removesuffix("-v0")
    for prefix in SIMULATOR_PREFIXES.values():
        if task_id in TASKS and name.startswith(prefix):
            return TASK_TABLE[name.removeprefix(prefix)]
    return None


def same_task_in(task_id: str, simulator: str) -> str | None:
    """Return the full id of the same task in a simulator, None where there is none there.

    Args:
        task_id: Full id of a task.
        simulator: A key of `SIMULATOR_PREFIXES`.
    """
    entry = entry_of(task_id)
    if entry is None or simulator not in entry.simulators:
        return None
    name = task_id.removeprefix(NAMESPACE)
    for prefix in SIMULATOR_PREFIXES.values():
        name = name.removeprefix(prefix)
    return f"{NAMESPACE}{SIMULATOR_PREFIXES[simulator]}{name}"


def is_same_task(one: str, other: str) -> bool:
    """Whether two full ids are the same task, in the same simulator or in another."""
    if one == other:
        return True
    entry = entry_of(one)
    return entry is not None and entry == entry_of(other)

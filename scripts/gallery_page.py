"""The text of docs/tasks.md, told from the tasks, cameras and ranges themselves.

`make_gallery.py` writes it and draws the pictures that it names.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import itertools
import re
from collections.abc import Iterable

import tcn_robot.envs as envs
from tcn_robot.envs import bodies, cameras, scripted
from tcn_robot.envs.actions import ACTIONS
from tcn_robot.envs.randomisation.table import RANGES
from tcn_robot.envs.table import SIMULATOR_PREFIXES
from tcn_robot.envs.task import Task
from tcn_robot.envs.task_env import TaskEnv

FOLDER = "tasks"
"""Where the pictures are, as seen from the page."""
SIMULATOR_NAMES = {"mujoco": "MuJoCo", "pybullet": "PyBullet"}
SAME_PICTURE = {("pybullet", "kuka")}
"""In PyBullet `robot` has KUKA's meshes already."""
BEST_VIEWS = {"DishRack": "corner", "Stack": "corner", "Drawer": "corner", "Button": "left"}
SMALL_PX = 64
FAILURE = f"{scripted.FAILURE}-"
COMMON_INFO = (
    *("phase", "phase_index", "progress", "success", "contact"),
    *("reward_sparse", "reward_dense", "randomisation"),
)
MOTIONS = {"free": "moves freely", "slide": "slides", "placed": "stands still"}

INTRODUCTION = """# Tasks

Made by `python scripts/make_gallery.py`, text and pictures; what a task says is the docstring of
its class.

![Eight tasks, done by the robot and by the hand](images/tasks.jpg)

{contents}

## The same everywhere

**Actions and observations** mean the same for every body and in both simulators: what one
learned, another can try. An action is one number in [-1, 1] for each of its parts: the tip moves
along an axis by up to {move_cm:.0f} cm, the tool turns by up to {turn:.2f} rad, the fingers open
(+) or close (-) by up to a third; {hz:.0f} times per second.

**Bodies** (`--embodiment`): `robot`, an arm with a gripper (in PyBullet with KUKA's meshes);
`hand`, human-like, its skin drawn for each episode; `tongs`; `kuka`, in MuJoCo the same robot with
KUKA's meshes.

**Proprioception** (`env.unwrapped.proprioception()`, `Box(-10, 10, (13,))`): what the body feels
of itself, the same for all tasks, bodies and simulators; [policies.md](policies.md) has the order.

**In `info`** of every task: {info} (`contact` where there is something to touch, `randomisation`
from `reset` only); what else a task has, its table says. It is for benchmarks, never for learning
an embedding.

**Tasks of other packages**: [adapters.md](adapters.md).

**Cameras** (`--views`), the same for all tasks; metres from the foot of the arm, which looks along
+x. All of them look at the middle of the task, `top` straight down.

| camera | x, y, z | field of view |
|---|---|---|
{cameras}

**What an episode may draw anew**: `--randomise NAME …` or `all`; evenly drawn. The hand's skin is
drawn always; `--moving-cameras` lets the fixed cameras drift. Where things start does not depend on
it.

| name | number | range | meaning |
|---|---|---|---|
{ranges}
"""


def page() -> str:
    """Return the text of docs/tasks.md."""
    names = list(envs.TASK_TABLE)
    introduction = INTRODUCTION.format(
        contents=" · ".join(f"[{name}](#{name.lower()})" for name in [*names, "Actions"]),
        move_cm=100 * Task.action_scale_metres,
        turn=Task.roll_scale_radians,
        hz=TaskEnv.control_hz,
        info=code(COMMON_INFO),
        cameras="\n".join(camera_rows()),
        ranges="\n".join(range_rows()),
    )
    parts = [introduction.strip(), *(task_part(name) for name in names), actions_part()]
    return "\n\n".join(parts) + "\n"


def task_part(task: str) -> str:
    """Return what the page says of one task."""
    text = inspect.getdoc(task_class(task)) or ""
    summary, _, rest = text.partition("\n\n")
    success = re.search(r"Success:\s.*?\.(?=\s|$)", text, re.DOTALL)
    sentences = [summary.strip(), *([" ".join(success[0].split())] if success else [])]
    return "\n".join(
        [
            f"## {task}",
            "",
            " ".join(sentences),
            "",
            *fact_rows(task),
            "",
            "```",
            *record_lines(task),
            "```",
            "",
            *strip_lines(task),
            "",
            *failure_lines(task),
            "",
            f"![{task}, each kind of failure]({FOLDER}/{picture_name(task, 'failures')})",
            "",
            f"**All cameras** at {SMALL_PX} px, enlarged: the start, and half-way.",
            "",
            f"![{task}, every camera]({FOLDER}/{picture_name(task, 'cameras')})",
            "",
            "**Randomised** (`--randomise all`), six episodes' starts, by the hand.",
            "",
            f"![{task}, randomised]({FOLDER}/{picture_name(task, 'looks')})",
            "",
            "<details><summary>Start, observation, phases, rewards, play</summary>",
            "",
            rest.strip(),
            "",
            "</details>",
        ]
    )


def actions_part() -> str:
    """Return what the page says of the recognition set's actions."""
    rows = [
        f"| `{name}` | {action.meaning} | {f'`{action.mirror}`' if action.mirror else ''} "
        f"| ![{name}]({FOLDER}/{picture_name('action', name)}) |"
        for name, action in ACTIONS.items()
    ]
    return "\n".join(
        [
            "## Actions",
            "",
            "`tcn-robot record-actions --out DIR` films them by all bodies, from all views and",
            "randomised, in UCF101's layout with three splits by scene. What a class shows, its",
            "mirror shows backwards: only the order of time tells them apart. No film is reversed.",
            "",
            "| class | what happens | mirror | |",
            "|---|---|---|---|",
            *rows,
        ]
    )


def task_class(task: str) -> type[Task]:
    """Return the class of a task of the table."""
    module, _, name = envs.TASK_TABLE[task].task.partition(":")
    return getattr(importlib.import_module(module), name)


def task_ids(task: str) -> dict[str, str]:
    """Return a task's ids by simulator."""
    return {
        simulator: f"{envs.NAMESPACE}{SIMULATOR_PREFIXES[simulator]}{task}-v0"
        for simulator in envs.TASK_TABLE[task].simulators
    }


def bodies_in(simulator: str) -> list[str]:
    """Return the bodies that look different in a simulator."""
    return [body for body in bodies.BODIES if (simulator, body) not in SAME_PICTURE]


def view_of(task: str) -> str:
    """Return the camera that shows a task best."""
    return BEST_VIEWS.get(task, "front")


def failures_of(task: str) -> dict[str, str]:
    """Return the kinds of failure that a task can be recorded with, and what happens in each."""
    module = importlib.import_module(envs.TASK_TABLE[task].demonstrators)
    return {
        kind: (inspect.getdoc(policy) or "").partition("\n\n")[0]
        for kind, policy in module.FAILURES.items()
    }


def picture_name(task: str, *parts: str) -> str:
    """Return the file name of a picture of a task: of a simulator and body, or of a kind."""
    return "-".join([task, *parts]).lower() + ".jpg"


def fact_rows(task: str) -> list[str]:
    """Return the table of a task's facts."""
    entry, kind = envs.TASK_TABLE[task], task_class(task)
    parts = [f"tip along {', '.join('xyz'[axis] for axis in kind.axes)}"]
    parts += ["turn of the tool"] * kind.rolls + ["fingers"] * kind.grips
    motions = {thing.name: MOTIONS[thing.motion] for thing in kind.things}
    things = [f"{name} ({motions[name.split(' ')[0]]})" for name in collapsed(motions)]
    num_actions = len(kind.axes) + kind.rolls + kind.grips
    facts = {
        "ids": code(task_ids(task).values()),
        "action": f"{num_actions}: {'; '.join(parts)}",
        "observation": f"{kind.observation_size} numbers",
        "horizon": f"{entry.horizon} steps, {entry.horizon / TaskEnv.control_hz:.0f} s",
        "phases": " → ".join(f"`{phase}`" for phase in kind.phases),
        "things": ", ".join(things),
        "also in `info`": code(collapsed(info_names(task))) or "nothing",
    }
    return ["| | |", "|---|---|", *(f"| {name} | {fact} |" for name, fact in facts.items())]


def info_names(task: str) -> list[str]:
    """Return what `info` has of a task besides COMMON_INFO."""
    with contextlib.closing(envs.make_task(task_ids(task)["mujoco"]).unwrapped) as env:
        return [name for name in env.reset(seed=0)[1] if name not in COMMON_INFO]


def record_lines(task: str) -> list[str]:
    """Return commands that record a task."""
    lines = []
    for simulator, body in zip(task_ids(task), ("", " --embodiment hand"), strict=False):
        id = f"{SIMULATOR_PREFIXES[simulator]}{task}-v0"
        out = f"data/{task.lower()}" if simulator == "mujoco" else f"data/{task.lower()}-bullet"
        lines.append(f"tcn-robot record {id} --out {out} --episodes 20{body}")
    return lines


def failure_lines(task: str) -> list[str]:
    """Return what can go wrong on purpose, as a list."""
    lines = [f"- `{kind}`: {' '.join(text.split())}" for kind, text in failures_of(task).items()]
    return [f"**Failures on purpose** (`--policy {FAILURE}KIND`)", "", *lines]


def strip_lines(task: str) -> list[str]:
    """Return the strips of a task, with captions."""
    lines = [f"**The expert**, from `{view_of(task)}`; under each picture seconds and phase.", ""]
    for simulator in task_ids(task):
        name = SIMULATOR_NAMES[simulator]
        for body in bodies_in(simulator):
            path = f"{FOLDER}/{picture_name(task, name, body)}"
            lines += [f"{name}, {body}:", "", f"![{task}, {body}, {name}]({path})", ""]
    return lines[:-1]


def camera_rows() -> list[str]:
    """Return a table row for each camera."""
    rows = [
        f"| `{name}` | {', '.join(f'{part:.2f}' for part in camera.at_metres)} "
        f"| {camera.fovy_degrees:.0f}° |"
        for name, camera in cameras.FIXED_CAMERAS.items()
    ]
    wide = f"{cameras.WRIST_FOVY_DEGREES:.0f}°"
    return [*rows, f"| `{cameras.WRIST}` | rides on the palm, looks at the tip | {wide} |"]


def range_rows() -> list[str]:
    """Return a table row for each number that can be drawn anew."""
    return [
        f"| `{name}` | {number} | {span.low:.3g} to {span.high:.3g} | {span.meaning} |"
        for name, spans in RANGES.items()
        for number, span in spans.items()
    ]


def code(names: Iterable[str]) -> str:
    """Return names as code, with commas."""
    return ", ".join(f"`{name}`" for name in names)


def collapsed(names: Iterable[str]) -> list[str]:
    """Return names, those that differ in their number only as one: "bead00 … bead11"."""
    found = []
    for _, group in itertools.groupby(names, lambda name: re.sub(r"\d+", "#", name)):
        same = list(group)
        found.append(same[0] if len(same) == 1 else f"{same[0]} … {same[-1]}")
    return found

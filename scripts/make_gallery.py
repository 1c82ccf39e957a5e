"""Makes docs/tasks.md and its pictures: every task by every body in both simulators, every action.

    python scripts/make_gallery.py [--tasks Push Pour] [--text]

Run it from the checkout's root after a task, a body, a camera or a range has changed. `--text`
writes the page only.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import inspect
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

import tcn_robot.envs as envs
from tcn_robot.envs.actions import ACTIONS, film_clip
from tcn_robot.envs.cameras import FIXED_CAMERAS, VIEW_NAMES
from tcn_robot.envs.randomisation.table import RANGES
from tcn_robot.envs.scripted import policies_of
from tcn_robot.envs.table import SIMULATOR_PREFIXES
from tcn_robot.errors import UserError, unknown_name

PAGE = Path("docs/tasks.md")
FOLDER = "tasks"
SIMULATOR_NAMES = {"mujoco": "MuJoCo", "pybullet": "PyBullet"}
BODIES = {"mujoco": ("robot", "hand", "tongs", "kuka"), "pybullet": ("robot", "hand", "tongs")}
BEST_VIEWS = {"DishRack": "corner", "Stack": "corner", "Reach": "corner"}
NUM_MOMENTS, MOMENT_PX, ACTION_PX, SMALL_PX, GAP_PX = 6, 128, 96, 64, 2
JPEG_QUALITY = 82
OVERVIEW, OVERVIEW_MOMENT = Path("docs/images/tasks.jpg"), 3
SEED = 3

INTRODUCTION = """# Tasks

Made by `python scripts/make_gallery.py`; a task's text is the docstring of its class.

An action means the same for every body and in both simulators, an observation too: what one
learned, another can try. Bodies are `robot` (an arm with a gripper; in PyBullet KUKA's own),
`hand`, `tongs` and `kuka` (in MuJoCo: the arm with KUKA's meshes). Tasks of other packages:
[adapters.md](adapters.md).

```
tcn-robot record MujocoPush-v0 --out data/push --episodes 20                       # the expert
tcn-robot record MujocoPush-v0 --out data/play --episodes 20 --policy play
tcn-robot record MujocoPush-v0 --out data/failed --episodes 20 --policy failure    # or one KIND
tcn-robot record BulletPush-v0 --out data/hand --episodes 20 --embodiment hand --randomise all
```
"""


def task_ids(task: str) -> dict[str, str]:
    """Return a task's ids by simulator."""
    return {
        simulator: f"tcn_robot/{SIMULATOR_PREFIXES[simulator]}{task}-v0"
        for simulator in envs.TASK_TABLE[task].simulators
    }


def strip_name(task: str, simulator: str, body: str) -> str:
    """Return the file name of a task's strip."""
    return f"{task}-{SIMULATOR_NAMES[simulator]}-{body}.jpg".lower()


def looks_name(task: str) -> str:
    """Return the file name of the picture with a task's cameras and randomised looks."""
    return f"{task}-looks.jpg".lower()


def page() -> str:
    """Return the text of docs/tasks.md."""
    names = list(envs.TASK_TABLE)
    contents = " · ".join(f"[{name}](#{name.lower()})" for name in [*names, "Actions"])
    tasks = [task_part(name) for name in names]
    parts = [INTRODUCTION.strip(), contents, *tasks, actions(), randomisations()]
    return "\n\n".join(parts) + "\n"


def task_part(task: str) -> str:
    """Return what the page says of one task."""
    module, _, name = envs.TASK_TABLE[task].task.partition(":")
    text = inspect.getdoc(getattr(importlib.import_module(module), name)) or ""
    ids = task_ids(task)
    kinds = [
        f"`{policy.removeprefix('failure-')}`"
        for policy in policies_of(next(iter(ids.values())))
        if policy.startswith("failure-")
    ]
    rows = [
        f"| {SIMULATOR_NAMES[simulator]} | {body} | ![{task}, {body}, {SIMULATOR_NAMES[simulator]}]"
        f"({FOLDER}/{strip_name(task, simulator, body)}) |"
        for simulator in ids
        for body in BODIES[simulator]
    ]
    return "\n".join(
        [
            f"## {task}",
            "",
            " · ".join(f"`{id}`" for id in ids.values()),
            "",
            text,
            "",
            f"**Failures on purpose** (`--policy failure-KIND`): {', '.join(kinds)}.",
            "",
            f"| simulator | body | the expert, seen from `{view_of(task)}` |",
            "|---|---|---|",
            *rows,
            "",
            f"![{task} from every camera, and randomised]({FOLDER}/{looks_name(task)})",
            "",
            f"Above: the start from {', '.join(f'`{view}`' for view in VIEW_NAMES)} at "
            f"{SMALL_PX} px, enlarged. Below: six draws of `--randomise all`.",
        ]
    )


def randomisations() -> str:
    """Return the table of what can be drawn anew."""
    rows = [
        f"| `{name}` | {number} | {span.low:.3g} to {span.high:.3g} | {span.meaning} |"
        for name, spans in RANGES.items()
        for number, span in spans.items()
    ]
    return "\n".join(
        [
            "## What an episode may draw anew",
            "",
            "`--randomise NAME …` or `all`; evenly drawn; the hand's skin always. "
            "`--moving-cameras` lets the fixed cameras drift.",
            "",
            "| name | number | range | |",
            "|---|---|---|---|",
            *rows,
        ]
    )


def actions() -> str:
    """Return the table of actions of the recognition set."""
    rows = [
        f"| `{name}` | {action.meaning} | {f'`{action.mirror}`' if action.mirror else ''} | "
        f"![{name}]({FOLDER}/{action_name(name)}) |"
        for name, action in ACTIONS.items()
    ]
    return "\n".join(
        [
            "## Actions",
            "",
            "`tcn-robot record-actions --out DIR` films them, by all bodies, from all views and "
            "randomised, in UCF101's layout with three splits by scene. What a class shows, its "
            "mirror shows backwards: only the order of time tells them apart. No film is reversed.",
            "",
            "| class | what happens | mirror | |",
            "|---|---|---|---|",
            *rows,
        ]
    )


def action_name(action: str) -> str:
    """Return the file name of an action's strip."""
    return f"action-{action}.jpg".lower()


def draw_action(name: str, body: str) -> np.ndarray:
    """Return moments of an action in a row, evenly spaced in time."""
    action = ACTIONS[name]
    env = envs.make_task(task_ids(action.task)["mujoco"], embodiment=body).unwrapped
    with contextlib.closing(env):
        size, generator = (ACTION_PX, ACTION_PX), np.random.default_rng(SEED)
        frames = film_clip(env, action, SEED, generator, "corner", size).frames
    return side_by_side(list(frames[np.linspace(0, len(frames) - 1, NUM_MOMENTS).astype(int)]))


def film_expert(id: str, body: str, view: str) -> tuple[list[np.ndarray], np.ndarray]:
    """Return the frames of an expert's episode, uint8 (H, W, 3) each, and its progress (T,)."""
    with contextlib.closing(envs.make_task(id, embodiment=body).unwrapped) as env:
        info: dict[str, Any] = env.reset(seed=SEED)[1]
        size = (MOMENT_PX, MOMENT_PX)
        frames, progress = [env.render_views((view,), size)[view]], [info["progress"]]
        for action in envs.scripted_policy(id, "expert")(env, np.random.default_rng(SEED)):
            *_, truncated, info = env.step(action)
            frames.append(env.render_views((view,), size)[view])
            progress.append(info["progress"])
            if truncated:
                break
    return frames, np.array(progress)


def moments(progress: np.ndarray) -> np.ndarray:
    """Return NUM_MOMENTS frame numbers, spread over what happens more than over time."""
    time = np.linspace(0.0, 1.0, len(progress))
    way = 0.3 * time + 0.7 * np.maximum.accumulate(progress) / max(progress.max(), 1e-6)
    return np.searchsorted(way, np.linspace(way[0], way[-1], NUM_MOMENTS)).clip(0, len(way) - 1)


def side_by_side(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Return pictures of one height in a row, with white between them."""
    gap = np.full((pictures[0].shape[0], GAP_PX, 3), 255, np.uint8)
    return np.concatenate([part for picture in pictures for part in (picture, gap)][:-1], axis=1)


def draw_strip(id: str, body: str, view: str) -> np.ndarray:
    """Return the moments of an expert's episode in a row."""
    frames, progress = film_expert(id, body, view)
    return side_by_side([frames[index] for index in moments(progress)])


def draw_looks(id: str) -> np.ndarray:
    """Return the start from every camera, and six randomised starts."""
    size, big = (SMALL_PX, SMALL_PX), (MOMENT_PX, MOMENT_PX)
    with contextlib.closing(envs.make_task(id).unwrapped) as env:
        env.reset(seed=SEED)
        seen = env.render_views(VIEW_NAMES, size)
        first = [cv2.resize(seen[view], big, interpolation=cv2.INTER_NEAREST) for view in seen]
    with contextlib.closing(
        envs.make_task(id, embodiment="hand", randomise="all").unwrapped
    ) as env:
        second = []
        for seed, view in zip(range(NUM_MOMENTS), (*FIXED_CAMERAS, "front"), strict=True):
            env.reset(seed=seed)
            second.append(env.render_views((view,), big)[view])
    rows = [side_by_side(first), side_by_side(second)]
    return np.concatenate([rows[0], np.full_like(rows[0][:GAP_PX], 255), rows[1]])


def write_picture(path: Path, picture: np.ndarray) -> None:
    """Write a picture as JPEG and say so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB", flush=True)


def draw_overview() -> np.ndarray:
    """Return one moment of each task, by robot and hand in turn."""
    pictures = []
    for index, task in enumerate(envs.TASK_TABLE):
        body = ("robot", "hand")[(index + index // 4) % 2]
        frames, progress = film_expert(task_ids(task)["mujoco"], body, view_of(task))
        pictures.append(frames[moments(progress)[OVERVIEW_MOMENT]])
    rows = [side_by_side(pictures[:4]), side_by_side(pictures[4:])]
    return np.concatenate([rows[0], np.full_like(rows[0][:GAP_PX], 255), rows[1]])


def write_pictures(task: str, folder: Path) -> None:
    """Write all pictures of a task."""
    for simulator, id in task_ids(task).items():
        for body in BODIES[simulator]:
            path = folder / strip_name(task, simulator, body)
            write_picture(path, draw_strip(id, body, view_of(task)))
    write_picture(folder / looks_name(task), draw_looks(task_ids(task)["mujoco"]))


def view_of(task: str) -> str:
    """Return the camera that shows a task best."""
    return BEST_VIEWS.get(task, "front")


def main() -> int:
    """Write the page and the pictures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tasks", nargs="+", default=list(envs.TASK_TABLE))
    parser.add_argument("--text", action="store_true", help="the page only")
    options = parser.parse_args()
    try:
        for task in options.tasks:
            if task not in envs.TASK_TABLE:
                raise unknown_name("task", task, tuple(envs.TASK_TABLE))
        for task in [] if options.text else options.tasks:
            write_pictures(task, PAGE.parent / FOLDER)
        if not options.text:
            write_picture(OVERVIEW, draw_overview())
            for index, action in enumerate(ACTIONS):
                body = BODIES["mujoco"][index % 3]
                write_picture(PAGE.parent / FOLDER / action_name(action), draw_action(action, body))
    except UserError as error:
        print(f"make_gallery: {error}", file=sys.stderr)
        return 2
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

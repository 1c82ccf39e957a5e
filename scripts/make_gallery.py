"""Makes docs/tasks.md and its pictures: every task, by every body, in both simulators.

    python scripts/make_gallery.py [--tasks Push Pour] [--text]

Run it after a task, a body, a camera or a range has changed (some minutes for all), and look at
what it made. `--text` writes the page only. gallery_page.py has the text.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import gallery_page as page
import numpy as np

import tcn_robot.envs as envs
from tcn_robot.envs.actions import ACTIONS, film_clip
from tcn_robot.envs.cameras import FIXED_CAMERAS, VIEW_NAMES
from tcn_robot.envs.task_env import TaskEnv
from tcn_robot.errors import UserError, unknown_name

DOCS = Path(__file__).resolve().parents[1] / "docs"
NUM_MOMENTS, MOMENT_PX, ACTION_PX, GAP_PX, BAND_PX, OVERVIEW_PX = 6, 128, 96, 2, 17, 192
JPEG_QUALITY = 82
MOST_BYTES = 200_000
INK, PAPER = (40, 40, 40), 255
HALF_WAY = 3
OVERVIEW_MOMENTS = {"Pour": 4, "PickPlace": 4, "Drawer": 4}
"""Where the overview does not show the moment HALF_WAY."""
SEED = 3


@dataclass
class Episode:
    """What is needed to draw moments of an episode.

    Attributes:
        states: The simulator's states, one more than there were steps.
        progress: (T,) in [0, 1].
        phases: Name of the phase at each moment.
    """

    states: list[np.ndarray]
    progress: np.ndarray
    phases: list[str]

    def moments(self) -> list[int]:
        """Return NUM_MOMENTS numbers of moments, spread over what happens more than over time.

        A phase that would be passed over takes the place of a moment whose phase others show.
        """
        time = np.linspace(0.0, 1.0, len(self.progress))
        changed = np.concatenate([[0.0], np.abs(np.diff(self.progress)).cumsum()])
        way = 0.3 * time + 0.7 * changed / max(changed[-1], 1e-6)
        spread = np.searchsorted(way, np.linspace(0.0, way[-1], NUM_MOMENTS))
        # No moment twice, even where all happens in a tenth of a second.
        first, last = np.arange(NUM_MOMENTS), np.arange(len(way) - NUM_MOMENTS, len(way))
        apart = np.maximum.accumulate(spread - first) + first
        chosen = [int(moment) for moment in np.minimum(apart, last)]
        for phase in dict.fromkeys(self.phases):
            shown = [self.phases[moment] for moment in chosen]
            inner = [moment for moment in chosen[1:-1] if shown.count(self.phases[moment]) > 1]
            if phase not in shown and inner:
                middle = middle_of_run(self.phases, phase)
                distances = [abs(moment - middle) for moment in inner]
                chosen.remove(inner[int(np.argmin(distances))])
                chosen = sorted([*chosen, middle])
        return chosen


def opened(id: str, **options: Any) -> contextlib.closing[TaskEnv]:
    """Return a task's environment, which closes at the end of `with`."""
    env = envs.make_task(id, **options).unwrapped
    assert isinstance(env, TaskEnv)
    return contextlib.closing(env)


def middle_of_run(names: Sequence[str], name: str) -> int:
    """Return the middle of the first run of a name."""
    start = names.index(name)
    return start + len(list(itertools.takewhile(lambda other: other == name, names[start:]))) // 2


def play_episode(env: TaskEnv, id: str, policy: str) -> Episode:
    """Return an episode of a scripted policy."""
    info = env.reset(seed=SEED)[1]
    states, progress, phases = [env.get_state()], [info["progress"]], [info["phase"]]
    for action in envs.scripted_policy(id, policy)(env, np.random.default_rng(SEED)):
        *_, truncated, info = env.step(action)
        states.append(env.get_state())
        progress.append(info["progress"])
        phases.append(info["phase"])
        if truncated:
            break
    return Episode(states, np.array(progress), phases)


def draw_moment(env: TaskEnv, state: np.ndarray, view: str, size_px: int) -> np.ndarray:
    """Return what a camera sees in a state, uint8 (size_px, size_px, 3)."""
    env.set_state(state)
    return env.render_views((view,), (size_px, size_px))[view]


def captioned(picture: np.ndarray, words: str) -> np.ndarray:
    """Return a picture with words under it, cut off where they do not fit."""
    band = np.full((BAND_PX, picture.shape[1], 3), PAPER, np.uint8)
    cv2.putText(band, words, (2, BAND_PX - 5), cv2.FONT_HERSHEY_SIMPLEX, 0.4, INK, 1, cv2.LINE_AA)
    return np.concatenate([picture, band])


def side_by_side(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Return pictures of one height in a row, with white between them."""
    gap = np.full((pictures[0].shape[0], GAP_PX, 3), PAPER, np.uint8)
    return np.concatenate([part for picture in pictures for part in (picture, gap)][:-1], axis=1)


def draw_strip(id: str, body: str, view: str, policy: str = "expert") -> np.ndarray:
    """Return moments of an episode in a row: under each, seconds and phase or kind of failure."""
    horizon = envs.recording_horizon(id, policy)
    options = {} if horizon is None else {"horizon": horizon}
    kind = policy.removeprefix(page.FAILURE) if policy.startswith(page.FAILURE) else None
    with opened(id, embodiment=body, **options) as env:
        episode = play_episode(env, id, policy)
        pictures = []
        for moment in episode.moments():
            seconds = moment / env.control_hz
            words = f"{seconds:.1f} s {kind or episode.phases[moment]}"
            picture = draw_moment(env, episode.states[moment], view, MOMENT_PX)
            pictures.append(captioned(picture, words))
    return side_by_side(pictures)


def draw_failures(task: str) -> np.ndarray:
    """Return a strip for each kind of failure, one under the other."""
    id, view = page.task_ids(task)["mujoco"], page.view_of(task)
    return np.concatenate(
        [draw_strip(id, "robot", view, page.FAILURE + kind) for kind in page.failures_of(task)]
    )


def draw_cameras(id: str) -> np.ndarray:
    """Return what each camera sees at SMALL_PX, enlarged: at the start, and half-way."""
    size, big = (page.SMALL_PX, page.SMALL_PX), (MOMENT_PX, MOMENT_PX)
    rows = []
    with opened(id) as env:
        episode = play_episode(env, id, "expert")
        for moment in (0, episode.moments()[HALF_WAY]):
            env.set_state(episode.states[moment])
            rows.append(
                side_by_side(
                    [
                        captioned(cv2.resize(seen, big, interpolation=cv2.INTER_NEAREST), view)
                        for view, seen in env.render_views(VIEW_NAMES, size).items()
                    ]
                )
            )
    return np.concatenate(rows)


def draw_looks(id: str) -> np.ndarray:
    """Return six randomised starts, each from another camera."""
    pictures = []
    options = {"embodiment": "hand", "randomise": "all"}
    with opened(id, **options) as env:
        for seed, view in enumerate((*FIXED_CAMERAS, "front")):
            env.reset(seed=seed)
            seen = env.render_views((view,), (MOMENT_PX, MOMENT_PX))[view]
            pictures.append(captioned(seen, view))
    return side_by_side(pictures)


def draw_overview() -> np.ndarray:
    """Return one moment of each task with its name, by robot and hand in turn."""
    pictures = []
    for index, task in enumerate(envs.TASK_TABLE):
        id, body = page.task_ids(task)["mujoco"], ("robot", "hand")[(index + index // 4) % 2]
        with opened(id, embodiment=body) as env:
            episode = play_episode(env, id, "expert")
            moment = episode.moments()[OVERVIEW_MOMENTS.get(task, HALF_WAY)]
            seen = draw_moment(env, episode.states[moment], page.view_of(task), OVERVIEW_PX)
            pictures.append(captioned(seen, task))
    half = len(pictures) // 2
    return np.concatenate([side_by_side(pictures[:half]), side_by_side(pictures[half:])])


def draw_action(name: str, body: str) -> np.ndarray:
    """Return moments of an action of the recognition set in a row, evenly spaced in time."""
    action = ACTIONS[name]
    with opened(page.task_ids(action.task)["mujoco"], embodiment=body) as env:
        size, generator = (ACTION_PX, ACTION_PX), np.random.default_rng(SEED)
        frames = film_clip(env, action, SEED, generator, "corner", size).frames
    return side_by_side(list(frames[np.linspace(0, len(frames) - 1, NUM_MOMENTS).astype(int)]))


def write_actions() -> None:
    """Write a strip of each action, by three bodies in turn."""
    for index, name in enumerate(ACTIONS):
        path = DOCS / page.FOLDER / page.picture_name("action", name)
        write_picture(path, draw_action(name, ("robot", "hand", "tongs")[index % 3]))


def write_picture(path: Path, picture: np.ndarray) -> None:
    """Write a picture, uint8 (H, W, 3), as JPEG and say so.

    Raises:
        UserError: When it gets too large for the documents.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    coded = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1]
    if len(coded) > MOST_BYTES:
        raise UserError(f"{path.name} has {len(coded)} bytes, expected at most {MOST_BYTES}")
    path.write_bytes(coded.tobytes())
    print(f"{path.relative_to(DOCS)}: {len(coded) / 1000:.0f} kB", flush=True)


def write_pictures(task: str) -> None:
    """Write all pictures of a task."""
    folder = DOCS / page.FOLDER
    ids = page.task_ids(task)
    for simulator, id in ids.items():
        for body in page.bodies_in(simulator):
            name = page.picture_name(task, page.SIMULATOR_NAMES[simulator], body)
            write_picture(folder / name, draw_strip(id, body, page.view_of(task)))
    write_picture(folder / page.picture_name(task, "failures"), draw_failures(task))
    write_picture(folder / page.picture_name(task, "cameras"), draw_cameras(ids["mujoco"]))
    write_picture(folder / page.picture_name(task, "looks"), draw_looks(ids["mujoco"]))


def main() -> int:
    """Write the page and the pictures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tasks", nargs="+", default=list(envs.TASK_TABLE), metavar="TASK")
    parser.add_argument("--text", action="store_true", help="the page only")
    options = parser.parse_args()
    try:
        for task in options.tasks:
            if task not in envs.TASK_TABLE:
                raise unknown_name("task", task, tuple(envs.TASK_TABLE))
        if not options.text:
            for task in options.tasks:
                write_pictures(task)
            write_picture(DOCS / "images" / "tasks.jpg", draw_overview())
            write_actions()
    except UserError as error:
        print(f"make_gallery: {error}", file=sys.stderr)
        return 2
    (DOCS / "tasks.md").write_text(page.page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Recorded simulations shown again: larger, or with the same actions from another start."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tcn_robot.errors import UserError

if TYPE_CHECKING:
    from tcn_robot.recordings import Episode

# Beside the ranges that policies are trained and evaluated from.
REPLAY_START_SEED = 3_000_000
MOST_STARTS_TRIED = 50
CLEAR_FAILURE = 0.5


def render_again(
    episode: Episode, views: Sequence[str], size_px: int
) -> dict[str, np.ndarray] | None:
    """Render a recorded episode from its stored states.

    Args:
        episode: The recorded episode.
        views: Cameras of the task.
        size_px: Height and width wanted.

    Returns:
        {view: uint8 (T, size_px, size_px, 3)}, frame for frame what was recorded; None where the
        episode is no simulation whose model lies with the dataset, or nothing renders.
    """
    from tcn_robot.envs.stored_model import open_stored_model

    steps = episode.steps
    simulator = episode.metadata.get("simulator") or {}
    model = episode.path.parent / "assets" / str(simulator.get("model"))
    known = simulator.get("name") in ("mujoco", "pybullet")
    if steps is None or "state" not in steps or not known:
        return None
    if not model.is_file():
        return None
    frames: dict[str, list[np.ndarray]] = {view: [] for view in views}
    try:
        stored = open_stored_model(model.read_text("utf-8"))
    except UserError:
        return None
    try:
        stored.apply(episode.metadata.get("randomisation", {}))
        for state in steps["state"]:
            stored.set_state(state)
            for view, frame in stored.render_views(views, (size_px, size_px)).items():
                frames[view].append(frame)
    except UserError:
        return None
    finally:
        stored.close()
    return {view: np.stack(pictures) for view, pictures in frames.items()}


def replay_elsewhere(
    episode: Episode, views: Sequence[str], size_px: int
) -> dict[str, np.ndarray] | None:
    """Repeat an episode's actions blindly from another start, from which they fail.

    The arm moves much as in the success, what it should move stays behind: what a reward that
    only watches the arm would take for a success. Of the starts tried, the first from which less
    than half of the task is done is taken.

    Returns:
        {view: uint8 (T, size_px, size_px, 3)}, or None where that cannot be done.
    """
    steps = episode.steps
    if steps is None or "action" not in steps:
        return None
    actions = np.asarray(steps["action"])[:-1]
    task = _same_task(episode, horizon=len(actions) + 1)
    if task is None:
        return None
    try:
        for seed in range(REPLAY_START_SEED, REPLAY_START_SEED + MOST_STARTS_TRIED):
            if _final_progress(task, actions, seed) < CLEAR_FAILURE:
                return _filmed(task, actions, seed, views, size_px)
    except UserError:
        return None
    finally:
        task.close()
    return None


def _same_task(episode: Episode, horizon: int) -> Any | None:
    """Return the task that was recorded, or None where it is unknown or has changed since."""
    import tcn_robot.envs

    try:
        task = tcn_robot.envs.make_task(str(episode.metadata.get("task")), horizon=horizon)
    except UserError:
        return None
    simulator = episode.metadata.get("simulator") or {}
    recorded = Path(str(simulator.get("model", ""))).stem
    present = hashlib.sha256(task.unwrapped.model_xml.encode()).hexdigest()  # type: ignore[attr-defined]
    if recorded != present:
        task.close()
        return None
    return task


def _final_progress(task: Any, actions: np.ndarray, seed: int) -> float:
    _, info = task.reset(seed=seed)
    for action in actions:
        info = task.step(action)[-1]
    # A task from elsewhere says only whether it is done.
    return float(info.get("progress", bool(info.get("success"))))


def _filmed(
    task: Any, actions: np.ndarray, seed: int, views: Sequence[str], size_px: int
) -> dict[str, np.ndarray]:
    task.reset(seed=seed)
    frames = [task.unwrapped.render_views(views, (size_px, size_px))]
    for action in actions:
        task.step(action)
        frames.append(task.unwrapped.render_views(views, (size_px, size_px)))
    return {view: np.stack([moment[view] for moment in frames]) for view in views}

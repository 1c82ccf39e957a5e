"""Records one episode of a simulated source: frames, states, actions and labels of every step."""

from __future__ import annotations

import importlib.metadata
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tcn_robot.errors import UserError
from tcn_robot.recordings.episode_writer import EpisodeWriter
from tcn_robot.recordings.format import SPLITS, model_suffix
from tcn_robot.recordings.sources import Policy, SimulatedSource

_SEED_BITS = 53  # whole numbers that every JSON reader keeps exactly


def episode_seeds(seed: int, split: str, episode_id: int) -> tuple[int, np.random.Generator]:
    """Return the seed of an episode's start and the randomness of its demonstrator.

    They follow from (seed, split, id) alone, so that the order of recording and the number of
    workers do not matter, and so that two splits never share a start by having the same seed.

    Args:
        seed: The dataset's seed, not negative.
        split: One of `SPLITS`.
        episode_id: The episode's id.
    """
    sequence = np.random.SeedSequence([seed, SPLITS.index(split), episode_id])
    for_start, for_policy = sequence.spawn(2)
    start = int(for_start.generate_state(1, np.uint64)[0]) >> (64 - _SEED_BITS)
    return start, np.random.default_rng(for_policy)


def record_episode(
    source: SimulatedSource,
    policy: Policy,
    episode: EpisodeWriter,
    *,
    views: Sequence[str],
    size_px: int,
    seed: int,
    policy_randomness: np.random.Generator,
    before_step: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Record from a reset to the demonstrator's end, or to the source's horizon.

    Frame t and row t are what was seen and known before action t; n actions give n + 1 of each,
    the last row's action is null.

    Args:
        source: The simulated task.
        policy: The demonstrator.
        episode: Where it goes.
        views: Views to record, `source.view_names` has them.
        size_px: Width and height of the frames.
        seed: Seed of the source's reset.
        policy_randomness: The demonstrator's own randomness.
        before_step: Called before every step; may raise to give up.

    Returns:
        "steps": number of actions; "success": as the last row has it, None if unknown.
    """
    observation, info = source.reset(seed=seed)
    size = (size_px, size_px)
    actions = policy(source, policy_randomness)
    num_actions = 0
    ended = False
    cameras: dict[str, Any] = {}
    while True:
        before_step()
        if not cameras:  # of those that move: where they are at frame 0
            cameras = {view: source.camera_parameters(view, size) for view in views}
        frames = source.render_views(views, size)
        episode.add_frames(source.simulation_time_seconds, frames)
        action = None if ended or num_actions == source.horizon else next(actions, None)
        if action is not None:
            # What is stored is what was done, to the last bit.
            action = np.asarray(action, np.float32).reshape(-1)
        episode.add_step(_row(source, observation, info, action))
        if action is None:
            break
        observation, _, terminated, truncated, info = source.step(action)
        num_actions += 1
        ended = terminated or truncated
    success = info.get("success")
    episode.metadata.update(
        seed=seed,
        success=None if success is None else bool(success),
        clock={"name": "simulation"},
        **describe_source(source, episode, cameras),
    )
    return {"steps": num_actions, "success": episode.metadata["success"]}


def describe_source(
    source: SimulatedSource, episode: EpisodeWriter, cameras: dict[str, Any]
) -> dict[str, Any]:
    """Return what `episode.json` says about a simulated source, and store its model.

    Args:
        source: The simulated task.
        episode: Whose dataset keeps the model.
        cameras: What `camera_parameters` said of each view at frame 0.
    """
    try:
        version = importlib.metadata.version(source.simulator)
    except importlib.metadata.PackageNotFoundError:
        version = None
    return {
        "embodiment": source.embodiment,
        "simulator": {
            "name": source.simulator,
            "version": version,
            "model": episode.add_asset(source.model_xml, model_suffix(source.model_xml)),
        },
        "cameras": cameras,
        "randomisation": dict(getattr(source, "randomisation", {})),
        "demonstration": dict(getattr(source, "demonstration", {})),
    }


def _row(
    source: SimulatedSource,
    observation: np.ndarray,
    info: dict[str, Any],
    action: np.ndarray | None,
) -> dict[str, Any]:
    """Return one row of `steps.parquet`; labels keep the names the source gives them."""
    # Dictionaries are no labels: `randomisation` goes into episode.json.
    labels = {
        name: _plain(name, value)
        for name, value in info.items()
        if np.ndim(value) <= 1 and not isinstance(value, dict)
    }
    return {
        "time_seconds": float(source.simulation_time_seconds),
        "action": action,
        **labels,
        "state": np.asarray(source.get_state(), np.float64).reshape(-1),
        "observation": np.asarray(observation, np.float32).reshape(-1),
    }


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, (list, tuple, np.ndarray)):
        return np.array([_plain(name, part) for part in value])
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, float) and not math.isfinite(plain):
        raise UserError(f"the source's label {name!r} is {plain}; labels must be finite numbers")
    return plain

"""How good a policy is: episodes from fixed starts, success with its interval."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np

from tcn_robot.policies.seeing import (
    STATE_ALONE,
    Filming,
    Frames,
    LoneObserver,
    Observer,
    Seeing,
)
from tcn_robot.rewards.wrappers import render_square

ENVS_AT_ONCE = 10
Z_95 = 1.959963984540054

Act = Callable[[np.ndarray], np.ndarray]


@dataclass
class EpisodeResult:
    """What came out of one episode.

    Attributes:
        start_seed: Seed of the start.
        success: Whether the task was done at the last step.
        success_any: Whether it was done at any step.
        return_sparse: Sum of the task's sparse reward.
        return_dense: Sum of the task's dense reward.
        return_learned: Sum of the learned reward, if it was asked for; of mixtures and shaping
            with their share of the task's sparse reward, as a policy is paid.
    """

    start_seed: int
    success: bool = False
    success_any: bool = False
    return_sparse: float = 0.0
    return_dense: float = 0.0
    return_learned: float | None = None

    def add(self, info: dict[str, Any]) -> None:
        """Count one step."""
        self.success = bool(info["success"])
        self.success_any |= self.success
        self.return_sparse += float(info["reward_sparse"])
        self.return_dense += float(info["reward_dense"])


def evaluate(
    act: Act,
    make_env: Callable[[], gymnasium.Env],
    start_seeds: Sequence[int],
    filming: Filming | None = None,
    seeing: Seeing = STATE_ALONE,
) -> list[EpisodeResult]:
    """Play one episode from each start, several envs at a time.

    Args:
        act: Observations float32 (N, O) -> actions (N, A).
        make_env: Makes an env of the task; all are closed at the end.
        start_seeds: One per episode; the same seed is the same start.
        filming: Renders and scores every episode when given; otherwise nothing is rendered that
            the policy does not see.
        seeing: What the policy sees.
    """
    envs = [make_env() for _ in range(min(ENVS_AT_ONCE, len(start_seeds)))]
    try:
        results = []
        for first in range(0, len(start_seeds), len(envs)):
            seeds = start_seeds[first : first + len(envs)]
            results += _play_together(act, envs[: len(seeds)], seeds, filming, seeing)
        return results
    finally:
        for env in envs:
            env.close()


def _play_together(
    act: Act,
    envs: list[gymnasium.Env],
    seeds: Sequence[int],
    filming: Filming | None,
    seeing: Seeing,
) -> list[EpisodeResult]:
    """Play one episode in each env, with one call of the policy per step."""
    results = [EpisodeResult(seed) for seed in seeds]
    states = np.stack([env.reset(seed=seed)[0] for env, seed in zip(envs, seeds, strict=True)])
    frames = [_render(env, filming, seeing) for env in envs]
    films = [[shown] for shown in frames]
    observer = Observer(seeing, envs)
    observations = observer.begin(states, frames)
    running = list(range(len(envs)))
    while running:
        actions = act(observations[running])
        still_running = []
        for index, action in zip(running, actions, strict=True):
            states[index], _, terminated, truncated, info = envs[index].step(action)
            results[index].add(info)
            frames[index] = _render(envs[index], filming, seeing)
            if filming is not None:
                films[index].append(frames[index])
            if not (terminated or truncated):
                still_running.append(index)
        running = still_running
        observations = observer.see(states, frames)
    if filming is not None:
        for result, film in zip(results, films, strict=True):
            own = float(getattr(filming.reward, "sparse_weight", 0.0)) * result.return_sparse
            result.return_learned = _learned_return(film, filming) + own
    return results


def _render(env: gymnasium.Env, filming: Filming | None, seeing: Seeing) -> Frames:
    """Return the frames that are scored or seen, each rendered once."""
    cameras = {**seeing.cameras, **(filming.shown if filming else {})}
    if not cameras:
        return {}
    return render_square(env, cameras, filming.size_px if filming else seeing.size_px)


def _learned_return(film: list[dict[str, np.ndarray]], filming: Filming) -> float:
    """Return the sum of what the films of an episode earn; the first frame earns nothing."""
    stacked = {view: np.stack([frames[view] for frames in film]) for view in filming.views}
    return float(filming.reward.score_episode(stacked)[1:].sum())


RETURNS = ("return_sparse", "return_dense", "return_learned")
EPISODE_DIGITS = 6


def summarise(results: Sequence[EpisodeResult], per_episode: bool = False) -> dict[str, Any]:
    """Return the figures of one evaluation, ready for JSON.

    `success` is the share of starts with the task done at the last step, `success_interval` its
    95 % Wilson interval, `success_any` the share with the task done at any step.

    Args:
        results: Of all episodes.
        per_episode: Whether the figures of each start are kept too, under `episodes`.
    """
    successes = sum(result.success for result in results)
    figures: dict[str, Any] = {
        "starts": len(results),
        "success": successes / len(results),
        "success_interval": list(wilson_interval(successes, len(results))),
        "success_any": float(np.mean([result.success_any for result in results])),
    }
    episodes: dict[str, list[float]] = {"success": [float(result.success) for result in results]}
    for name in RETURNS:
        values = [getattr(result, name) for result in results]
        if None not in values:
            figures[name] = float(np.mean(values))
            episodes[name] = [round(float(value), EPISODE_DIGITS) for value in values]
    return figures | ({"episodes": episodes} if per_episode else {})


def wilson_interval(successes: int, trials: int, z: float = Z_95) -> tuple[float, float]:
    """Return the Wilson score interval of a share (Wilson 1927).

    Args:
        successes: Count in [0, trials].
        trials: Count above 0.
        z: Normal quantile; the default gives 95 %.
    """
    share = successes / trials
    centre = share + z * z / (2 * trials)
    spread = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    low = 0.0 if successes == 0 else (centre - spread) / scale
    high = 1.0 if successes == trials else (centre + spread) / scale
    return low, high


def watch(
    act: Act,
    env: gymnasium.Env,
    start_seed: int,
    views: tuple[str, ...],
    size: tuple[int, int],
    seeing: Seeing = STATE_ALONE,
) -> Iterator[dict[str, np.ndarray]]:
    """Yield the frames of one episode, the start included: {view: uint8 (H, W, 3)}."""
    state, _ = env.reset(seed=start_seed)
    observe = LoneObserver(seeing, env)
    yield env.unwrapped.render_views(views, size)  # type: ignore[attr-defined]
    over = False
    while not over:
        state, _, terminated, truncated, _ = env.step(act(observe(state)))
        over = terminated or truncated
        yield env.unwrapped.render_views(views, size)  # type: ignore[attr-defined]

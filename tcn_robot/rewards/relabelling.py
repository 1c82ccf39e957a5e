"""Scores of films that are recorded already, one per frame, without holding a long one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tcn_robot.rewards.interface import Reward

#: Larger films are scored frame by frame, which gives the same and takes longer.
MOST_BYTES_AT_ONCE = 512 * 2**20


def score_film(
    reward: Reward,
    views: Mapping[str, Iterable[NDArray[np.uint8]]],
    num_frames: int,
    most_bytes: int = MOST_BYTES_AT_ONCE,
) -> NDArray[np.float32]:
    """Score every frame of a film, the first and the last included.

    Args:
        reward: A fitted reward. Its running state is lost where the film is large.
        views: Per view the frames in order, uint8 (H, W, 3), as many in each; read to their end.
        num_frames: T, how many they are, 1 or more; tells whether the film is large.
        most_bytes: Films up to this size are embedded at once.

    Returns:
        float32 (T,), equal to `reward.score_episode` of the whole film.
    """
    streams = {view: iter(frames) for view, frames in views.items()}
    first = {view: next(stream) for view, stream in streams.items()}
    if sum(frame.nbytes for frame in first.values()) * num_frames <= most_bytes:
        return reward.score_episode({v: np.stack([first[v], *own]) for v, own in streams.items()})
    reward.reset(np.ones(1, np.bool_))
    moments = chain([tuple(first.values())], zip(*streams.values(), strict=True))
    scores = [
        reward.step({view: one[None] for view, one in zip(streams, frames, strict=True)})
        for frames in moments
    ]
    if getattr(reward, "scored_at_end", False):
        scored: Any = reward
        return np.asarray(scored.seen_scores(0), np.float32)
    return np.concatenate(scores)  # (T,)

"""Stretches of films with a step inside: for objectives that learn a value."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tcn_robot.data.sampling.batch import Batch, BatchOptions, FilmedEpisode
from tcn_robot.data.sampling.long_films import LongFilms, describe_films
from tcn_robot.errors import UserError

PARTS = 4


class StretchSampler:
    """First frame, a frame, the one a step later, and last frame of stretches, shape (4, P).

    VIP (Ma et al. 2022, algorithm 1): o_start, o_k, o_{k+1}, o_goal of one view with start <= k <
    k + 1 <= goal, each choice uniform. A step is `step_frames` long and a stretch at least that, so
    that every film of `step_frames` + 1 frames or more is used.
    """

    def __init__(
        self, episodes: Sequence[FilmedEpisode], options: BatchOptions, step_frames: int = 1
    ) -> None:
        """Find the films that have a step.

        Raises:
            UserError: If there is none.
        """
        options.check(PARTS)
        if step_frames < 1:
            raise UserError(f"--step-frames must be at least 1, found {step_frames}")
        self._films = LongFilms(episodes, step_frames + 1)
        if len(self._films.episodes) == 0:
            raise UserError(
                f"steps of --step-frames {step_frames} expect an episode with {step_frames + 1} "
                f"frames or more, found {describe_films(episodes)}; lower it, or record longer ones"
            )
        self._options, self._step_frames = options, step_frames
        self.notes: tuple[str, ...] = self._films.notes

    def draw(self, rng: np.random.Generator) -> Batch:
        """Return the next batch."""
        count = self._options.batch_frames // PARTS
        episode = self._films.draw_episodes(rng, count, self._options)
        view = self._films.draw_views(rng, episode)[:, 0]
        lengths = self._films.lengths(episode, view)
        start = rng.integers(0, lengths - self._step_frames)
        goal = rng.integers(start + self._step_frames, lengths)
        before = rng.integers(start, goal - self._step_frames + 1)
        frames = np.concatenate([start, before, before + self._step_frames, goal])
        return self._films.batch(
            np.tile(episode, PARTS), np.tile(view, PARTS), frames, (PARTS, count)
        )

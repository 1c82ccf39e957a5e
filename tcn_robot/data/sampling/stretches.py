"""Stretches of films with a step inside: for objectives that learn a value."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tcn_robot.data.sampling.batch import Batch, BatchOptions, FilmedEpisode
from tcn_robot.data.sampling.long_films import LongFilms, describe_films
from tcn_robot.errors import UserError

LEAST_FRAMES = 2  # of a film that has a step
PARTS = 4


class StretchSampler:
    """First frame, a frame, the one after it, and last frame of random stretches, shape (4, P).

    VIP (Ma et al. 2022, algorithm 1): o_start, o_k, o_{k+1}, o_goal of one view with start <= k <
    k + 1 <= goal, each choice uniform. The shortest stretch is two frames, so that every film of
    two frames or more is used.
    """

    def __init__(self, episodes: Sequence[FilmedEpisode], options: BatchOptions) -> None:
        """Find the films that have a step.

        Raises:
            UserError: If there is none.
        """
        options.check(PARTS)
        self._films = LongFilms(episodes, LEAST_FRAMES)
        if len(self._films.episodes) == 0:
            raise UserError(
                f"stretches of film expect an episode with {LEAST_FRAMES} frames or more, found "
                f"{describe_films(episodes)}; record longer ones"
            )
        self._options = options
        self.notes: tuple[str, ...] = self._films.notes

    def draw(self, rng: np.random.Generator) -> Batch:
        """Return the next batch."""
        count = self._options.batch_frames // PARTS
        episode = self._films.draw_episodes(rng, count, self._options)
        view = self._films.draw_views(rng, episode)[:, 0]
        lengths = self._films.lengths(episode, view)
        start = rng.integers(0, lengths - 1)
        goal = rng.integers(start + 1, lengths)
        before = rng.integers(start, goal)
        frames = np.concatenate([start, before, before + 1, goal])
        return self._films.batch(
            np.tile(episode, PARTS), np.tile(view, PARTS), frames, (PARTS, count)
        )

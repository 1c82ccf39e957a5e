"""Ordered frames of films, each with a partner: for objectives that align and contrast at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from tcn_robot.data.film_table import FilmTable
from tcn_robot.data.sampling.batch import Batch, BatchOptions, FilmedEpisode
from tcn_robot.data.sampling.long_films import LongFilms
from tcn_robot.data.sampling.moment_numbers import moment_numbers
from tcn_robot.data.sampling.sequences import (
    LEAST_FRAMES,
    check_films,
    frames_of_each,
    ordered_frames,
)
from tcn_robot.errors import UserError

Partners = Literal["times", "views"]


class PairedSequenceSampler:
    """V films of T ordered frames, and a partner for each frame: shape (2, V, T).

    A film is one random view of an episode. Partners "times" are frames of the same view, 1 to
    `window_frames` before (of the first frame: behind it), as in TCC's code for TCN. Partners
    "views" are the simultaneous frames of another random view.
    """

    def __init__(
        self,
        episodes: Sequence[FilmedEpisode],
        options: BatchOptions,
        partners: Partners,
        window_frames: int,
    ) -> None:
        """Find the films that have partners for their frames.

        Raises:
            UserError: If there are not two of them, the window is empty, or the batch cannot hold
                two frames of each film and their partners.
        """
        if window_frames < 1:
            raise UserError(f"--window-frames must be at least 1, found {window_frames}")
        self._films = LongFilms(episodes, LEAST_FRAMES, 2 if partners == "views" else 1)
        self._moments = moment_numbers(self._films.table)
        self._shared: list[list[np.ndarray]] | None = None
        if partners == "views":
            self._shared = _shared_moments(self._films.table, self._moments)
            usable = np.array([len(pairs) > 0 for pairs in self._shared], bool)
            self._films.keep(usable, "have no two moments that two views saw")
        check_films(self._films, episodes, options, "films")
        self._num_films = min(options.episodes_per_batch, len(self._films.episodes))
        self._num_frames = frames_of_each(options.batch_frames, self._num_films, partners=2)
        self._window_frames, self._options = window_frames, options
        self.notes: tuple[str, ...] = self._films.notes

    def draw(self, rng: np.random.Generator) -> Batch:
        """Return the next batch."""
        episode = self._films.draw_episodes(rng, self._num_films, self._options)  # (V,)
        if self._shared is None:
            view = self._films.draw_views(rng, episode)[:, 0]  # (V,)
            lengths = self._films.lengths(episode, view)
            films = [self._neighbours(rng, v, n) for v, n in zip(view, lengths, strict=True)]
        else:
            films = [self._simultaneous(rng, self._shared[e]) for e in episode]
        views, frames = np.stack(films, axis=2)  # (2, 2, V, T): view or frame, then the partner's
        episodes = np.broadcast_to(episode[None, :, None], views.shape)
        return self._films.batch(
            episodes.ravel(), views.ravel(), frames.ravel(), views.shape, self._moments
        )

    def _neighbours(self, rng: np.random.Generator, view: int, length: int) -> np.ndarray:
        """Return views and frames of a film and its partners, int64 (2, 2, T)."""
        frames = ordered_frames(rng, length, self._num_frames)
        partners = frames_before(rng, frames, length, self._window_frames)
        both = np.stack([frames, partners])  # (2, T)
        return np.stack([np.full_like(both, view), both])

    def _simultaneous(self, rng: np.random.Generator, pairs: list[np.ndarray]) -> np.ndarray:
        """Return the same of two random views of a film."""
        shared = pairs[rng.integers(len(pairs))]  # (2, 2, K)
        order = rng.permutation(2)
        return shared[:, order][:, :, ordered_frames(rng, shared.shape[2], self._num_frames)]


def frames_before(
    rng: np.random.Generator, frames: np.ndarray, length: int, window_frames: int
) -> np.ndarray:
    """Return for each frame one of the `window_frames` before it; for the first, one behind it.

    Args:
        rng: Draws them.
        frames: int64 (T,), of a film of `length` frames.
        length: At least 2.
        window_frames: At least 1.

    Returns:
        int64 (T,), never the frame itself.
    """
    room = np.where(frames > 0, frames, length - 1)
    steps = rng.integers(1, np.minimum(room, window_frames) + 1)
    return np.where(frames > 0, frames - steps, steps)


def _shared_moments(table: FilmTable, moments: np.ndarray) -> list[list[np.ndarray]]:
    """Return for each episode the pairs of views that share at least two moments.

    Returns:
        By episode, for each such pair int64 (2, 2, K): [0] the views, [1] the frames, of both views
        in the order of time.
    """
    num_episodes, num_views = table.lengths.shape
    shared: list[list[np.ndarray]] = [[] for _ in range(num_episodes)]
    for episode in range(num_episodes):
        own = []
        for view in range(num_views):
            frames = np.arange(table.lengths[episode, view])
            same = np.zeros_like(frames)
            own.append(moments[table.positions(same + episode, same + view, frames)])
        for first in range(num_views):
            for second in range(first + 1, num_views):
                _, i, j = np.intersect1d(own[first], own[second], True, return_indices=True)
                views = np.broadcast_to([[first], [second]], (2, len(i)))
                if len(i) >= LEAST_FRAMES:
                    shared[episode].append(np.stack([views, np.stack([i, j])]))
    return shared

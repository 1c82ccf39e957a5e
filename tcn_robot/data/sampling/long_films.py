"""The films that are long enough, and how episodes and views are drawn from them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tcn_robot.data.film_table import FilmTable, film_table
from tcn_robot.data.sampling.batch import Batch, BatchOptions, FilmedEpisode, note_unused


class LongFilms:
    """Views with enough frames, of episodes with enough such views.

    Attributes:
        table: Times of all films, the short ones too.
        episodes: int64 (E,), positions of the episodes that can be used, ascending.
        notes: What the user should know about the others; see `Sampler.notes`.
    """

    def __init__(
        self, episodes: Sequence[FilmedEpisode], least_frames: int, least_views: int = 1
    ) -> None:
        """Find them.

        Args:
            episodes: All episodes.
            least_frames: Frames that a view must have.
            least_views: Views of that length that an episode must have.
        """
        self.table: FilmTable = film_table(episodes)
        self._long = self.table.lengths >= least_frames  # (all episodes, views)
        self.episodes = np.flatnonzero(self._long.sum(axis=1) >= least_views)
        unused = len(episodes) - len(self.episodes)
        wanted = f"{least_views} views of {least_frames}" if least_views > 1 else f"{least_frames}"
        why = f"do not have {wanted} frames"
        self.notes: tuple[str, ...] = note_unused(unused, len(episodes), why)

    def draw_episodes(
        self, rng: np.random.Generator, count: int, options: BatchOptions
    ) -> np.ndarray:
        """Return `count` positions of episodes, int64, as evenly over the batch's films as can be.

        Args:
            rng: Draws which films those are.
            count: Samples wanted.
            options: How many films share a batch.
        """
        chosen = rng.permutation(self.episodes)[: options.episodes_per_batch]
        return np.resize(chosen, count)  # repeats them in order

    def draw_views(
        self, rng: np.random.Generator, episode: np.ndarray, count: int = 1
    ) -> np.ndarray:
        """Return `count` different long views for each episode, int64 (N, count).

        Args:
            rng: Draws them.
            episode: int64 (N,), positions of episodes that have as many.
            count: Views wanted of each.
        """
        scores = np.where(self._long[episode], rng.random((len(episode), self._long.shape[1])), -1)
        return np.argsort(-scores, axis=1)[:, :count]

    def keep(self, usable: np.ndarray, why: str) -> None:
        """Use fewer episodes.

        Args:
            usable: bool (all episodes,).
            why: What those have or are that are not used any more.
        """
        kept = self.episodes[usable[self.episodes]]
        dropped = len(self.episodes) - len(kept)
        self.episodes = kept
        self.notes += note_unused(dropped, len(usable), why)

    def lengths(self, episode: np.ndarray, view: np.ndarray) -> np.ndarray:
        """Return how many frames films have, int64 (N,)."""
        return self.table.lengths[episode, view]

    def batch(
        self,
        episode: np.ndarray,
        view: np.ndarray,
        frame: np.ndarray,
        shape: tuple[int, ...],
        moments: np.ndarray | None = None,
    ) -> Batch:
        """Return the batch of some frames.

        Args:
            episode: int64 (N,).
            view: int64 (N,).
            frame: int64 (N,).
            shape: How they are laid out.
            moments: Number of the moment of every frame of the table; None if films of one
                episode are not mixed: then each frame is a moment of its own.
        """
        positions = self.table.positions(episode, view, frame)
        moment = positions if moments is None else moments[positions]
        times = self.table.times_seconds[positions]
        return Batch(episode, view, frame, moment, times, shape)


def describe_films(episodes: Sequence[FilmedEpisode]) -> str:
    """Return what was found, for the end of a sentence about what was expected."""
    lengths = [len(episode.timestamps(view)) for episode in episodes for view in episode.views]
    if not lengths:
        return f"{len(episodes)} episodes without films"
    most = max(len(episode.views) for episode in episodes)
    return (
        f"{len(episodes)} episodes of up to {most} views with {min(lengths)} to {max(lengths)} "
        "frames"
    )

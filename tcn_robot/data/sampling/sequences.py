"""Whole films at once: some ordered frames of each, for objectives that align films."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from tcn_robot.data.sampling.batch import Batch, BatchOptions, FilmedEpisode
from tcn_robot.data.sampling.long_films import LongFilms, describe_films
from tcn_robot.data.sampling.moment_numbers import moment_numbers
from tcn_robot.errors import UserError

# What is aligned with what: films of different episodes, views of one episode, or both.
Across = Literal["films", "views", "both"]

LEAST_FRAMES = 2  # of a film that has an order


class SequenceSampler:
    """V films of T ordered frames each, shape (V, T).

    The frames of a film are a random choice in their order. A film shorter than T gives each frame
    as often as the others, as near as can be. `across` "films" takes V = `episodes_per_batch`
    episodes in one random view each; "views" and "both" take as many episodes in two random views
    each, so that V is twice that.
    """

    def __init__(
        self, episodes: Sequence[FilmedEpisode], options: BatchOptions, across: Across
    ) -> None:
        """Find the films that have an order.

        Raises:
            UserError: If there are not two of them to align, or the batch cannot hold two frames of
                each film.
        """
        self._views_each = 1 if across == "films" else 2
        self._films = LongFilms(episodes, LEAST_FRAMES, self._views_each)
        check_films(self._films, episodes, options, across)
        num_episodes = min(options.episodes_per_batch, len(self._films.episodes))
        self._num_rows = num_episodes * self._views_each
        self._num_frames = frames_of_each(options.batch_frames, self._num_rows)
        self._moments = moment_numbers(self._films.table)
        self._options = options
        self.notes: tuple[str, ...] = self._films.notes

    def draw(self, rng: np.random.Generator) -> Batch:
        """Return the next batch."""
        films = self._num_rows // self._views_each
        episode = self._films.draw_episodes(rng, films, self._options)
        view = self._films.draw_views(rng, episode, self._views_each).ravel()  # (V,)
        episode = episode.repeat(self._views_each)  # (V,)
        lengths = self._films.lengths(episode, view)
        frame = np.concatenate([ordered_frames(rng, n, self._num_frames) for n in lengths])
        shape = (self._num_rows, self._num_frames)
        return self._films.batch(
            episode.repeat(self._num_frames),
            view.repeat(self._num_frames),
            frame,
            shape,
            self._moments,
        )


def ordered_frames(rng: np.random.Generator, length: int, count: int) -> np.ndarray:
    """Return `count` frames of a film in their order, int64, each as often as the others.

    Args:
        rng: Draws which.
        length: Frames of the film, at least 1.
        count: Frames wanted; where that is not a multiple of `length`, random ones come once more.
    """
    often, rest = divmod(count, length)
    extra = rng.choice(length, size=rest, replace=False)
    return np.sort(np.concatenate([np.tile(np.arange(length), often), extra])).astype(np.int64)


def check_films(
    films: LongFilms, episodes: Sequence[FilmedEpisode], options: BatchOptions, across: Across
) -> None:
    """Raise UserError unless there are films to align and a batch holds enough of them."""
    least = 2 if across == "films" else 1
    if len(films.episodes) < least:
        how = "filmed in two views " if across != "films" else ""
        raise UserError(
            f"aligning films expects at least {least} episodes {how}with {LEAST_FRAMES} frames or "
            f"more, found {describe_films(episodes)}; record more of them"
        )
    if options.episodes_per_batch < least:
        raise UserError(
            f"--episodes-per-batch must be at least {least} to align films, found "
            f"{options.episodes_per_batch}"
        )


def frames_of_each(batch_frames: int, num_films: int, partners: int = 1) -> int:
    """Return how many moments each film gives to a batch, or raise UserError for less than two.

    Args:
        batch_frames: Frames of a batch.
        num_films: Films in it.
        partners: Frames of each moment: 2 where each has a partner.
    """
    num_frames = batch_frames // (num_films * partners)
    if num_frames < LEAST_FRAMES:
        each = "" if partners == 1 else f", {partners} frames each,"
        what = "frames" if partners == 1 else "moments"
        raise UserError(
            f"--batch-frames {batch_frames} cannot hold {LEAST_FRAMES} {what}{each} of each of "
            f"{num_films} films; take {LEAST_FRAMES * partners * num_films} or more, or lower "
            "--episodes-per-batch"
        )
    return num_frames

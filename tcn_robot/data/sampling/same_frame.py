"""Pairs of a frame with itself: what tells the two apart is augmentation alone."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from tcn_robot.data.film_table import film_table
from tcn_robot.data.sampling.batch import (
    Batch,
    BatchOptions,
    FilmedEpisode,
    gather_from_films,
    note_unused,
    pairs_to_batch,
    share_per_film,
)
from tcn_robot.errors import UserError


class SameFrameSampler:
    """Draws frames and gives each of them twice (SimCLR, algorithm 1; BYOL).

    All frames of all views of a film are equally likely; none occurs in two pairs.
    """

    def __init__(self, episodes: Sequence[FilmedEpisode], options: BatchOptions) -> None:
        """Count the frames.

        Raises:
            UserError: If there are fewer than two frames in all.
        """
        options.check()
        self._films = film_table(episodes)
        self._options = options
        counts = self._films.lengths.sum(axis=1)  # (E,)
        self._usable = np.flatnonzero(counts)
        if counts.sum() < 2:
            raise UserError(
                f"training on single frames expects at least two, found {counts.sum()} in "
                f"{len(episodes)} episodes; record more"
            )
        empty = len(episodes) - len(self._usable)
        self.notes = note_unused(empty, len(episodes), "have no frame")

    def draw(self, rng: np.random.Generator) -> Batch:
        """Return the next batch; smaller than asked only if the films have no more frames."""
        wanted = self._options.batch_frames // 2
        share = share_per_film(wanted, self._options, self._usable)
        order = rng.permutation(self._usable)
        films, pairs = gather_from_films(order, wanted, share, partial(self._pairs_of, rng))
        return pairs_to_batch(self._films, films, pairs)

    def _pairs_of(self, rng: np.random.Generator, film: int, count: int) -> np.ndarray:
        """Return up to `count` frames of an episode, each twice, (K, 4)."""
        lengths = self._films.lengths[film]
        total = int(lengths.sum())
        numbers = rng.choice(total, size=min(count, total), replace=False)
        chosen = view_and_frame(numbers, lengths)
        return np.concatenate([chosen, chosen], axis=1)


def view_and_frame(numbers: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Return (view, frame) as int64 (K, 2) of frames numbered through all views of an episode.

    Args:
        numbers: int (K,), below the sum of `lengths`.
        lengths: int (V,), frames of each view.
    """
    ends = lengths.cumsum()
    view = np.searchsorted(ends, numbers, side="right")
    return np.stack([view, numbers - (ends - lengths)[view]], axis=1)

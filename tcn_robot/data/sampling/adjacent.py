"""Pairs of frames that follow each other, every film once before any film twice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tcn_robot.data.film_table import film_table
from tcn_robot.data.sampling.batch import (
    Batch,
    BatchOptions,
    FilmedEpisode,
    note_unused,
    pairs_to_batch,
)
from tcn_robot.errors import UserError


class AdjacentFrameSampler:
    """TCE's pairs (Knights et al. 2020, section III): a random frame of a film and its neighbour.

    The neighbour stands `padding` frames before or after the anchor in the same view, so it is
    never the anchor itself and never of another film. Films are drawn without repetition; only
    when a batch has room for more pairs than there are films do they come round again.

    Differs from TCE's released code, whose padding is 0 (the positive is the anchor), which looks
    back only near a film's end, and whose epochs visit every film once; batches here are drawn
    independently, so that a resumed training needs nothing but the generator.
    """

    def __init__(
        self,
        episodes: Sequence[FilmedEpisode],
        options: BatchOptions,
        padding: int,
        notes: tuple[str, ...] = (),
    ) -> None:
        """Find the views that are long enough.

        Args:
            episodes: The films.
            options: Size of a batch; films that share a batch are as many as there are anchors.
            padding: Distance of anchor and positive in frames, at least 1.
            notes: What the user should read besides the sampler's own.

        Raises:
            UserError: If the padding is below 1 or no two films have a view that is longer.
        """
        options.check()
        if padding < 1:
            raise UserError(
                f"--frame-padding must be at least 1, found {padding}: with 0 the positive would "
                "be the anchor itself"
            )
        self._films = film_table(episodes)
        self._options, self._padding = options, padding
        long_enough = self._films.lengths > padding  # (E, V)
        self._num_views = long_enough.sum(axis=1)  # (E,)
        self._views = np.argsort(~long_enough, axis=1, kind="stable")  # (E, V): long ones first
        self._usable = np.flatnonzero(long_enough.any(axis=1))
        if len(self._usable) < 2:
            longest = int(self._films.lengths.max(initial=0))
            raise UserError(
                f"training on neighbouring frames expects at least 2 films of more than {padding} "
                f"frames (--frame-padding), found {len(self._usable)} among {len(episodes)} whose "
                f"longest has {longest}; record more, or lower --frame-padding"
            )
        short = len(episodes) - len(self._usable)
        self.notes = (*note_unused(short, len(episodes), "are too short"), *notes)

    def draw(self, rng: np.random.Generator) -> Batch:
        """Return the next batch, always of the size that was asked for; a frame may occur twice."""
        count = self._options.batch_frames // 2
        rounds = -(-count // len(self._usable))
        films = np.concatenate([rng.permutation(self._usable) for _ in range(rounds)])[:count]
        views = self._views[films, rng.integers(0, self._num_views[films])]
        lengths = self._films.lengths[films, views]
        # Both ends of every pair are in range, whichever of the two is the anchor.
        first = rng.integers(0, lengths - self._padding)
        frames = np.stack([first, first + self._padding])  # (2, P)
        turned = rng.random(count) < 0.5
        frames[:, turned] = frames[::-1, turned]
        pairs = np.stack([views, frames[0], views, frames[1]], axis=1)  # (P, 4)
        return pairs_to_batch(self._films, films, pairs)

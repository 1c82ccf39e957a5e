"""Pairs across views: frames that two cameras took at the same time."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from tcn_robot.data.film_table import film_table
from tcn_robot.data.sampling.batch import (
    FRAME_A,
    VIEW_A,
    Batch,
    BatchOptions,
    FilmedEpisode,
    NegativeScope,
    check_scope,
    check_window,
    gather_from_films,
    note_unused,
    pairs_to_batch,
    share_per_film,
)
from tcn_robot.data.sampling.negatives import NegativesWanted
from tcn_robot.data.sampling.reach import Reach
from tcn_robot.errors import UserError
from tcn_robot.matching import match_frames, nearest_frames

MOMENT_MARK = 2  # column of a table of marks
# Candidates drawn per pair wanted, before all of a film are looked at.
OVERSAMPLING = 4
NOTHING_EXCLUDED = Reach(0.0)


class MultiViewSampler:
    """TCN's multi-view pairs (Sermanet et al. 2018, section III-A).

    An anchor is a frame of a random view; its positive is the frame of another view that is
    nearest in measured time and within half a frame period. No moment and no frame occurs twice
    among the pairs of a film, so that negatives never are positives in disguise.
    """

    def __init__(
        self,
        episodes: Sequence[FilmedEpisode],
        options: BatchOptions,
        window_frames: int = 0,
        negatives: NegativeScope = "episode",
        excluded: Reach = NOTHING_EXCLUDED,
    ) -> None:
        """Tabulate the pairs of each episode.

        Args:
            episodes: Films to draw from.
            options: How large a batch is.
            window_frames: Pairs of an episode come from one random stretch of so many moments
                (TCN's code: 580 frames, 20 s); 0 for the whole episode.
            negatives: Where negatives will come from.
            excluded: Frames of one episode this close in time will be no negatives.

        Raises:
            UserError: If no episode has two moments that two views saw and that may be negatives
                of each other.
        """
        options.check()
        check_window(window_frames)
        self._window_frames = window_frames
        self._films = film_table(episodes)
        self._options = options
        self._tables = [_simultaneous_pairs(episode) for episode in episodes]
        self._wanted = NegativesWanted(negatives, excluded)
        self._least = 2 if negatives == "episode" else 1
        seen = [i for i, (_, marks) in enumerate(self._tables) if _has_two_moments(marks)]
        if len(seen) == 0:
            found = sorted({view for episode in episodes for view in episode.views})
            raise UserError(
                "multi-view training expects episodes in which two views saw at least two common "
                f"moments, found none in {len(episodes)} episodes with views "
                f"{', '.join(found) or 'none'}; record more views, or pair frames of one view "
                "with --pairing times"
            )

        spans = [self._span(film, excluded) for film in seen]
        alone = min(options.episodes_per_batch, len(seen)) < 2
        if negatives == "others" or (negatives == "all" and not alone):
            long = seen
        else:
            long = [i for i, span in zip(seen, spans, strict=True) if span > excluded.limit]
        if len(long) == 0:
            raise UserError(
                f"multi-view training expects common moments further apart than --exclusion-"
                f"{excluded.unit} {excluded.span:g}, found at most {max(spans):.3g} in one "
                f"{'window' if window_frames else 'episode'}; exclude less, or take negatives of "
                "several episodes with --negatives all"
            )
        self._usable = np.array(long)
        check_scope(negatives, len(self._usable), options)
        unseen, short = len(episodes) - len(seen), len(seen) - len(long)
        self.notes = (
            *note_unused(unseen, len(episodes), "have no two moments that two views saw"),
            *note_unused(short, len(episodes), "are not longer than the exclusion"),
        )

    def draw(self, rng: np.random.Generator) -> Batch:
        """Return the next batch; smaller than asked only if the films have no more moments.

        Raises:
            UserError: If no batch has a negative.
        """
        return self._wanted.draw(self._draw, rng)

    def _draw(self, rng: np.random.Generator) -> Batch:
        wanted = self._options.batch_frames // 2
        share = share_per_film(wanted, self._options, self._usable, self._least)
        order = rng.permutation(self._usable)
        films, pairs = gather_from_films(order, wanted, share, partial(self._pairs_of, rng))
        return pairs_to_batch(self._films, films, pairs)

    def _pairs_of(self, rng: np.random.Generator, film: int, count: int) -> np.ndarray:
        """Return up to `count` pairs (K, 4) of an episode without a moment in common."""
        pairs, marks = self._stretch(film, rng)
        return _distinct_moments(pairs, marks, count, rng)

    def _span(self, film: int, excluded: Reach) -> float:
        """Return how far apart the common moments of a stretch of an episode lie at most."""
        pairs, marks = self._tables[film]
        films = np.full(len(pairs), film)
        positions = self._films.positions(films, pairs[:, VIEW_A], pairs[:, FRAME_A])
        clock = excluded.clock(self._films.times_seconds[positions], pairs[:, FRAME_A])
        order = np.argsort(marks[:, MOMENT_MARK], kind="stable")
        first = np.unique(marks[order, MOMENT_MARK], return_index=True)[1]
        low = np.minimum.reduceat(clock[order], first)  # (M,), by moment
        high = np.maximum.reduceat(clock[order], first)
        apart = min(self._window_frames or len(first), len(first)) - 1
        return float((high[apart:] - low[: len(low) - apart]).max())

    def _stretch(self, film: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Return pairs and marks of an episode, or of a random window of it."""
        pairs, marks = self._tables[film]
        if not self._window_frames:
            return pairs, marks
        moments = np.unique(marks[:, MOMENT_MARK])
        last = max(len(moments) - self._window_frames, 0)
        first = int(rng.integers(last + 1))
        within = moments[first : first + self._window_frames]
        kept = (marks[:, MOMENT_MARK] >= within[0]) & (marks[:, MOMENT_MARK] <= within[-1])
        return pairs[kept], marks[kept]


def _simultaneous_pairs(episode: FilmedEpisode) -> tuple[np.ndarray, np.ndarray]:
    """Return all ordered pairs (K, 4) of an episode and the marks (K, 3) of each.

    The marks number both frames and the moment; two pairs that share one must not meet in a batch.
    A moment is numbered by the nearest frame of the view with the most frames.
    """
    times = [episode.timestamps(view) for view in episode.views]
    first_marks = np.cumsum([0, *map(len, times)])  # by view, then for moments
    longest = max(times, key=len, default=np.empty(0))
    pairs, marks = [np.empty((0, 4), np.int64)], [np.empty((0, 3), np.int64)]
    for a, first in enumerate(times):
        for b, second in enumerate(times):
            if a == b:
                continue
            matched = match_frames(first, second)  # (K, 2)
            views = np.broadcast_to([a, b], matched.shape)
            columns = (views[:, 0], matched[:, 0], views[:, 1], matched[:, 1])
            pairs.append(np.stack(columns, axis=1))
            moment = first_marks[-1] + nearest_frames(first[matched[:, 0]], longest)
            both = matched + first_marks[[a, b]]
            marks.append(np.concatenate([both, moment[:, None]], axis=1))
    # Half the memory; there are more pairs than frames.
    return np.concatenate(pairs).astype(np.int32), np.concatenate(marks).astype(np.int32)


def _has_two_moments(marks: np.ndarray) -> bool:
    return len(np.unique(marks[:, MOMENT_MARK])) > 1


def _distinct_moments(
    pairs: np.ndarray, marks: np.ndarray, count: int, rng: np.random.Generator
) -> np.ndarray:
    """Return up to `count` random pairs (K, 4) without a moment or a frame in common."""
    for num_candidates in (min(OVERSAMPLING * count, len(pairs)), len(pairs)):
        candidates = rng.choice(len(pairs), size=num_candidates, replace=False)
        chosen = candidates[first_without_overlap(marks[candidates])[:count]]
        if len(chosen) == count:
            break
    return pairs[chosen]


def first_without_overlap(marks: np.ndarray) -> np.ndarray:
    """Return the rows that remain when each row is taken that shares no mark with one taken before.

    A row that is the first to bear each of its marks is taken, those that share one with it are
    dropped, and so on with what is left: the same as going row by row, in a few rounds.

    Args:
        marks: int (K, M), different marks in each row.

    Returns:
        int64, ascending.
    """
    numbers = np.unique(marks, return_inverse=True)[1].reshape(marks.shape)  # from 0 on, dense
    taken = np.zeros(len(marks), bool)
    spent = np.zeros(numbers.size, bool)
    left = np.arange(len(marks))
    while len(left):
        borne = numbers[left]  # (L, M)
        first = np.full(numbers.size, len(marks))
        np.minimum.at(first, borne.ravel(), np.repeat(left, marks.shape[1]))
        wins = (first[borne] == left[:, None]).all(axis=1)
        taken[left[wins]] = True
        spent[borne[wins]] = True
        left = left[~spent[borne].any(axis=1)]
    return np.flatnonzero(taken)

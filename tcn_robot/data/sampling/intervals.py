"""Two frames of one film and the time between them: for objectives that learn the distance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tcn_robot.data.film_table import FilmTable
from tcn_robot.data.sampling.batch import Batch, BatchOptions, FilmedEpisode
from tcn_robot.data.sampling.long_films import LongFilms, describe_films
from tcn_robot.data.sampling.moment_numbers import moment_numbers
from tcn_robot.errors import UserError
from tcn_robot.matching import TIME_TOLERANCE_SECONDS, frame_period_seconds
from tcn_robot.option_ranges import expect_within

LEAST_FRAMES = 2  # of a film that has two moments


@dataclass(frozen=True)
class Intervals:
    """How the two frames of a pair are chosen.

    Attributes:
        weighting: An interval of n frames is drawn in proportion to 1 / n, or each as often.
        other_view: Whether the second frame is of another view of the episode, where one saw its
            moment.
        rewind_share: Share of pairs that come from a film run forward and some way back.
        mismatch_share: Share of pairs whose second frame comes from another episode.
    """

    weighting: Literal["inverse", "uniform"] = "inverse"
    other_view: bool = False
    rewind_share: float = 0.0
    mismatch_share: float = 0.0

    def check(self) -> None:
        """Raise UserError for shares that are none."""
        expect_within(self, 0, 1, "rewind_share", "mismatch_share")


class IntervalSampler:
    """Pairs of frames of one film, in both orders, shape (2, P).

    An interval is drawn first, then its place in the film, then which frame comes first
    (TimeRewarder, Liu et al. 2025). Rewound films are those of ReWiND (Zhang et al. 2025): from the
    start to a random frame and from there some way back, in which a pair may be twice the same
    frame. Otherwise the frames of a pair differ.
    """

    def __init__(
        self, episodes: Sequence[FilmedEpisode], options: BatchOptions, intervals: Intervals
    ) -> None:
        """Find the films that have two moments.

        Raises:
            UserError: If there is none, or none to mismatch it with.
        """
        options.check()
        intervals.check()
        self._films = LongFilms(episodes, LEAST_FRAMES)
        least = 2 if intervals.mismatch_share > 0 else 1
        if len(self._films.episodes) < least:
            raise UserError(
                f"pairs of frames in time expect at least {least} episodes with {LEAST_FRAMES} "
                f"frames or more, found {describe_films(episodes)}; record longer ones"
            )
        self._options, self._intervals = options, intervals
        longest = int(self._films.table.lengths.max())
        # A rewound film has up to 2 T - 1 frames.
        steps = np.arange(1, 2 * longest)
        weights = 1 / steps if intervals.weighting == "inverse" else np.ones(len(steps))
        self._cumulative = np.concatenate([[0.0], weights.cumsum()])
        self._moments = moment_numbers(self._films.table)
        self._periods = _frame_periods(self._films.table)  # (E, V)
        self.notes: tuple[str, ...] = self._films.notes

    def draw(self, rng: np.random.Generator) -> Batch:
        """Return the next batch."""
        count = self._options.batch_frames // 2
        episode = self._films.draw_episodes(rng, count, self._options)
        view = self._films.draw_views(rng, episode)[:, 0]
        lengths = self._films.lengths(episode, view)
        rewound = rng.random(count) < self._intervals.rewind_share
        first, second = self._frames(rng, lengths, rewound)
        episodes, views = np.tile(episode, (2, 1)), np.tile(view, (2, 1))  # (2, P)
        frames = np.stack([first, second])
        if self._intervals.other_view:
            views[1], frames[1] = self._seen_elsewhere(rng, episode, view, second)
        wrong = np.flatnonzero(rng.random(count) < self._intervals.mismatch_share)
        if len(wrong):
            strangers = self._strangers(rng, episode[wrong])
            episodes[1, wrong], views[1, wrong], frames[1, wrong] = strangers
        return self._films.batch(
            episodes.ravel(), views.ravel(), frames.ravel(), (2, count), self._moments
        )

    def _frames(
        self, rng: np.random.Generator, lengths: np.ndarray, rewound: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the two frames (P,) of each pair, in a film that may turn back."""
        turn = np.where(rewound, rng.integers(1, lengths), lengths - 1)  # the last frame forward
        back = np.where(rewound, rng.integers(1, turn + 1), 0)
        played = turn + 1 + back  # frames of the film as it is played
        # The interval by the inverse of its distribution, cut off at the film's length.
        reach = rng.random(len(lengths)) * self._cumulative[played - 1]
        steps = np.searchsorted(self._cumulative, reach, side="right").clip(1, played - 1)
        early = rng.integers(0, played - steps)
        pair = np.stack([early, early + steps])  # (2, P) in the film as it is played
        frames = np.where(pair <= turn, pair, 2 * turn - pair)
        swapped = rng.random(len(lengths)) < 0.5
        frames[:, swapped] = frames[::-1, swapped]
        return frames[0], frames[1]

    def _seen_elsewhere(
        self, rng: np.random.Generator, episode: np.ndarray, view: np.ndarray, frame: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return a random other view of each episode that saw that moment, and its frame of it.

        That is the nearest frame, within half a frame period. Where no other view has one, the
        frame stays as it is.
        """
        table = self._films.table
        times = table.times_seconds[table.positions(episode, view, frame)]  # (P,)
        frames = np.repeat(frame[:, None], table.lengths.shape[1], axis=1)  # (P, V)
        seen = np.zeros(frames.shape, bool)
        for other in range(table.lengths.shape[1]):
            has_film = table.lengths[episode, other] >= LEAST_FRAMES
            rows = np.flatnonzero(has_film & (view != other))
            films = episode[rows], np.full(len(rows), other)
            frames[rows, other] = table.nearest(*films, times[rows])
            found = table.times_seconds[table.positions(*films, frames[rows, other])]
            period = np.maximum(self._periods[episode[rows], view[rows]], self._periods[films])
            gap = np.abs(found - times[rows])
            seen[rows, other] = gap <= period / 2 + TIME_TOLERANCE_SECONDS
        scores = np.where(seen, rng.random(seen.shape), -1.0)
        pairs = np.arange(len(view))
        scores[pairs, view] = 0.0  # better than a view that did not see it
        chosen = scores.argmax(axis=1)
        return chosen, frames[pairs, chosen]

    def _strangers(
        self, rng: np.random.Generator, episode: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return episode, view and frame (K,) of random frames of other episodes."""
        place = np.searchsorted(self._films.episodes, episode)
        steps = rng.integers(1, len(self._films.episodes), size=len(episode))
        other = self._films.episodes[(place + steps) % len(self._films.episodes)]
        view = self._films.draw_views(rng, other)[:, 0]
        return other, view, rng.integers(0, self._films.lengths(other, view))


def _frame_periods(table: FilmTable) -> np.ndarray:
    """Return the median seconds between the frames of each film, float64 (E, V); 0 for none."""
    periods = np.zeros(table.lengths.shape)
    for episode, view in np.argwhere(table.lengths > 1):
        periods[episode, view] = frame_period_seconds(table.view_times(episode, view))
    return periods

"""Pairs within one view: frames that are close in time."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from tcn_robot.data.film_table import film_table
from tcn_robot.data.sampling.batch import (
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
from tcn_robot.data.sampling.reach import Radii
from tcn_robot.errors import UserError
from tcn_robot.matching import frame_period_seconds


class SingleViewSampler:
    """TCN's single-view pairs (Sermanet et al. 2018, section III-B).

    Anchor and positive are different frames of one view, at most the positive radius apart; the
    view of each film is drawn anew in each batch. No frame is an anchor twice.
    """

    def __init__(
        self,
        episodes: Sequence[FilmedEpisode],
        options: BatchOptions,
        radii: Radii,
        window_frames: int = 0,
        negatives: NegativeScope = "episode",
        partners_only: bool = False,
    ) -> None:
        """Find the views that are long enough.

        Args:
            episodes: Films to draw from.
            options: How large a batch is.
            radii: Where positives end and negatives begin.
            window_frames: Pairs of a film come from one random stretch of so many frames; 0 for
                the whole film.
            negatives: Where negatives will come from; with "others" a film needs none itself.
            partners_only: Whether negatives of an anchor are other anchors' partners only.

        Raises:
            UserError: If no view has a frame with both a positive and a negative.
        """
        options.check()
        radii.check()
        check_window(window_frames)
        self._films = film_table(episodes)
        self._options, self._radii = options, radii
        self._window_frames = window_frames
        self._needs_negative = negatives != "others"
        self._least = 2 if negatives == "episode" else 1
        self._wanted = NegativesWanted(negatives, radii.excluded, partners_only)
        self._starts = [
            [self._usable_starts(episode.timestamps(view)) for view in episode.views]
            for episode in episodes
        ]
        self._usable = np.array(
            [index for index, views in enumerate(self._starts) if any(len(view) for view in views)]
        )
        if len(self._usable) == 0:
            raise UserError(_too_short(episodes, radii, window_frames))
        check_scope(negatives, len(self._usable), options)
        short = len(episodes) - len(self._usable)
        self.notes = note_unused(short, len(episodes), "are too short")

    def draw(self, rng: np.random.Generator) -> Batch:
        """Return the next batch; smaller than asked only if the films have no more frames.

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
        """Return up to `count` pairs (K, 4) from a stretch of one view."""
        starts = self._starts[film]
        view = int(rng.choice([view for view, found in enumerate(starts) if len(found)]))
        first = rng.choice(starts[view]) if len(starts[view]) > 1 else starts[view][0]
        clock = self._clock(self._films.view_times(film, view))
        clock = clock[first : first + (self._window_frames or len(clock))]
        anchors = np.flatnonzero(self._are_anchors(clock[None])[0])
        chosen = rng.choice(anchors, size=min(count, len(anchors)), replace=False)
        partners = _partners(clock, chosen, self._radii.positive.limit, rng)
        views = np.full(len(chosen), view)
        return np.stack([views, first + chosen, views, first + partners], axis=1)  # (K, 4)

    def _clock(self, times: np.ndarray) -> np.ndarray:
        return self._radii.positive.clock(times, np.arange(len(times)))

    def _usable_starts(self, times: np.ndarray) -> np.ndarray:
        """Return the first frames of all stretches (K,) in which there is an anchor."""
        length = min(self._window_frames or len(times), len(times))
        if length < 2:
            return np.empty(0, np.int64)
        stretches = np.lib.stride_tricks.sliding_window_view(self._clock(times), length)
        return np.flatnonzero(self._are_anchors(stretches).any(axis=1))

    def _are_anchors(self, stretches: np.ndarray) -> np.ndarray:
        """Mark the frames that have a positive and a negative in their stretch, bool (K, W)."""
        steps = np.diff(stretches, axis=1)  # (K, W - 1)
        near = steps <= self._radii.positive.limit
        before = np.pad(near, ((0, 0), (1, 0)))
        with_positive = before | np.pad(near, ((0, 0), (0, 1)))
        if not self._needs_negative:
            return with_positive
        to_end = np.maximum(stretches - stretches[:, :1], stretches[:, -1:] - stretches)
        return with_positive & (to_end > self._radii.excluded.limit)


def _partners(
    clock: np.ndarray, anchors: np.ndarray, reach: float, rng: np.random.Generator
) -> np.ndarray:
    """Return for each anchor a random other frame (K,) at most the reach away."""
    low = np.searchsorted(clock, clock[anchors] - reach, side="left")
    high = np.searchsorted(clock, clock[anchors] + reach, side="right")
    # One of the high - low - 1 frames that are not the anchor.
    drawn = rng.integers(low, high - 1)
    return drawn + (drawn >= anchors)


def _too_short(episodes: Sequence[FilmedEpisode], radii: Radii, window_frames: int) -> str:
    films = [episode.timestamps(view) for episode in episodes for view in episode.views]
    unit = radii.excluded.unit
    span, reach = radii.excluded.span, radii.positive.span
    frames = max(map(len, films), default=0)
    longest = max((times[-1] - times[0] for times in films if len(times)), default=0.0)
    period = frame_period_seconds(*films)
    found = f"films of up to {frames} frames, {longest:.3g} s with {period:.3g} s between frames"
    window = f" in a window of {window_frames} frames" if window_frames else ""
    return (
        f"single-view training expects a film longer than --exclusion-{unit} {span:g} with frames "
        f"at most --positive-radius-{unit} {reach:g} apart, found {found}{window}; change the radii"
    )

"""Samplers: which frames of which films make up a batch, every draw from a Generator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tcn_robot.data.film_table import FilmTable, film_table
from tcn_robot.errors import UserError
from tcn_robot.matching import (
    TIME_TOLERANCE_SECONDS,
    frame_period_seconds,
    match_frames,
    nearest_frames,
)

# Columns of a table of pairs.
VIEW_A, FRAME_A, VIEW_B, FRAME_B = range(4)
MOMENT_MARK = 2  # column of a table of marks
# Candidates drawn per pair wanted, before all of a film are looked at.
OVERSAMPLING = 4


class FilmedEpisode(Protocol):
    """What a sampler must know of an episode."""

    @property
    def views(self) -> tuple[str, ...]:
        """Names of the views."""

    def frames(self, view: str) -> np.ndarray:
        """Return uint8 (T, S, S, 3)."""

    def timestamps(self, view: str) -> np.ndarray:
        """Return float64 (T,), ascending, seconds."""


@dataclass(frozen=True)
class SamplingOptions:
    """What a batch looks like.

    Attributes:
        batch_frames: Frames in a batch, anchors and positives together.
        episodes_per_batch: Films they come from; fewer films mean harder negatives.
        positive_radius_seconds: Single view: a positive is at most this far in time.
        negative_radius_seconds: Single view: a negative is further than this.
    """

    batch_frames: int = 256
    episodes_per_batch: int = 8
    positive_radius_seconds: float = 0.2
    negative_radius_seconds: float = 0.4


@dataclass(frozen=True)
class Batch:
    """Frames chosen for one step: first all anchors, then their positives in the same order.

    Attributes:
        episode: int64 (N,), position of the film among the sampler's episodes.
        view: int64 (N,), position in `episodes[episode].views`.
        frame: int64 (N,), index into the view's frames.
        moment: int64 (N,), shared by an anchor and its positive only.
        time_seconds: float64 (N,), measured.
    """

    episode: np.ndarray
    view: np.ndarray
    frame: np.ndarray
    moment: np.ndarray
    time_seconds: np.ndarray

    def __len__(self) -> int:
        """Return N."""
        return len(self.episode)


class Sampler(Protocol):
    """Draws batches from films; made from episodes and `SamplingOptions`."""

    def __init__(self, episodes: Sequence[FilmedEpisode], options: SamplingOptions) -> None:
        """Find out what can be drawn; raise UserError when nothing can."""

    def draw(self, rng: np.random.Generator) -> Batch:
        """Return the next batch."""


class MultiViewSampler:
    """TCN's multi-view pairs (Sermanet et al. 2018, section III-A).

    An anchor is a frame of a random view; its positive is the frame of another view that is
    nearest in measured time and within half a frame period. No moment and no frame occurs twice
    among the pairs of a film, so that negatives never are positives in disguise.
    """

    def __init__(self, episodes: Sequence[FilmedEpisode], options: SamplingOptions) -> None:
        """Tabulate the pairs of each episode.

        Raises:
            UserError: If no episode has two moments that two views saw.
        """
        _check_options(options)
        self._films = film_table(episodes)
        self._options = options
        self._tables = [_simultaneous_pairs(episode) for episode in episodes]
        self._usable = np.array(
            [index for index, (_, marks) in enumerate(self._tables) if _has_two_moments(marks)]
        )
        if len(self._usable) == 0:
            found = sorted({view for episode in episodes for view in episode.views})
            raise UserError(
                "multi-view training expects episodes in which two views saw at least two common "
                f"moments, found none in {len(episodes)} episodes with views "
                f"{', '.join(found) or 'none'}; record more views, or train with --objective svtcn"
            )

    def draw(self, rng: np.random.Generator) -> Batch:
        """Return the next batch; smaller than asked only if the films have no more moments."""
        wanted = self._options.batch_frames // 2
        share = -(-wanted // min(self._options.episodes_per_batch, len(self._usable)))
        films: list[int] = []
        parts: list[np.ndarray] = []
        missing = wanted
        for film in rng.permutation(self._usable):
            pairs, marks = self._tables[film]
            chosen = _distinct_moments(pairs, marks, min(share, missing), rng)
            films += [film] * len(chosen)
            parts.append(chosen)
            missing -= len(chosen)
            if missing == 0:
                break
        return _batch(self._films, np.array(films), np.concatenate(parts))


class SingleViewSampler:
    """TCN's single-view pairs (Sermanet et al. 2018, section III-B).

    Anchor and positive are different frames of one view, at most the positive radius apart; the
    view of each film is drawn anew in each batch. No frame is an anchor twice.
    """

    def __init__(self, episodes: Sequence[FilmedEpisode], options: SamplingOptions) -> None:
        """Find the views that are long enough.

        Raises:
            UserError: If no view has a frame with both a positive and a negative.
        """
        _check_options(options)
        self._films = film_table(episodes)
        self._options = options
        anchors = [
            [_anchors_in_time(episode.timestamps(view), options) for view in episode.views]
            for episode in episodes
        ]
        self._anchors = anchors
        self._usable = np.array(
            [index for index, views in enumerate(anchors) if any(len(view) for view in views)]
        )
        if len(self._usable) == 0:
            raise UserError(_too_short(episodes, options))

    def draw(self, rng: np.random.Generator) -> Batch:
        """Return the next batch; smaller than asked only if the films have no more frames."""
        wanted = self._options.batch_frames // 2
        share = -(-wanted // min(self._options.episodes_per_batch, len(self._usable)))
        films: list[int] = []
        parts: list[np.ndarray] = []
        missing = wanted
        for film in rng.permutation(self._usable):
            possible = [view for view, found in enumerate(self._anchors[film]) if len(found)]
            view = int(rng.choice(possible))
            times = self._films.view_times(film, view)
            anchors = self._anchors[film][view]
            count = min(share, missing, len(anchors))
            chosen = rng.choice(anchors, size=count, replace=False)
            partners = _partners_in_time(times, chosen, self._options.positive_radius_seconds, rng)
            views = np.full(count, view)
            parts.append(np.stack([views, chosen, views, partners], axis=1))  # (K, 4)
            films += [film] * count
            missing -= count
            if missing == 0:
                break
        return _batch(self._films, np.array(films), np.concatenate(parts))


SAMPLERS: dict[str, type[Sampler]] = {"views": MultiViewSampler, "times": SingleViewSampler}


def _check_options(options: SamplingOptions) -> None:
    if options.batch_frames < 4 or options.batch_frames % 2:
        raise UserError(
            f"--batch-frames must be an even number of at least 4, found {options.batch_frames}"
        )
    if options.episodes_per_batch < 1:
        raise UserError(
            f"--episodes-per-batch must be at least 1, found {options.episodes_per_batch}"
        )
    if not 0 < options.positive_radius_seconds <= options.negative_radius_seconds:
        raise UserError(
            "expected 0 < --positive-radius-seconds <= --negative-radius-seconds, found "
            f"{options.positive_radius_seconds} and {options.negative_radius_seconds}"
        )


def _simultaneous_pairs(episode: FilmedEpisode) -> tuple[np.ndarray, np.ndarray]:
    """Return all ordered pairs (K, 4) of an episode and the marks (K, 3) of each.

    The marks number both frames and the moment; two pairs that share one must not meet in a batch.
    A moment is numbered by the nearest frame of the view with the most frames.
    """
    times = [episode.timestamps(view) for view in episode.views]
    first_marks = np.cumsum([0, *map(len, times)])  # by view, then for moments
    longest = max(times, key=len)
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


def _anchors_in_time(times: np.ndarray, options: SamplingOptions) -> np.ndarray:
    """Return the frames (K,) that have both a positive and a negative in their own view."""
    near = options.positive_radius_seconds + TIME_TOLERANCE_SECONDS
    far = options.negative_radius_seconds + TIME_TOLERANCE_SECONDS
    if len(times) < 2:
        return np.empty(0, np.int64)
    steps = np.diff(times)
    to_neighbour = np.minimum(np.append(steps, np.inf), np.insert(steps, 0, np.inf))
    to_end = np.maximum(times - times[0], times[-1] - times)
    return np.flatnonzero((to_neighbour <= near) & (to_end > far))


def _partners_in_time(
    times: np.ndarray, anchors: np.ndarray, radius_seconds: float, rng: np.random.Generator
) -> np.ndarray:
    """Return for each anchor a random other frame (K,) at most the radius away."""
    reach = radius_seconds + TIME_TOLERANCE_SECONDS
    low = np.searchsorted(times, times[anchors] - reach, side="left")
    high = np.searchsorted(times, times[anchors] + reach, side="right")
    # One of the high - low - 1 frames that are not the anchor.
    drawn = rng.integers(low, high - 1)
    return drawn + (drawn >= anchors)


def _too_short(episodes: Sequence[FilmedEpisode], options: SamplingOptions) -> str:
    films = [episode.timestamps(view) for episode in episodes for view in episode.views]
    longest = max((times[-1] - times[0] for times in films if len(times)), default=0.0)
    period = frame_period_seconds(*films)
    return (
        "single-view training expects a film longer than --negative-radius-seconds "
        f"{options.negative_radius_seconds:g} with frames at most --positive-radius-seconds "
        f"{options.positive_radius_seconds:g} apart, found films up to {longest:.3g} s with "
        f"{period:.3g} s between frames; change the radii"
    )


def _batch(table: FilmTable, films: np.ndarray, pairs: np.ndarray) -> Batch:
    """Lay out pairs (P, 4) as a batch: anchors, then positives."""
    pairs = pairs.astype(np.int64)
    episode = np.concatenate([films, films])
    view = np.concatenate([pairs[:, VIEW_A], pairs[:, VIEW_B]])
    frame = np.concatenate([pairs[:, FRAME_A], pairs[:, FRAME_B]])
    moment = np.tile(np.arange(len(pairs)), 2)
    times = table.times_seconds[table.positions(episode, view, frame)]
    return Batch(episode, view, frame, moment, times)

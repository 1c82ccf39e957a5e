"""Pairs within one film, the second frame drawn from a density around the first."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal

import numpy as np

from tcn_robot.data.film_table import film_table
from tcn_robot.data.sampling.batch import (
    FRAME_A,
    VIEW_A,
    Batch,
    BatchOptions,
    FilmedEpisode,
    gather_from_films,
    note_unused,
    pairs_to_batch,
    share_per_film,
)
from tcn_robot.data.sampling.reach import Reach
from tcn_robot.data.sampling.same_frame import view_and_frame
from tcn_robot.errors import UserError
from tcn_robot.matching import frame_period_seconds

Density = Literal["uniform", "normal"]

# Beyond this many standard deviations lies 2e-9 of a normal density.
FURTHEST_SIGMAS = 6


class ProximitySampler:
    """Tempo's pairs: frame i of a film evenly, frame j from a density about it, j never i.

    "uniform": every other frame of the film within reach is equally likely. "normal": with weight
    exp(-d^2 / (2 reach^2)) for every other frame of the film, d its distance in time.

    Differs from Tempo, which takes all its pictures for one film: here a pair never crosses the
    border of a film, and at the border the density is cut off and scaled up again.
    """

    def __init__(
        self,
        episodes: Sequence[FilmedEpisode],
        options: BatchOptions,
        reach: Reach,
        density: Density,
    ) -> None:
        """Find the frames that have a partner.

        Raises:
            UserError: If there is none, as in films of one frame.
        """
        options.check()
        self._films = film_table(episodes)
        self._options, self._reach, self._density = options, reach, density
        self._anchors = [
            _with_partner([episode.timestamps(view) for view in episode.views], reach, density)
            for episode in episodes
        ]
        self._usable = np.array([i for i, found in enumerate(self._anchors) if len(found)], int)
        if len(self._usable) == 0:
            raise UserError(_no_pair(episodes, reach))
        self._furthest = max(
            _most_frames_within(episode.timestamps(view), reach, density)
            for episode in episodes
            for view in episode.views
        )
        lone = len(episodes) - len(self._usable)
        self.notes = note_unused(lone, len(episodes), "have no two frames close in time")

    def draw(self, rng: np.random.Generator) -> Batch:
        """Return the next batch; smaller than asked only if the films have no more frames."""
        wanted = self._options.batch_frames // 2
        share = share_per_film(wanted, self._options, self._usable)
        order = rng.permutation(self._usable)
        films, chosen = gather_from_films(order, wanted, share, partial(self._anchors_of, rng))
        partners = self._partners(films, chosen, rng)
        pairs = np.column_stack([chosen, chosen[:, VIEW_A], partners])  # (P, 4)
        return pairs_to_batch(self._films, films, pairs)

    def _anchors_of(self, rng: np.random.Generator, film: int, count: int) -> np.ndarray:
        """Return up to `count` views and frames (K, 2) of an episode."""
        anchors = self._anchors[film]
        numbers = rng.choice(anchors, size=min(count, len(anchors)), replace=False)
        return view_and_frame(numbers, self._films.lengths[film])

    def _partners(
        self, films: np.ndarray, chosen: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """Return a frame (P,) for each view and frame (P, 2)."""
        view, frame = chosen[:, VIEW_A], chosen[:, FRAME_A]
        steps = np.arange(-self._furthest, self._furthest + 1)
        candidates = frame[:, None] + steps  # (P, 2 R + 1)
        lengths = self._films.lengths[films, view][:, None]
        exists = (candidates >= 0) & (candidates < lengths) & (steps != 0)
        first = (self._films.positions(films, view, frame) - frame)[:, None]
        times = self._films.times_seconds
        there = times[first + candidates.clip(0, lengths - 1)]
        clock = self._reach.clock(there, candidates)
        own = self._reach.clock(times[first[:, 0] + frame], frame)
        weights = _weights(np.abs(clock - own[:, None]), exists, self._reach, self._density)
        return frame + steps[draw_columns(weights, rng)]


def _weights(
    distance: np.ndarray, exists: np.ndarray, reach: Reach, density: Density
) -> np.ndarray:
    """Return (P, W) how likely each candidate is, not scaled; 0 where there is none."""
    if density == "uniform":
        return (exists & (distance <= reach.limit)).astype(np.float64)
    # From the largest exponent: the nearest frame may be many standard deviations away.
    exponent = np.where(exists, -0.5 * np.square(distance / reach.span), -np.inf)
    return np.exp(exponent - exponent.max(axis=1, keepdims=True))


def draw_columns(weights: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return for each row of (P, W) a column (P,), as likely as its weight; never one of weight 0.

    Args:
        weights: At least 0, with something above 0 in each row.
        rng: Source of the draws.
    """
    total = weights.cumsum(axis=1)
    drawn = rng.random(len(weights)) * total[:, -1]
    last = weights.shape[1] - 1 - (weights[:, ::-1] > 0).argmax(axis=1)
    return np.minimum((total <= drawn[:, None]).sum(axis=1), last)  # Rounding may reach the total.


def _clocks(times: Sequence[np.ndarray], reach: Reach) -> list[np.ndarray]:
    return [reach.clock(view, np.arange(len(view))) for view in times]


def _with_partner(times: Sequence[np.ndarray], reach: Reach, density: Density) -> np.ndarray:
    """Return the frames (K,) that have a partner, numbered through all views of an episode."""
    found, first = [np.empty(0, np.int64)], 0
    for clock in _clocks(times, reach):
        if len(clock) > 1:
            gaps = np.diff(clock).astype(np.float64)
            nearest = np.minimum(np.append(gaps, np.inf), np.insert(gaps, 0, np.inf))
            limit = reach.limit if density == "uniform" else np.inf
            found.append(first + np.flatnonzero(nearest <= limit))
        first += len(clock)
    return np.concatenate(found)


def _most_frames_within(times: np.ndarray, reach: Reach, density: Density) -> int:
    """Return how many frames away a partner may be, at least 1."""
    (clock,) = _clocks([times], reach)
    if len(clock) < 2:
        return 1
    limit = reach.limit if density == "uniform" else FURTHEST_SIGMAS * reach.limit
    after = np.searchsorted(clock, clock + limit, side="right") - 1 - np.arange(len(clock))
    return max(int(after.max()), 1)


def _no_pair(episodes: Sequence[FilmedEpisode], reach: Reach) -> str:
    films = [episode.timestamps(view) for episode in episodes for view in episode.views]
    longest = max(map(len, films), default=0)
    period = frame_period_seconds(*films)
    return (
        "training on pairs of frames expects films with two frames at most "
        f"--proximity-{reach.unit} {reach.span:g} apart, found films of up to {longest} frames "
        f"with {period:.3g} s between them; record longer films or raise --proximity-{reach.unit}"
    )

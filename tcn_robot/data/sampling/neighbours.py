"""Pairs within one view: frames that are close in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tcn_robot.data.film_table import film_table
from tcn_robot.data.sampling.batch import (
    Batch,
    BatchOptions,
    FilmedEpisode,
    pairs_to_batch,
    share_per_film,
)
from tcn_robot.errors import UserError
from tcn_robot.matching import TIME_TOLERANCE_SECONDS, frame_period_seconds


@dataclass(frozen=True)
class Radii:
    """How far in time partners and strangers are.

    Attributes:
        positive_seconds: A positive is at most this far from its anchor.
        negative_seconds: A negative is further than this.
    """

    positive_seconds: float = 0.2
    negative_seconds: float = 0.4

    def check(self) -> None:
        """Raise UserError unless 0 < positive <= negative."""
        if not 0 < self.positive_seconds <= self.negative_seconds:
            raise UserError(
                "expected 0 < --positive-radius-seconds <= --negative-radius-seconds, found "
                f"{self.positive_seconds} and {self.negative_seconds}"
            )


class SingleViewSampler:
    """TCN's single-view pairs (Sermanet et al. 2018, section III-B).

    Anchor and positive are different frames of one view, at most the positive radius apart; the
    view of each film is drawn anew in each batch. No frame is an anchor twice.
    """

    def __init__(
        self, episodes: Sequence[FilmedEpisode], options: BatchOptions, radii: Radii
    ) -> None:
        """Find the views that are long enough.

        Raises:
            UserError: If no view has a frame with both a positive and a negative.
        """
        options.check()
        radii.check()
        self._films = film_table(episodes)
        self._options, self._radii = options, radii
        anchors = [
            [_anchors_in_time(episode.timestamps(view), radii) for view in episode.views]
            for episode in episodes
        ]
        self._anchors = anchors
        self._usable = np.array(
            [index for index, views in enumerate(anchors) if any(len(view) for view in views)]
        )
        if len(self._usable) == 0:
            raise UserError(_too_short(episodes, radii))

        short = len(episodes) - len(self._usable)
        self.notes = (f"{short} of {len(episodes)} episodes are too short and are not used",)
        self.notes = self.notes if short else ()

    def draw(self, rng: np.random.Generator) -> Batch:
        """Return the next batch; smaller than asked only if the films have no more frames."""
        wanted = self._options.batch_frames // 2
        share = share_per_film(wanted, self._options, self._usable)
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
            partners = _partners_in_time(times, chosen, self._radii.positive_seconds, rng)
            views = np.full(count, view)
            parts.append(np.stack([views, chosen, views, partners], axis=1))  # (K, 4)
            films += [film] * count
            missing -= count
            if missing == 0:
                break
        return pairs_to_batch(self._films, np.array(films), np.concatenate(parts))


def _anchors_in_time(times: np.ndarray, radii: Radii) -> np.ndarray:
    """Return the frames (K,) that have both a positive and a negative in their own view."""
    near = radii.positive_seconds + TIME_TOLERANCE_SECONDS
    far = radii.negative_seconds + TIME_TOLERANCE_SECONDS
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


def _too_short(episodes: Sequence[FilmedEpisode], radii: Radii) -> str:
    films = [episode.timestamps(view) for episode in episodes for view in episode.views]
    longest = max((times[-1] - times[0] for times in films if len(times)), default=0.0)
    period = frame_period_seconds(*films)
    return (
        "single-view training expects a film longer than --negative-radius-seconds "
        f"{radii.negative_seconds:g} with frames at most --positive-radius-seconds "
        f"{radii.positive_seconds:g} apart, found films up to {longest:.3g} s with "
        f"{period:.3g} s between frames; change the radii"
    )

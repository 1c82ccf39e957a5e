"""Films of many lengths as one long table: episode, view and frame or time to a position in it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Protocol

import numpy as np


class Timed(Protocol):
    """An episode, as far as its table is concerned."""

    @property
    def views(self) -> tuple[str, ...]:
        """Names of the views."""

    def timestamps(self, view: str) -> np.ndarray:
        """Return float64 (T,), ascending, seconds."""


class FilmTable:
    """Positions and times of the frames of some episodes, whole arrays at a time.

    Films need neither the same length nor the same number of views; a view may be empty.

    Attributes:
        lengths: int64 (E, V), frames of each view; 0 where an episode has fewer views than V.
        times_seconds: float64 (F,), of all frames: views in a row, then episodes.
    """

    def __init__(self, times_seconds: Sequence[Sequence[np.ndarray]]) -> None:
        """Lay out films.

        Args:
            times_seconds: By episode, then by view, float64 (T,), ascending.
        """
        most_views = max((len(views) for views in times_seconds), default=0)
        self.lengths = np.zeros((len(times_seconds), most_views), np.int64)
        for episode, views in enumerate(times_seconds):
            self.lengths[episode, : len(views)] = [len(times) for times in views]
        ends = self.lengths.ravel().cumsum()
        self._first = ends - self.lengths.ravel()  # (E * V,)
        flat = [times for views in times_seconds for times in views]
        self.times_seconds = np.concatenate(flat).astype(np.float64) if flat else np.empty(0)

    def __len__(self) -> int:
        """Return F."""
        return len(self.times_seconds)

    def view_times(self, episode: int, view: int) -> np.ndarray:
        """Return the times of one film, float64 (T,)."""
        film = episode * self.lengths.shape[1] + view
        first = self._first[film]
        return self.times_seconds[first : first + self.lengths[episode, view]]

    @cached_property
    def episode_seconds(self) -> np.ndarray:
        """Seconds from the first frame of any view of an episode to the last, float64 (E,)."""
        spans = np.zeros(len(self.lengths))
        for episode, lengths in enumerate(self.lengths):
            films = [self.view_times(episode, int(v)) for v in np.flatnonzero(lengths)]
            if films:
                spans[episode] = max(film[-1] for film in films) - min(film[0] for film in films)
        return spans

    def positions(self, episode: np.ndarray, view: np.ndarray, frame: np.ndarray) -> np.ndarray:
        """Return where frames stand in the table.

        Args:
            episode: int (N,), position of the episode.
            view: int (N,), position of the view in its episode.
            frame: int (N,), index into the view's frames.

        Returns:
            int64 (N,), 0 to F.

        Raises:
            IndexError: If there is no such frame.
        """
        film = self._films(episode, view)
        frame = np.asarray(frame, np.int64)
        if ((frame < 0) | (frame >= self.lengths.ravel()[film])).any():
            raise IndexError("a frame index is outside its view")
        return self._first[film] + frame

    def nearest(
        self, episode: np.ndarray, view: np.ndarray, time_seconds: np.ndarray
    ) -> np.ndarray:
        """Return the frames nearest to times, the earlier one of two; see `matching`.

        Args:
            episode: int (N,), position of the episode.
            view: int (N,), position of the view in its episode.
            time_seconds: float64 (N,); a time outside a film finds its first or last frame.

        Returns:
            int64 (N,), index into the view's frames.

        Raises:
            IndexError: If there is no such view, or it has no frames.
        """
        film = self._films(episode, view)
        time = np.asarray(time_seconds, np.float64)
        length, first = self.lengths.ravel()[film], self._first[film]
        if not length.all():
            raise IndexError("a view has no frames")
        distinct, keys = self._ranks
        rank = np.searchsorted(distinct, time)  # of the first time that is not before
        after = np.searchsorted(keys, film * (len(distinct) + 1) + rank) - first
        after = after.clip(1, np.maximum(length - 1, 1))
        before = first + after - 1
        after = first + np.minimum(after, length - 1)
        times = self.times_seconds
        closer = np.abs(times[after] - time) < np.abs(times[before] - time)
        return np.where(closer, after, before) - first

    def _films(self, episode: np.ndarray, view: np.ndarray) -> np.ndarray:
        """Return the number of each film, int64 (N,) into (E * V)."""
        episode, view = np.asarray(episode, np.int64), np.asarray(view, np.int64)
        num_episodes, num_views = self.lengths.shape
        if ((episode < 0) | (episode >= num_episodes) | (view < 0) | (view >= num_views)).any():
            raise IndexError("an episode or a view is outside the table")
        return episode * num_views + view

    @cached_property
    def _ranks(self) -> tuple[np.ndarray, np.ndarray]:
        """Return all distinct times (U,) and for each frame one ascending whole number (F,).

        The number is (film, rank of the time among all), so that one binary search over the whole
        table finds a time within a film, exactly: times themselves are only compared.
        """
        distinct, rank = np.unique(self.times_seconds, return_inverse=True)
        film = np.repeat(np.arange(self.lengths.size), self.lengths.ravel())  # (F,)
        return distinct, film * (len(distinct) + 1) + rank.reshape(film.shape)


def film_table(episodes: Sequence[Timed]) -> FilmTable:
    """Return the table of some episodes, in their order and that of their views."""
    return FilmTable([[e.timestamps(view) for view in e.views] for e in episodes])

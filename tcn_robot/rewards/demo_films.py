"""Embedded demonstrations of one view, side by side, and what a distance to them is worth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tcn_robot.rewards.nearest import by_path

Array = NDArray[np.float64]

# Where a single demonstration is all there is: the unit, as a share of the median distance between
# two of its frames. docs/trajectory.md says what the share was where it could be measured.
LONE_SHARE = 0.5
# A unit below this share of the embeddings' root mean square norm is rounding.
SMALLEST_SHARE = 1e-3


class DemoFilms:
    """K films of J frames at most; the shorter ones are filled with their last frame.

    Attributes:
        frames: float64 (K, J, D).
        lengths: int64 (K,).
        places: float64 (K, J) in [0, 1], the share of a film's way that is done; 0 in what is
            filled, so that it never counts.
    """

    def __init__(self, films: Sequence[NDArray[np.generic]]) -> None:
        """Put films of (T, D) side by side, one or more, each of a frame or more."""
        self.lengths = np.array([len(film) for film in films], dtype=np.int64)
        most = int(self.lengths.max())
        index = np.minimum(np.arange(most), self.lengths[:, None] - 1)  # (K, J)
        self.frames = np.stack(
            [
                np.asarray(film, dtype=np.float64)[row]
                for film, row in zip(films, index, strict=True)
            ]
        )
        self.places = np.zeros((len(films), most))
        for row, film in zip(self.places, films, strict=True):
            row[: len(film)] = by_path(film)
        self._squared_norms = np.square(self.frames).sum(axis=2)  # (K, J)

    @property
    def root_mean_square_norm(self) -> float:
        """Size of the embeddings."""
        return float(np.sqrt(self._squared_norms.mean()))

    def film(self, index: int) -> Array:
        """Return one film as it was, (T, D)."""
        return np.asarray(self.frames[index, : self.lengths[index]])

    def distances(self, queries: NDArray[np.generic]) -> Array:
        """Return the distance of each query to each frame, (N, D) -> (N, K, J)."""
        rows = np.asarray(queries, dtype=np.float64)
        films, most, dimension = self.frames.shape
        squared = rows @ self.frames.reshape(films * most, dimension).T
        squared *= -2.0
        squared += np.square(rows).sum(axis=1)[:, None]
        squared += self._squared_norms.reshape(-1)
        return np.asarray(np.sqrt(np.maximum(squared, 0.0)).reshape(len(rows), films, most))

    def nearest_by_place(
        self, queries: NDArray[np.generic], most_places: int
    ) -> tuple[Array, Array]:
        """Look up the nearest frame of any film at each of several places along the way.

        Args:
            queries: (N, D).
            most_places: Into how many equal parts the way is cut, >= 1; parts in which no film has
                a frame are left out, which leaves B.

        Returns:
            distances: (N, B), of the nearest frame in each part, in the order of the way.
            places: (N, B), where that frame lies.
        """
        real = np.arange(self.frames.shape[1]) < self.lengths[:, None]  # (K, J)
        places = self.places[real]  # (F,)
        parts = np.minimum((places * most_places).astype(np.int64), most_places - 1)
        order = np.argsort(parts, kind="stable")
        starts = np.flatnonzero(np.diff(parts[order], prepend=-1))
        distances = self.distances(queries)[:, real][:, order]  # (N, F)
        found, where = [], []
        for frames in np.split(np.arange(len(order)), starts[1:]):
            nearest = distances[:, frames].argmin(axis=1)
            found.append(distances[np.arange(len(distances)), frames[nearest]])
            where.append(places[order[frames[nearest]]])
        return np.stack(found, axis=1), np.stack(where, axis=1)

    def nearest_start(self, first: NDArray[np.generic]) -> NDArray[np.int64]:
        """Return which film begins nearest to each first frame, (N, D) -> (N,)."""
        gaps = np.asarray(first, dtype=np.float64)[:, None] - self.frames[None, :, 0]
        return np.asarray(np.square(gaps).sum(axis=2).argmin(axis=1))


def calibrated_unit(
    films: Sequence[NDArray[np.generic]],
    withheld: Sequence[NDArray[np.generic]],
    percentile: float,
    by_start: bool = True,
) -> float:
    """Return the unit of distance: what lies between a success and what it is compared with.

    Each withheld film is compared with the film that begins nearest to it, or with all of them;
    without any, each of several films with the others. The unit is a percentile of the distances of
    its frames to the nearest frame there. A single film has none to be compared with: then it is
    `LONE_SHARE` of the median distance between two of its own frames.

    Args:
        films: (T, D) each, one or more.
        withheld: The same of others.
        percentile: In (0, 100].
        by_start: Whether one film is followed, that which begins nearest, or all at once.

    Returns:
        Above 0: films without any motion, or that agree to the digit, get the smallest unit.
    """
    size = DemoFilms(films).root_mean_square_norm
    if withheld:
        bank = DemoFilms(films)
        distances = [_distances_to(bank, film, by_start) for film in withheld]
    elif len(films) > 1:
        distances = [
            _distances_to(DemoFilms([*films[:index], *films[index + 1 :]]), film, by_start)
            for index, film in enumerate(films)
        ]
    else:
        own = DemoFilms(films).distances(films[0])[:, 0]
        percentile = 50.0
        distances = [LONE_SHARE * own[np.triu_indices(len(own), k=1)]]
    found = np.concatenate(distances)
    unit = float(np.percentile(found, percentile)) if len(found) else 0.0
    return max(unit, SMALLEST_SHARE * size, 1e-12)


def _distances_to(bank: DemoFilms, film: NDArray[np.generic], by_start: bool) -> Array:
    """Return each frame's distance to the nearest frame of what the film is compared with, (T,)."""
    distances = bank.distances(film)  # what films are filled with is their last frame again
    if by_start:
        distances = distances[:, bank.nearest_start(film[:1])]
    return np.asarray(distances.min(axis=(1, 2)))

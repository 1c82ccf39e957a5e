"""Demonstration frames to look up the nearest of, by one matrix product."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Gives each frame of one embedded film (T, D) its place in the film, (T,) from 0 to 1.
Clock = Callable[[NDArray[np.generic]], NDArray[np.float64]]

# Two squared distances closer than this share of the squared norms differ by rounding only.
TIE_SHARE = 1e-12


@dataclass(frozen=True)
class Progress:
    """What the nearest demonstration frames say of each query.

    Attributes:
        progress: float64 (N,) in [0, 1], their weighted place in their demonstrations.
        distance: float64 (N,), the mean distance to them.
    """

    progress: NDArray[np.float64]
    distance: NDArray[np.float64]


def by_time(film: NDArray[np.generic]) -> NDArray[np.float64]:
    """Return the share of the frames that have passed, (T, D) -> (T,); a single frame is at 1."""
    return np.linspace(0.0, 1.0, len(film)) if len(film) > 1 else np.ones(1)


def by_path(film: NDArray[np.generic]) -> NDArray[np.float64]:
    """Return the share of the film's way through the embedding that is done, (T, D) -> (T,).

    Frame t is at sum_{i < t} |e_{i+1} - e_i| over the same sum of all. A pause, wherever it lies,
    is one place; a film in which nothing ever moves shows the goal only, 1.
    """
    steps = np.linalg.norm(np.diff(np.asarray(film, dtype=np.float64), axis=0), axis=1)  # (T - 1,)
    way = np.concatenate([[0.0], np.cumsum(steps)])
    return way / way[-1] if way[-1] > 0.0 else np.ones(len(film))


CLOCKS: dict[str, Clock] = {"path": by_path, "time": by_time}


class FrameBank:
    """The embedded frames of several demonstrations in one view."""

    def __init__(
        self,
        embeddings: NDArray[np.generic],
        times: NDArray[np.generic],
        demos: NDArray[np.int64],
    ) -> None:
        """Use `of` to make one from films.

        Args:
            embeddings: (F, D), all frames.
            times: (F,) in [0, 1], where in its demonstration each frame was seen.
            demos: (F,), which demonstration it is from.
        """
        # float64, since the expanded square loses half of the digits near zero.
        self.embeddings = np.asarray(embeddings, dtype=np.float64)
        self.times = np.asarray(times, dtype=np.float64)
        self.demos = np.asarray(demos, dtype=np.int64)
        self._squared_norms = np.square(self.embeddings).sum(axis=1)  # (F,)

    @classmethod
    def of(cls, films: Sequence[NDArray[np.float32]], clock: Clock = by_path) -> FrameBank:
        """Collect embedded films, (T, D) each. The only frame of a film is its goal, time 1."""
        times = [clock(film) for film in films]
        demos = [np.full(len(film), index) for index, film in enumerate(films)]
        return cls(np.concatenate(films), np.concatenate(times), np.concatenate(demos))

    @property
    def root_mean_square_norm(self) -> float:
        """Size of the embeddings, the unit of what counts as a small distance."""
        return float(np.sqrt(self._squared_norms.mean()))

    def progress(
        self, queries: NDArray[np.float32], neighbours: int, kernel_width: float
    ) -> Progress:
        """Look up the nearest frames of each query.

        Frame i weighs `exp(-(d_i - d_1) / kernel_width)`, d_1 being the nearest one's distance.
        All frames as near as the last of the `neighbours` count, so that the order in the
        bank never decides.

        Args:
            queries: (N, D).
            neighbours: How many frames, at most all of them.
            kernel_width: Difference in distance after which a frame counts 1/e, > 0.
        """
        squared = self._squared_distances(queries)  # (N, F)
        distances, near = self._nearest(squared, neighbours)
        nearest = distances.min(axis=1, keepdims=True)
        weights = np.exp((nearest - distances) / kernel_width) * near  # (N, F)
        return Progress(
            progress=np.asarray(weights @ self.times / weights.sum(axis=1)),
            distance=np.asarray((distances * near).sum(axis=1) / near.sum(axis=1)),
        )

    def distances_to_others(self, neighbours: int) -> list[NDArray[np.float64]]:
        """Return each film's (T,) mean distances to the nearest frames of the others.

        The frames of a single film are compared with its other frames. Empty if there is
        nothing to compare with.
        """
        several = len(np.unique(self.demos)) > 1
        found = []
        for demo in np.unique(self.demos):
            mine = np.flatnonzero(self.demos == demo)
            squared = self._squared_distances(self.embeddings[mine])  # (T, F)
            if several:
                squared[:, mine] = np.inf
            elif len(mine) > 1:
                squared[np.arange(len(mine)), mine] = np.inf
            else:
                continue
            others = len(self.times) - (len(mine) if several else 1)
            distances, near = self._nearest(squared, min(neighbours, others))
            distances = np.where(near, distances, 0.0)
            found.append(np.asarray(distances.sum(axis=1) / near.sum(axis=1)))
        return found

    def distances_between_pairs(self) -> NDArray[np.float64]:
        """Return the distance of each pair of frames, (F (F - 1) / 2,)."""
        squared = self._squared_distances(self.embeddings)
        return np.asarray(np.sqrt(squared[np.triu_indices(len(squared), k=1)]))

    def _squared_distances(self, queries: NDArray[np.generic]) -> NDArray[np.float64]:
        rows = np.asarray(queries, dtype=np.float64)
        squared = rows @ self.embeddings.T  # (N, F)
        squared *= -2.0
        squared += np.square(rows).sum(axis=1)[:, None]
        squared += self._squared_norms[None, :]
        return np.maximum(squared, 0.0, out=squared)

    def _nearest(
        self, squared: NDArray[np.float64], neighbours: int
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return the (N, F) distances and which frames are among the nearest, ties included."""
        count = min(neighbours, squared.shape[1])
        furthest = np.partition(squared, count - 1, axis=1)[:, count - 1 : count]  # (N, 1)
        rounding = TIE_SHARE * (float(self._squared_norms.max()) + furthest)
        return np.sqrt(squared), squared <= furthest + rounding

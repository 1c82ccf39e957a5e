"""All nearest frames of all frames, kept small: frames that have the same ones share them.

A collapsed episode has one set, one with k states has k, and where nothing ties each set is one
frame; so the whole relation fits where a (T, S) matrix would not, and can be chained.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from tcn_robot.metrics.blockwise import Distance
from tcn_robot.metrics.neighbours import neighbour_pairs


@dataclass(frozen=True)
class TieSets:
    """The nearest frames in v of every frame of u.

    Attributes:
        set_of: int64 (T,), which set each frame of u has.
        shares: sparse (sets, S), how a frame is divided among the frames of its set; rows sum to 1.
    """

    set_of: NDArray[np.int64]
    shares: csr_array

    def chosen(self) -> csr_array:
        """Return sparse (T, sets), 1 where a frame of u has a set."""
        count = len(self.set_of)
        places = (np.ones(count), self.set_of, np.arange(count + 1))
        return csr_array(places, shape=(count, self.shares.shape[0]))

    def shares_within(
        self, sets: NDArray[np.int64], first: NDArray[np.int64], last: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Return which share of each set lies from a first to a last frame of v, (P,) each."""
        num_cols = self.shares.shape[1]
        begin = np.searchsorted(self._places, sets * num_cols + first)
        end = np.searchsorted(self._places, sets * num_cols + last, side="right")
        return np.asarray((end - begin) / np.diff(self.shares.indptr)[sets])

    @cached_property
    def _places(self) -> NDArray[np.int64]:
        """Set and frame of every share as one number, ascending."""
        num_sets, num_cols = self.shares.shape
        before = np.arange(num_sets, dtype=np.int64) * num_cols
        return np.repeat(before, np.diff(self.shares.indptr)) + self.shares.indices


def tie_sets(u: ArrayLike, v: ArrayLike, *, distance: Distance = "euclidean") -> TieSets:
    """Return every frame of u with its nearest frames in v.

    Args:
        u: (T, D) embeddings.
        v: (S, D) embeddings.
        distance: As in `neighbour_pairs`.

    Raises:
        MetricInputError: Shapes that do not fit, or numbers that are not finite.
    """
    number_of: dict[bytes, int] = {}
    set_of: list[int] = []
    for rows, cols in neighbour_pairs(u, v, distance=distance):
        ends = (np.flatnonzero(np.diff(rows, append=-1)) + 1).tolist()
        frames = cols.astype(np.int32)
        start = 0
        for end in ends:
            own = frames[start:end].tobytes()
            set_of.append(number_of.setdefault(own, len(number_of)))
            start = end
    members = [np.frombuffer(own, np.int32) for own in number_of]
    sizes = np.array([len(own) for own in members])
    places = (
        np.repeat(1.0 / sizes, sizes),
        np.concatenate(members),
        np.concatenate([[0], np.cumsum(sizes)]),
    )
    return TieSets(np.array(set_of), csr_array(places, shape=(len(members), len(np.asarray(v)))))

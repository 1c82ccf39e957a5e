"""One film searched for the moments of another: neighbours found once, for every figure of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tcn_robot.metrics import KendallTau, kendall_tau_of_ties, nearest_neighbours


@dataclass(frozen=True)
class EmbeddedFilm:
    """One film as vectors, with what is known of its frames.

    Attributes:
        embedding: (T, D).
        times_seconds: (T,).
        progress: (T,) in [0, 1], or None.
    """

    embedding: NDArray[Any]
    times_seconds: NDArray[np.float64]
    progress: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Found:
    """The frames of one film and their nearest frames in another.

    Attributes:
        query: The film that asks.
        target: The film that is searched.
    """

    query: EmbeddedFilm
    target: EmbeddedFilm

    @cached_property
    def ties(self) -> NDArray[np.bool_]:
        """(T, S), which frames of the target are nearest to each of the query."""
        return nearest_neighbours(self.query.embedding, self.target.embedding)

    @cached_property
    def order(self) -> KendallTau:
        """The order in which the query's frames are found."""
        return kendall_tau_of_ties(self.ties)

    @cached_property
    def is_synchronised(self) -> bool:
        """Whether frame t of both was taken at the same moment."""
        first, second = self.query.times_seconds, self.target.times_seconds
        return len(first) == len(second) and np.allclose(first, second, rtol=0.0, atol=1e-6)

    @property
    def clocks(self) -> dict[str, Any]:
        """The times that `alignment_error` needs; none where frames say it all."""
        if self.is_synchronised:
            return {}
        return {"times_u": self.query.times_seconds, "times_v": self.target.times_seconds}

    def mean_over_ties(self, values: NDArray[Any]) -> float:
        """Average (T, S) over the nearest frames of each frame, then over the frames."""
        return float(((self.ties * values).sum(axis=1) / self.ties.sum(axis=1)).mean())

"""One film searched for the moments of another: neighbours found once, for every figure of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tcn_robot.metrics import KendallTau, kendall_tau_of_sequence, mean_over_neighbours


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
    def _means(self) -> NDArray[np.float64]:
        """(T, 2): mean index of each frame's nearest frames, and mean difference of progress.

        In one search and in bounded memory; the difference is 0 where progress is not known.
        """
        queries, targets = self.query.progress, self.target.progress

        def values(rows: NDArray[np.int64], cols: NDArray[np.int64]) -> NDArray[np.float64]:
            if queries is None or targets is None:
                return np.stack([cols, np.zeros(len(cols))], axis=1)
            return np.stack([cols, np.abs(queries[rows] - targets[cols])], axis=1)

        return mean_over_neighbours(self.query.embedding, self.target.embedding, values)

    @cached_property
    def order(self) -> KendallTau:
        """The order in which the query's frames are found, as `metrics.kendall_tau` has it."""
        return kendall_tau_of_sequence(self._means[:, 0])

    @property
    def progress_error(self) -> float | None:
        """As `metrics.progress_error` has it; None where progress is not known."""
        if self.query.progress is None or self.target.progress is None:
            return None
        return float(self._means[:, 1].mean())

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

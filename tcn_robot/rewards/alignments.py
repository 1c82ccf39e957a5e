"""Which frame of a demonstration each moment is compared with: one class per way, one table.

A row is an episode compared with one demonstration. Each class keeps a state per row and scores the
distances of a moment's embedding to all frames of the row's demonstration.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tcn_robot.rewards.coverage import cover
from tcn_robot.rewards.trajectory_options import TrajectoryConfig
from tcn_robot.rewards.transport import transport_scores

Array = NDArray[np.float64]
Rows = NDArray[np.int64]

# A count of frames that rounding has put this little below a whole one is that one.
ROUNDING_FRAMES = 1e-9


class Alignment(Protocol):
    """Scores moments against demonstrations, row by row."""

    memory_size: int

    def reset(self, mask: NDArray[np.bool_], next_frame: int) -> None:
        """Begin anew in some rows, (R,) bool; in all of them if there were others before."""

    def step(self, rows: Rows, distances: Array, lengths: Rows, places: Array) -> Array:
        """Score a moment of some rows and take it into their state.

        Args:
            rows: (M,), which rows.
            distances: (M, J) to the frames of each row's demonstration, in units.
            lengths: (M,), how many frames these have; what lies beyond does not count.
            places: (M, J), how far the demonstration has come at each frame, 0 beyond its end.

        Returns:
            (M,) scores.
        """

    def memory(self) -> Array:
        """Return the state in short, (R, memory_size) in [0, 1]."""


def tcn_penalty(distances: Array, config: TrajectoryConfig) -> Array:
    """Return `alpha d^2 + beta sqrt(gamma + d^2)`, of which equation 2 of the TCN paper is minus.

    Args:
        distances: Of any shape, >= 0.
        config: Has the weights.
    """
    squared = np.square(distances)
    return np.asarray(config.alpha * squared + config.beta * np.sqrt(config.gamma + squared))


def negative_log_similarity(
    distances: Array, config: TrajectoryConfig, tolerance: float = 0.0
) -> Array:
    """Return -log of the similarity, which is 1 up to the tolerance; >= 0.

    Args:
        distances: Of any shape, >= 0.
        config: Has the weights and the kind of similarity.
        tolerance: Distance up to which nothing is lost, >= 0.
    """
    least = tcn_penalty(np.array(tolerance), config)
    penalties = np.maximum(tcn_penalty(distances, config) - least, 0.0)
    return np.log1p(penalties) if config.similarity == "smooth" else penalties


class FixedRate:
    """Frame t of an episode is compared with frame `t * rate`, and with the last one at the end."""

    memory_size = 1

    def __init__(self, config: TrajectoryConfig) -> None:
        """Know no row yet."""
        self._config = config
        self._elapsed = np.zeros(0, dtype=np.int64)
        self._last = np.zeros(0, dtype=np.int64)

    def reset(self, mask: NDArray[np.bool_], next_frame: int) -> None:
        """Set the clock of some rows to the frame that comes next."""
        if self._elapsed.shape != mask.shape:
            self._elapsed, self._last = np.zeros((2, *mask.shape), dtype=np.int64)
            mask = np.ones_like(mask)
        self._elapsed[mask] = next_frame
        self._last[mask] = 0

    def step(self, rows: Rows, distances: Array, lengths: Rows, places: Array) -> Array:
        """Score a moment; see `Alignment`."""
        index = np.minimum(self._index(self._elapsed[rows]), lengths - 1)
        self._elapsed[rows] += 1
        self._last[rows] = lengths - 1
        return -tcn_penalty(distances[np.arange(len(rows)), index], self._config)

    def memory(self) -> Array:
        """Return the share of the demonstration whose time has passed, (R, 1)."""
        shown = np.minimum(self._index(np.maximum(self._elapsed - 1, 0)), self._last)
        return np.asarray((shown / np.maximum(self._last, 1))[:, None])

    def _index(self, elapsed: Rows) -> Rows:
        frames = elapsed * self._config.frames_per_step + ROUNDING_FRAMES
        return np.floor(frames).astype(np.int64)


class Monotone:
    """The nearest frame from the last one found to some ahead, never back."""

    memory_size = 1

    def __init__(self, config: TrajectoryConfig) -> None:
        """Know no row yet."""
        self._config = config
        self._position = np.zeros(0, dtype=np.int64)
        self._last = np.zeros(0, dtype=np.int64)

    def reset(self, mask: NDArray[np.bool_], next_frame: int) -> None:
        """Go back to the first frame in some rows."""
        if self._position.shape != mask.shape:
            self._position, self._last = np.zeros((2, *mask.shape), dtype=np.int64)
        self._position[mask] = 0
        self._last[mask] = 0

    def step(self, rows: Rows, distances: Array, lengths: Rows, places: Array) -> Array:
        """Score a moment; see `Alignment`."""
        last = lengths - 1
        ahead = self._position[rows, None] + np.arange(self._config.window + 1)
        near = np.take_along_axis(distances, np.minimum(ahead, last[:, None]), axis=1)
        # The first of equally near frames, so that standing still does not advance.
        self._position[rows] = np.minimum(self._position[rows] + near.argmin(axis=1), last)
        self._last[rows] = last
        return -tcn_penalty(near.min(axis=1), self._config)

    def memory(self) -> Array:
        """Return the share of the demonstration that has been found, (R, 1)."""
        return np.asarray((self._position / np.maximum(self._last, 1))[:, None])


class Coverage:
    """How far the demonstration has been followed in its order, and whether one is there now.

    `max_j place_j P[t, j] C[t, j - 1]`, in [0, 1]; see `tcn_robot.rewards.coverage`. Differs from
    ORCA, which is the case `credit=last, pooling=product, similarity=exponential, tolerance=0` of
    one demonstration: every frame has its credit and not the last one alone; what comes before j
    counts by its geometric mean, so that the reward does not vanish with the length of a
    demonstration; and frames as near as successes come count as covered.
    """

    memory_size = 2

    def __init__(self, config: TrajectoryConfig) -> None:
        """Know no row yet."""
        self._config = config
        self._covered = np.zeros((0, 0))
        self._memory = np.zeros((0, 2))

    def reset(self, mask: NDArray[np.bool_], next_frame: int) -> None:
        """Forget what some rows have covered."""
        if len(self._memory) != len(mask):
            self._covered = np.full((len(mask), 0), np.inf)
            self._memory = np.zeros((len(mask), 2))
        self._covered[mask] = np.inf
        self._memory[mask] = 0.0

    def step(self, rows: Rows, distances: Array, lengths: Rows, places: Array) -> Array:
        """Score a moment; see `Alignment`."""
        shown = distances.shape[1]
        if self._covered.shape[1] != shown:
            self._covered = np.full((len(self._covered), shown), np.inf)
        costs = negative_log_similarity(distances, self._config)
        covering = negative_log_similarity(distances, self._config, self._config.tolerance)
        self._covered[rows], before = cover(self._covered[rows], covering)
        if self._config.pooling == "mean":
            before = before / np.maximum(np.arange(shown), 1)
        credit = places if self._config.credit == "graded" else _at_the_last(lengths, shown)
        scores = credit * np.exp(-before - costs)  # (M, J)
        best = scores.argmax(axis=1)
        chosen = np.arange(len(rows))
        self._memory[rows, 0] = places[chosen, best]
        self._memory[rows, 1] = np.exp(-before[chosen, best])
        return scores[chosen, best]

    def memory(self) -> Array:
        """Return the place reached and how well those before it were covered, (R, 2)."""
        return self._memory.copy()


class Transport:
    """Minus the cost of what each moment is matched with, of all that has been seen, in a band.

    Online the frames so far are matched with what the demonstration shows in that time; at the end
    the whole episode with the whole demonstration.
    """

    memory_size = 1

    def __init__(self, config: TrajectoryConfig) -> None:
        """Know no row yet."""
        self._config = config
        self._seen: list[list[Array]] = []
        self._shares = np.zeros(0)

    def reset(self, mask: NDArray[np.bool_], next_frame: int) -> None:
        """Forget what some rows have seen; of a missing first frame nothing is known."""
        if len(self._seen) != len(mask):
            self._seen = [[] for _ in mask]
            self._shares = np.zeros(len(mask))
        for row in np.flatnonzero(mask):
            self._seen[row] = []
        self._shares[mask] = 0.0

    def step(self, rows: Rows, distances: Array, lengths: Rows, places: Array) -> Array:
        """Score a moment; see `Alignment`."""
        scores = np.zeros(len(rows))
        for m, (row, length) in enumerate(zip(rows, lengths, strict=True)):
            self._seen[row].append(distances[m, :length])
            due = self._due(row, int(length))
            self._shares[row] = due / length
            if self._config.scored == "online":
                scores[m] = self._scores(np.array(self._seen[row])[:, :due])[-1]
        return scores

    def seen_scores(self, row: int) -> Array:
        """Match all that a row has seen with the whole demonstration, -> (T,)."""
        return self._scores(np.array(self._seen[row])) if self._seen[row] else np.zeros(0)

    def memory(self) -> Array:
        """Return the share of the demonstration whose time has passed, (R, 1)."""
        return self._shares[:, None].copy()

    def _due(self, row: int, length: int) -> int:
        frames = len(self._seen[row]) * self._config.frames_per_step
        return min(max(int(np.ceil(frames - ROUNDING_FRAMES)), 1), length)

    def _scores(self, distances: Array) -> Array:
        config = self._config
        costs = tcn_penalty(distances, config)
        return transport_scores(
            costs, config.band, config.context, config.epsilon, config.iterations
        )


def _at_the_last(lengths: Rows, shown: int) -> Array:
    return np.asarray((np.arange(shown) == lengths[:, None] - 1).astype(np.float64))


ALIGNMENT_CLASSES: dict[str, type[FixedRate | Monotone | Coverage | Transport]] = {
    "frame": FixedRate,
    "monotone": Monotone,
    "coverage": Coverage,
    "transport": Transport,
}

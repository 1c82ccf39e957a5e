"""Search for the nearest frames block by block, in memory that does not grow with T * S.

Squared distances by one matrix product are quick and inexact: |u|^2 + |v|^2 - 2uv invents and
breaks ties. Here they only leave out what is certainly too far, by a rigorous bound of their
rounding; the few frames that are left are measured by differences.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tcn_robot.metrics.checks import MetricInputError, checked_pair

#: "euclidean", or "cosine": the same between rows of length 1.
Distance = Literal["euclidean", "cosine"]
# Distances closer than this many roundings of the numbers they come from are equal.
TIE_ROUNDINGS = 8.0
# Of one block of squared distances: 4 MB, which stays in a processor's cache.
BLOCK_ELEMENTS = 2**19
# A product of fewer rows reads the columns more often than it uses them.
_FEWEST_ROWS = 32
# Pairs measured at once: their differences are (pairs, D).
_EXACT_ELEMENTS = 2**21
_EPSILON = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Candidates:
    """Frames of v that may be among the k nearest of a block of frames of u.

    Attributes:
        rows: int64 (P,) ascending, frames of u; each frame of the block has k of them or more.
        cols: int64 (P,), frames of v, ascending within a row.
        counts: int64 (B,), how many each frame of the block has.
        doubtful: bool (B,), whether they have to be measured: those of the other frames are all
            as near as the nearest, within the tolerance of ties.
    """

    rows: NDArray[np.int64]
    cols: NDArray[np.int64]
    counts: NDArray[np.int64]
    doubtful: NDArray[np.bool_]


class BlockwiseSearch:
    """Two embeddings made ready for search.

    Args:
        u: (T, D) embeddings, the queries.
        v: (S, D) embeddings.
        distance: "euclidean", or "cosine": rows are scaled to length 1 first. A row of zeros has no
            direction and stays: it is at distance 1 from every other, and at 0 from rows of zeros.

    Attributes:
        tie_tolerance: Difference of two distances that rounding of the embeddings explains.
        num_rows: T.
        num_cols: S.

    Raises:
        MetricInputError: Shapes that do not fit, numbers that are not finite, or another distance.
    """

    def __init__(self, u: ArrayLike, v: ArrayLike, distance: Distance = "euclidean") -> None:
        first, second = checked_pair(u, v)
        if distance not in ("euclidean", "cosine"):
            raise MetricInputError(
                f"expected distance euclidean or cosine, found {distance!r}; choose one"
            )
        self._first, self._second = _scaled(first, second, distance)
        norms = [np.sqrt(_squared_norms(x).max()) for x in (self._first, self._second)]
        # By the coarser of both dtypes: a float32 embedding that is constant up to its last bits
        # has collapsed, whatever an arg-min makes of the bits.
        epsilon = max(_EPSILON, *(float(np.finfo(x.dtype).eps) for x in (first, second)))
        self.tie_tolerance = TIE_ROUNDINGS * epsilon * float(max(norms))
        self.num_rows, self.num_cols = len(first), len(second)
        self._prepare()

    def _prepare(self) -> None:
        """Centre the frames, which makes the product's rounding that of their spread."""
        centre = (self._first.mean(axis=0) + self._second.mean(axis=0)) / 2
        first, second = self._first - centre, self._second - centre
        self._row_squares, col_squares = _squared_norms(first), _squared_norms(second)
        # |u - v|^2 - |u|^2 is the product of these two.
        self._left = np.column_stack([-2.0 * first, np.ones(len(first))])  # (T, D + 1)
        self._right = np.column_stack([second, col_squares]).T.copy()  # (D + 1, S)
        reach = np.sqrt(self._row_squares) + np.sqrt(col_squares.max())  # (T,)
        # Higham 2002, section 3.1: a product of n terms is off by at most n roundings of the sum of
        # their sizes, here reach^2; three such sums, and room for the arithmetic on the bounds.
        terms = first.shape[1] + 4
        self._product_error = 4.0 * terms * _EPSILON * np.square(reach)
        # What centring and measuring by differences may differ by, in distance.
        self._distance_error = terms * _EPSILON * reach

    def candidates(self, k: int = 1) -> Iterator[Candidates]:
        """Go through the frames of u in order, a block of whole rows at a time.

        Args:
            k: How many nearest frames are wanted, in [1, S]. All that are as near as the k-th,
                within the tolerance of ties, are candidates; few others are.
        """
        rows_at_once = max(_FEWEST_ROWS, BLOCK_ELEMENTS // self.num_cols)
        # Written again and again: fresh memory costs more than what is done in it.
        table = np.empty((1 if k == 1 else 2, min(rows_at_once, self.num_rows), self.num_cols))
        for start in range(0, self.num_rows, rows_at_once):
            block = slice(start, min(start + rows_at_once, self.num_rows))
            yield self._block(block, k, table[:, : block.stop - start])

    def _block(self, block: slice, k: int, table: NDArray[np.float64]) -> Candidates:
        squares = np.matmul(self._left[block], self._right, out=table[0])  # (B, S), less |u|^2
        row_squares, error = self._row_squares[block], self._product_error[block]  # (B,)
        slack = 2.0 * self._distance_error[block]
        kth = squares.min(axis=1) if k == 1 else _kth_least(squares, k, table[1])  # (B,)
        farthest = np.sqrt(np.maximum(kth + row_squares + error, 0.0))
        limit = np.square(farthest + self.tie_tolerance + slack) * (1 + 16 * _EPSILON)
        near = squares <= (limit - row_squares + error)[:, None]  # (B, S)
        counts = np.count_nonzero(near, axis=1)
        rows = np.repeat(np.arange(len(near)), counts)
        cols = np.flatnonzero(near) - rows * self.num_cols  # several times as fast as np.nonzero
        several = np.flatnonzero(counts > k)
        sure = self._surely_nearest(squares[several], block.start + several)
        doubtful = np.full(len(near), k > 1)
        doubtful[several] = np.count_nonzero(sure, axis=1) < counts[several]
        return Candidates(rows + block.start, cols, counts, doubtful)

    def _surely_nearest(
        self, squares: NDArray[np.float64], rows: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Return which frames tie with the nearest whatever the rounding was, (B, S) -> (B, S)."""
        row_squares, error = self._row_squares[rows], self._product_error[rows]
        nearest = np.sqrt(np.maximum(squares.min(axis=1) + row_squares - error, 0.0))
        inside = nearest + self.tie_tolerance - 2.0 * self._distance_error[rows]
        limit = np.square(np.maximum(inside, 0.0)) * (1 - 16 * _EPSILON)
        return np.asarray(squares <= (limit - row_squares - error)[:, None])

    def distances(self, rows: NDArray[np.int64], cols: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the distances of pairs by differences, (P,), (P,) -> float64 (P,).

        In units of a power of two, in which nothing overflows; `tie_tolerance` is in the same.
        """
        found = np.empty(len(rows))
        pairs_at_once = max(1, _EXACT_ELEMENTS // self._first.shape[1])
        for start in range(0, len(rows), pairs_at_once):
            part = slice(start, start + pairs_at_once)
            differences = self._first[rows[part]] - self._second[cols[part]]  # (p, D)
            found[part] = np.sqrt(_squared_norms(differences))
        return found

    def nearest(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Go through all (row, column) of nearest frames, a block of whole rows at a time.

        Yields:
            rows (P,) ascending, every one there at least once, and cols (P,).
        """
        for found in self.candidates():
            if not found.doubtful.any():
                yield found.rows, found.cols
                continue
            kept = np.ones(len(found.rows), np.bool_)
            measured = np.repeat(found.doubtful, found.counts)  # (P,)
            kept[measured] = self._ties(found.rows[measured], found.cols[measured])
            yield found.rows[kept], found.cols[kept]

    def _ties(self, rows: NDArray[np.int64], cols: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which candidates are as near as the nearest of their row, (P,)."""
        distances = self.distances(rows, cols)
        starts = row_starts(rows)
        nearest = np.minimum.reduceat(distances, starts)
        counts = np.diff(starts, append=len(rows))
        return np.asarray(distances <= np.repeat(nearest, counts) + self.tie_tolerance)


def row_starts(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where each row begins in ascending rows, (P,) -> (B,)."""
    return np.flatnonzero(np.diff(rows, prepend=-1))


def _kth_least(
    squares: NDArray[np.float64], k: int, room: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the k-th least of every row, (B, S) -> (B,); `room` is overwritten."""
    np.copyto(room, squares)
    room.partition(k - 1, axis=1)
    return room[:, k - 1].copy()


def _squared_norms(array: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.einsum("td,td->t", array, array))


def _scaled(
    first: NDArray[Any], second: NDArray[Any], distance: Distance
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return both in float64, at most 1 in size: divided by a power of two, which is exact."""
    both = [x.astype(np.float64) for x in (first, second)]
    if distance == "cosine":
        return unit_rows(both[0]), unit_rows(both[1])
    _, exponent = np.frexp(max(float(np.abs(x).max()) for x in both))
    u, v = (np.ldexp(x, -int(exponent)) for x in both)
    return u, v


def unit_rows(array: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return rows scaled to length 1, (T, D) -> (T, D); a row of zeros stays."""
    largest = np.abs(array).max(axis=1, keepdims=True)  # (T, 1)
    bounded = array / np.where(largest > 0, largest, 1.0)
    norms = np.sqrt(_squared_norms(bounded))[:, None]
    return np.asarray(bounded / np.where(norms > 0, norms, 1.0))

"""Brings the embeddings of two bodies together, by unlabelled play of both.

The shown body is that of the demonstrations, the acting body that of what is scored. What all
frames of a body have in common (its colour, its size) moves its embeddings away from those of the
other; play of both says how far. All of it rests on the two plays showing the same kind of things:
where one body visits places that the other does not, that difference is taken out as well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Quantiles at which two distributions of distances are compared.
LEVELS = np.linspace(0.05, 0.95, 19)
#: Share of the mean variance that is mixed into every covariance.
SHRINKAGE = 0.1
#: Smallest deviation of a dimension, as a share of the root mean square one.
DEVIATION_FLOOR = 1e-3


@dataclass(frozen=True)
class AffineMap:
    """`y = (x - shift) @ matrix`, of embeddings.

    Attributes:
        shift: float64 (D,).
        matrix: float64 (D, D).
    """

    shift: NDArray[np.float64]
    matrix: NDArray[np.float64]

    def __call__(self, embeddings: NDArray[np.floating]) -> NDArray[np.float32]:
        """Map embeddings, (N, D) -> float32 (N, D)."""
        centred = np.asarray(embeddings, dtype=np.float64) - self.shift
        return np.asarray(centred @ self.matrix, dtype=np.float32)


def standardising(play: NDArray[np.floating]) -> AffineMap:
    """Return the map after which play has mean 0 and deviation 1 in every dimension.

    Args:
        play: (F, D), F >= 1. A dimension that hardly varies is not blown up: deviations are at
            least `DEVIATION_FLOOR` of their root mean square.
    """
    rows = np.asarray(play, dtype=np.float64)
    deviations = rows.std(axis=0)
    floor = DEVIATION_FLOOR * float(np.sqrt(np.square(deviations).mean()))
    return AffineMap(rows.mean(axis=0), np.diag(1.0 / np.maximum(deviations, floor or 1.0)))


def whitening(play: NDArray[np.floating]) -> AffineMap:
    """Return the map after which play has mean 0 and about unit covariance.

    The symmetric inverse root of the covariance (ZCA; Kessy, Lewin and Strimmer 2018), which turns
    the space least: two bodies' spaces stay comparable axis by axis. The covariance is shrunk
    towards a multiple of the identity, `(1 - a) S + a tr(S) / D I` with a = `SHRINKAGE` (Ledoit and
    Wolf 2004, but a fixed: frames of one film are too alike for their estimate of a).

    Args:
        play: (F, D), F >= 1.
    """
    rows = np.asarray(play, dtype=np.float64)
    mean = rows.mean(axis=0)
    covariance = (rows - mean).T @ (rows - mean) / len(rows)  # (D, D)
    spread = float(np.trace(covariance)) / len(covariance)
    if spread == 0.0:
        return AffineMap(mean, np.eye(len(covariance)))
    shrunk = (1.0 - SHRINKAGE) * covariance + SHRINKAGE * spread * np.eye(len(covariance))
    variances, axes = np.linalg.eigh(shrunk)
    return AffineMap(mean, (axes / np.sqrt(variances)) @ axes.T)


BODY_MAPS: dict[str, Callable[[NDArray[np.floating]], AffineMap]] = {
    "standardise": standardising,
    "whiten": whitening,
}


def quantile_factor(own: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    """Return by how much distances to the other body's play exceed those within one body's.

    The median, over the quantiles `LEVELS`, of the other's quantile over the own one: divided by
    it, the other body's distances have the own one's distribution, as far as one factor can do
    that. Never below 1: another body is no reason for a stricter gate.

    Args:
        own: (F,), distances of the shown body's play to the nearest of its other films.
        other: (G,), distances of the acting body's play to the nearest of the shown body's.
    """
    if len(own) == 0 or len(other) == 0:
        return 1.0
    ours, theirs = np.quantile(own, LEVELS), np.quantile(other, LEVELS)
    known = ours > 0.0
    return max(1.0, float(np.median(theirs[known] / ours[known]))) if known.any() else 1.0

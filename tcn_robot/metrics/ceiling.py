"""The best that an encoder of single frames can reach where some frames cannot be told apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tcn_robot.metrics.checks import MetricInputError, checked_embedding
from tcn_robot.metrics.order import KendallTau, kendall_tau_of_sequence


@dataclass(frozen=True)
class AlignmentCeiling:
    """The best that an encoder of single frames can reach on one episode.

    Attributes:
        error: Lowest alignment error.
        accuracy: Highest share within the tolerance.
        tau: Highest order against another episode.
    """

    error: float
    accuracy: float
    tau: KendallTau


def alignment_ceiling(
    features: ArrayLike, same_within: float, tolerance: int = 1
) -> AlignmentCeiling:
    """Return what an ideal encoder reaches where some frames cannot be told apart.

    Frames of a pause look the same, so no encoder of single frames can say which is which. All
    frames whose features differ by at most `same_within` in every component are ties.

    Args:
        features: (T, F), what there is to see: the simulator's state, or the pixels.
        same_within: Largest difference, in the features' unit, that cannot be seen.
        tolerance: Frames either side that count as found, as in `alignment_accuracy`.

    Raises:
        MetricInputError: Features that are no finite (T, F), or a negative `same_within`.
    """
    array = checked_embedding(features, "features")
    if not same_within >= 0:
        raise MetricInputError(f"expected same_within of 0 or more, found {same_within}")
    errors, shares, places = (np.empty(len(array)) for _ in range(3))
    # A loop over frames, since (T, T, F) of pixels would not fit in memory.
    for t, frame in enumerate(array):
        same = np.flatnonzero((np.abs(array - frame) <= same_within).all(axis=1))
        gaps = np.abs(same - t)
        errors[t], shares[t], places[t] = gaps.mean(), (gaps <= tolerance).mean(), same.mean()
    return AlignmentCeiling(
        error=float(errors.mean()) / len(array),
        accuracy=float(shares.mean()),
        tau=kendall_tau_of_sequence(places),
    )

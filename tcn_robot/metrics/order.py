"""Whether an embedding keeps the order of time from one episode to another.

Kendall's tau of the neighbours' order is the measure of TCC (Dwibedi et al. 2019, section 4.3).

Differs from the paper: equidistant neighbours give their mean index, both variants are reported,
and a pair without any order (a collapsed embedding) is 0. The usual code drops the NaN that it
gets there, so that a collapse is hidden; and it reports tau_b where the paper defines tau_a.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tcn_robot.metrics.blockwise import Distance
from tcn_robot.metrics.checks import checked_sequence
from tcn_robot.metrics.neighbours import mean_neighbour_index, mean_over_neighbours


@dataclass(frozen=True)
class KendallTau:
    """Order of the nearest neighbours of u's frames in v.

    Attributes:
        tau_a: (concordant - discordant) / all pairs, in [-1, 1]; ties count as no order.
        tau_b: The same over the pairs that are not tied, geometrically, in [-1, 1]. It flatters
            coarse embeddings: k perfectly ordered states give about sqrt(1 - 1/k).
        ties: Share of pairs of u's frames with the same neighbour, in [0, 1].
        effective_states: How many neighbours are in use, exp of their entropy, in [1, T].
    """

    tau_a: float
    tau_b: float
    ties: float
    effective_states: float


def kendall_tau(u: ArrayLike, v: ArrayLike, *, distance: Distance = "euclidean") -> KendallTau:
    """Return the order in which u's frames find their nearest neighbours in v.

    Args:
        u: (T, D), an episode from one view.
        v: (S, D), another episode.
        distance: As in `neighbour_pairs`.

    Returns:
        tau_a and tau_b are 1 for the same order, -1 for the reversed one, 0 when there is none:
        unrelated, collapsed, or a single frame.

    Raises:
        MetricInputError: Shapes that do not fit, or numbers that are not finite.
    """
    return kendall_tau_of_sequence(
        mean_over_neighbours(u, v, lambda _, cols: cols, distance=distance)
    )


def kendall_tau_of_ties(ties: NDArray[np.bool_]) -> KendallTau:
    """Return the order of the mean neighbours of a (T, S) bool matrix of nearest frames."""
    return kendall_tau_of_sequence(mean_neighbour_index(ties))


def kendall_tau_of_sequence(neighbours: ArrayLike) -> KendallTau:
    """Return Kendall's tau of a sequence against its own index.

    Args:
        neighbours: (T,) finite numbers, the neighbour found for frames 0 to T - 1.

    Raises:
        MetricInputError: Not a (T,) array of finite numbers.
    """
    sequence = checked_sequence(neighbours, "neighbour")
    _, counts = np.unique(sequence, return_counts=True)
    num_pairs = len(sequence) * (len(sequence) - 1) // 2
    num_tied = int((counts * (counts - 1) // 2).sum())
    surplus = _concordant_minus_discordant(sequence)
    shares = counts / len(sequence)
    # The index has no ties, so only the neighbours' ties correct tau_b.
    untied = np.sqrt(float(num_pairs) * float(num_pairs - num_tied))
    return KendallTau(
        tau_a=surplus / num_pairs if num_pairs else 0.0,
        tau_b=float(surplus / untied) if untied else 0.0,
        ties=num_tied / num_pairs if num_pairs else 0.0,
        effective_states=float(np.exp(-(shares * np.log(shares)).sum())),
    )


def _concordant_minus_discordant(sequence: NDArray[np.float64]) -> int:
    """Count pairs i < j in order less those in reverse, in T log^2 T steps.

    As merge sort does: halves that lie side by side are compared, then halves of twice the length.
    """
    count = len(sequence)
    ranks = np.unique(sequence, return_inverse=True)[1]  # (T,) in [0, T)
    index = np.arange(count)
    surplus, width = 0, 1
    while width < count:
        # Sorted by pair of halves, then by rank: a half lies before or after all others.
        keys = index // (2 * width) * count + ranks
        later = index // width % 2 == 1
        earlier = np.sort(keys[~later])
        whole_halves = keys[later] // count * width  # all earlier frames of the pairs before
        less = np.searchsorted(earlier, keys[later]) - whole_halves
        not_greater = np.searchsorted(earlier, keys[later], side="right") - whole_halves
        surplus += int((less - (width - not_greater)).sum())
        width *= 2
    return surplus

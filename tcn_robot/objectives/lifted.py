"""Lifted structured loss: each positive pair against all negatives of both its ends."""

from __future__ import annotations

import torch

from tcn_robot.objectives.distances import distances


def lifted_terms(
    embeddings: torch.Tensor, positives: torch.Tensor, negatives: torch.Tensor, margin: float
) -> torch.Tensor:
    """Return J_ij of each positive pair (Oh Song et al. 2016, eq. 4, second line).

    J_ij = log( sum_(i,k) exp(margin - D_ik) + sum_(j,l) exp(margin - D_jl) ) + D_ij, with (i, k)
    and (j, l) over negatives and D the distance, not squared. A smooth bound of the hinge with
    the nearest negative.

    Args:
        embeddings: (N, D) float, not normalised.
        positives: (N, N) bool, symmetric; each pair counts once.
        negatives: (N, N) bool, symmetric.
        margin: Distance at which negatives stop to matter (paper: 1).

    Returns:
        (K,) float, for the pairs of which at least one end has a negative.
    """
    apart = distances(embeddings)  # (N, N)
    first, second = (positives & _with_negative(negatives)).triu(1).nonzero(as_tuple=True)
    both = torch.cat([apart[first], apart[second]], dim=1)  # (K, 2 N)
    allowed = torch.cat([negatives[first], negatives[second]], dim=1)
    pushed = (margin - both).masked_fill(~allowed, -torch.inf).logsumexp(dim=1)
    return pushed + apart[first, second]


def _with_negative(negatives: torch.Tensor) -> torch.Tensor:
    """Mark the pairs of which at least one end has a negative, (N, N) bool."""
    has_one = negatives.any(dim=1)
    return has_one[:, None] | has_one[None, :]


def lifted_structure(terms: torch.Tensor) -> torch.Tensor:
    """Return sum max(0, J_ij)^2 / (2 |P|) (Oh Song et al. 2016, eq. 4, first line).

    Args:
        terms: (K,), what `lifted_terms` returns.

    Returns:
        Scalar; 0, with a working backward pass, when there is no pair.
    """
    return terms.clamp(min=0).square().sum() / (2 * max(len(terms), 1))

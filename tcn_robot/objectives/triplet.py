"""Semi-hard triplets: the nearest negative that is still further away than the positive."""

from __future__ import annotations

import torch


def squared_distances(embeddings: torch.Tensor) -> torch.Tensor:
    """Return |e_i - e_j|^2 as (N, N), never negative."""
    squares = embeddings.square().sum(dim=1)
    products = embeddings @ embeddings.T  # (N, N)
    return (squares[:, None] + squares[None, :] - 2 * products).clamp(min=0)


def semi_hard_triplet(
    embeddings: torch.Tensor,
    positives: torch.Tensor,
    negatives: torch.Tensor,
    margin: float,
) -> torch.Tensor:
    """Return the triplet loss with semi-hard negatives (FaceNet, section 3.2; TCN, eq. 1).

    For each positive pair (a, p) the negative n is the nearest one with D_an > D_ap, or, where
    none is further away than the positive, the furthest of all. D is the squared distance.
    The loss is sum max(0, margin + D_ap - D_an) / number of pairs.

    Args:
        embeddings: (N, D) float.
        positives: (N, N) bool, [a, p].
        negatives: (N, N) bool, [a, n].
        margin: Wanted gap between the squared distances.

    Returns:
        Scalar; 0, with a working backward pass, when no anchor has both a positive and a
        negative. Pairs whose anchor has no negative are not counted.
    """
    anchor, partner = (positives & negatives.any(dim=1, keepdim=True)).nonzero(as_tuple=True)
    if len(anchor) == 0:
        return embeddings.sum() * 0.0
    distances = squared_distances(embeddings)
    positive_distance = distances[anchor, partner]  # (K,)
    candidates, allowed = distances[anchor], negatives[anchor]  # (K, N)
    further = allowed & (candidates > positive_distance[:, None])
    nearest_further = candidates.masked_fill(~further, torch.inf).amin(dim=1)
    furthest = candidates.masked_fill(~allowed, -torch.inf).amax(dim=1)
    negative_distance = torch.where(further.any(dim=1), nearest_further, furthest)
    return (margin + positive_distance - negative_distance).clamp(min=0).mean()

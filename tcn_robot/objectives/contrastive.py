"""Contrastive loss: positives together, negatives at least a margin apart."""

from __future__ import annotations

import torch

from tcn_robot.objectives.distances import distances


def pair_distances(
    embeddings: torch.Tensor, positives: torch.Tensor, negatives: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the distances of all positive (K,) and of all negative pairs (L,), each pair once.

    Args:
        embeddings: (N, D) float.
        positives: (N, N) bool, symmetric.
        negatives: (N, N) bool, symmetric.
    """
    apart = distances(embeddings)
    return apart[positives.triu(1)], apart[negatives.triu(1)]


def contrastive(
    positive_distance: torch.Tensor, negative_distance: torch.Tensor, margin: float
) -> torch.Tensor:
    """Return the contrastive loss (Hadsell, Chopra & LeCun 2006, eq. 4).

    mean D_p^2 / 2 + mean max(0, margin - D_n)^2 / 2.

    Differs from the paper, which sums over all pairs: here positives and negatives are averaged
    on their own. A batch of P moments has P positive pairs and about 2 P^2 negative ones, among
    which the positives would drown.

    Args:
        positive_distance: (K,) distances, not squared.
        negative_distance: (L,) distances, not squared.
        margin: Distance beyond which negatives do not matter.

    Returns:
        Scalar; a kind of pair that the batch lacks adds 0, with a working backward pass.
    """
    pulled = positive_distance.square().sum() / max(len(positive_distance), 1)
    short = (margin - negative_distance).clamp(min=0)
    pushed = short.square().sum() / max(len(negative_distance), 1)
    return (pulled + pushed) / 2

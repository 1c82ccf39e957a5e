"""Triplets: a positive nearer than a negative by a margin, and three ways to choose them."""

from __future__ import annotations

from typing import Literal

import torch

from tcn_robot.objectives.distances import squared_distances

Mining = Literal["semi_hard", "hard", "all"]


def mine_triplets(
    embeddings: torch.Tensor, positives: torch.Tensor, negatives: torch.Tensor, mining: Mining
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the squared distances of the triplets that a batch is compared by.

    - "semi_hard": for each positive pair (a, p) the nearest negative with D_an > D_ap; where
      none is further away than the positive, the furthest of all (FaceNet, section 3.2, as TCN's
      official code has it).
    - "hard": for each positive pair the nearest negative of all.
    - "all": every negative with every positive pair.

    Args:
        embeddings: (N, D) float.
        positives: (N, N) bool, [a, p].
        negatives: (N, N) bool, [a, n].
        mining: How negatives are chosen.

    Returns:
        D_ap (K,) and D_an (K,), both with gradients; pairs whose anchor has no negative are not
        among them, so K may be 0.
    """
    distances = squared_distances(embeddings)
    anchor, partner = (positives & negatives.any(dim=1, keepdim=True)).nonzero(as_tuple=True)
    positive_distance = distances[anchor, partner]  # (P,)
    candidates, allowed = distances[anchor], negatives[anchor]  # (P, N)
    if mining == "all":
        pair, negative = allowed.nonzero(as_tuple=True)
        return positive_distance[pair], candidates[pair, negative]
    nearest = candidates.masked_fill(~allowed, torch.inf).amin(dim=1)
    if mining == "hard":
        return positive_distance, nearest
    further = allowed & (candidates > positive_distance[:, None])
    nearest_further = candidates.masked_fill(~further, torch.inf).amin(dim=1)
    furthest = candidates.masked_fill(~allowed, -torch.inf).amax(dim=1)
    return positive_distance, torch.where(further.any(dim=1), nearest_further, furthest)


def triplet_loss(
    positive_distance: torch.Tensor,
    negative_distance: torch.Tensor,
    margin: float,
    mining: Mining,
) -> torch.Tensor:
    """Return the hinge over triplets (Sermanet et al. 2018, eq. 1; FaceNet, eq. 3).

    max(0, margin + D_ap - D_an), averaged over all triplets; with "all" over those that are not 0
    (Hermans et al. 2017, section 2: most of all triplets are satisfied soon, and averaging over
    them would let the rest vanish).

    Args:
        positive_distance: (K,) squared distances of anchor and positive.
        negative_distance: (K,) squared distances of anchor and negative.
        margin: Wanted gap between the squared distances.
        mining: How the triplets were chosen.

    Returns:
        Scalar; 0, with a working backward pass, when there is no triplet.
    """
    hinge = (margin + positive_distance - negative_distance).clamp(min=0)
    if mining == "all":
        return hinge.sum() / (hinge > 0).sum().clamp(min=1)
    return hinge.sum() / max(len(hinge), 1)

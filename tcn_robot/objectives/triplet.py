"""Semi-hard triplets: the nearest negative that is still further away than the positive."""

from __future__ import annotations

from typing import ClassVar

import torch

from tcn_robot.objectives.moments import (
    Moments,
    negative_mask,
    positive_mask,
    simultaneous_mask,
)
from tcn_robot.objectives.options import ObjectiveOptions, Pairing


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


class MultiViewTriplet:
    """TCN's multi-view triplet loss (Sermanet et al. 2018, eq. 1)."""

    pairing: ClassVar[Pairing] = "views"
    unit_length: ClassVar[bool] = True

    def __init__(self, options: ObjectiveOptions) -> None:
        """Keep margin and negative scope."""
        self._options = options

    def __call__(self, embeddings: torch.Tensor, moments: Moments) -> torch.Tensor:
        """Return the loss of embeddings (N, D); anchors and positives take both parts."""
        negatives = negative_mask(moments, self._options.negatives)
        positives = simultaneous_mask(moments)
        return semi_hard_triplet(embeddings, positives, negatives, self._options.margin)


class SingleViewTriplet(MultiViewTriplet):
    """TCN's single-view triplet loss: positives within 0.2 s, negatives beyond twice that.

    Differs from the official code, whose radii are 6 and 12 frames at 29 fps: measured seconds
    mean the same at every frame rate and after a dropped frame.
    """

    pairing: ClassVar[Pairing] = "times"

    def __call__(self, embeddings: torch.Tensor, moments: Moments) -> torch.Tensor:
        """Return the loss of embeddings (N, D); each frame is an anchor."""
        options = self._options
        negatives = negative_mask(moments, options.negatives, options.negative_radius_seconds)
        positives = positive_mask(moments, options.positive_radius_seconds)
        return semi_hard_triplet(embeddings, positives, negatives, options.margin)

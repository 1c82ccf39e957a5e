"""How far apart in time two frames of a film are, as a distribution over bins (TimeRewarder).

Liu et al. 2025, "TimeRewarder: Learning Dense Reward from Passive Videos via Frame-wise Temporal
Distance": frames u and v of a film of T frames have the distance (v - u) / (T - 1), from -1 to 1.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from tcn_robot.objectives.heads import projection_head


def bin_centres(num_bins: int) -> torch.Tensor:
    """Return the distances that the bins stand for, float64 (B,), evenly from -1 to 1."""
    return torch.linspace(-1, 1, num_bins, dtype=torch.float64)


def two_hot(distances: torch.Tensor, num_bins: int) -> torch.Tensor:
    """Spread each distance over the two bins beside it, so that their mean is the distance.

    Args:
        distances: (P,) float, -1 to 1; what is beyond counts as the end.
        num_bins: B, at least 2.

    Returns:
        (P, B), each row of sum 1 with at most two entries above 0.
    """
    place = (distances.clamp(-1, 1) + 1) / 2 * (num_bins - 1)  # (P,) 0 to B - 1
    bins = torch.arange(num_bins, dtype=place.dtype, device=place.device)
    return (1 - (place[:, None] - bins).abs()).clamp(min=0)


def expected_distance(logits: torch.Tensor) -> torch.Tensor:
    """Return the mean of the predicted distribution: (P, B) -> (P,), from -1 to 1."""
    return logits.softmax(dim=1) @ bin_centres(logits.shape[1]).to(logits)


def distance_loss(logits: torch.Tensor, distances: torch.Tensor) -> torch.Tensor:
    """Return the cross-entropy of the predicted bins with the two-hot distance.

    Args:
        logits: (P, B).
        distances: (P,), -1 to 1.

    Returns:
        Scalar; log(B) if all bins are as likely. Even perfect, it is the entropy of the two-hot
        targets: 0 only for distances in the middle of a bin.
    """
    return F.cross_entropy(logits, two_hot(distances, logits.shape[1]).to(logits.dtype))


class DistanceHead(nn.Module):
    """Scores the bins for a pair of embeddings, and the mirrored bins for the pair turned round.

    logits(a, b) = h(a, b) + mirror(h(b, a)), so that the distance from b to a is minus that from
    a to b for any weights.

    Differs from the paper, which is antisymmetric in its targets only: it draws pairs in both
    orders and leaves the rest to training. Its released network normalises the pair before the
    last layer, which among 32 numbers loses how large they are, and drops some of them out.
    """

    def __init__(
        self, dimension: int, num_bins: int, hidden: int, generator: torch.Generator
    ) -> None:
        """Make the layers.

        Args:
            dimension: D, length of an embedding.
            num_bins: B.
            hidden: Width of the hidden layer; 0 for none, as in the released code.
            generator: Draws the weights.
        """
        super().__init__()
        widths = [2 * dimension, hidden, num_bins] if hidden else [2 * dimension, num_bins]
        self.scores = projection_head(widths, generator, batch_norm=False)

    def forward(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        """Return logits (P, B) of the distances from `first` (P, D) to `second` (P, D)."""
        return self._one_way(first, second) + self._one_way(second, first).flip(1)

    def _one_way(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        return self.scores(torch.cat([first, second], dim=1))  # (P, 2 D) -> (P, B)

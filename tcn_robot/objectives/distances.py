"""Distances between embeddings, all pairs at once, precise and with gradients everywhere."""

from __future__ import annotations

import torch

# Below this the square root's gradient would blow up rounding; there it is 0 instead.
SMALLEST_SQUARE = 1e-12


def at_least_float32(values: torch.Tensor) -> torch.Tensor:
    """Return the tensor in float32 where it has fewer digits, else itself.

    A loss decides on differences of numbers of one size: 8 bits are too few for that.
    """
    return values.float() if values.dtype in (torch.bfloat16, torch.float16) else values


def squared_distances(embeddings: torch.Tensor) -> torch.Tensor:
    """Return |e_i - e_j|^2 of (N, D) as (N, N), symmetric, never negative, 0 on the diagonal.

    From the differences themselves, as the losses are decided by the pairs that nearly meet; the
    expanded square has no digits left for those.
    """
    apart = torch.cdist(embeddings, embeddings, compute_mode="donot_use_mm_for_euclid_dist")
    return apart.square()


def distances(embeddings: torch.Tensor) -> torch.Tensor:
    """Return |e_i - e_j| of (N, D) as (N, N); where two embeddings meet the gradient is 0."""
    return squared_distances(embeddings).clamp(min=SMALLEST_SQUARE).sqrt()


def negative_squared_distances(anchors: torch.Tensor, positives: torch.Tensor) -> torch.Tensor:
    """Return -|a_i - p_j|^2, (P, D) and (P, D) -> (P, P) in (-inf, 0].

    From the differences themselves: the expanded square loses half of the digits where anchor and
    positive nearly meet, which is where the loss is decided.
    """
    return -(anchors[:, None] - positives[None]).square().sum(dim=-1)

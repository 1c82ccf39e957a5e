"""Spatial soft-argmax: where in the image a feature is, as two numbers per channel."""

from __future__ import annotations

import math

import torch
from torch import nn

# Flat at first, the positions hardly move with the features and learning starts late.
INITIAL_INVERSE_TEMPERATURE = 5.0


def spatial_softmax(features: torch.Tensor, inverse_temperature: torch.Tensor) -> torch.Tensor:
    """Return softmax over the H x W positions of each channel.

    Args:
        features: (N, C, H, W) float.
        inverse_temperature: (C,) or scalar; large is sharp.

    Returns:
        (N, C, H, W) float32; every [n, c] sums to 1.
    """
    flat = features.float().flatten(2)  # (N, C, H * W)
    return (flat * inverse_temperature.reshape(-1, 1)).softmax(dim=-1).view(features.shape)


def expected_position(weights: torch.Tensor) -> torch.Tensor:
    """Return the expected position of each channel (Levine et al. 2016, section 5.1).

    Args:
        weights: (N, C, H, W), summing to 1 over H x W.

    Returns:
        (N, 2 * C): all x, then all y, both from -1 (first pixel) to 1 (last pixel).
    """
    height, width = weights.shape[-2:]
    across = torch.linspace(-1, 1, width, device=weights.device)
    down = torch.linspace(-1, 1, height, device=weights.device)
    x = weights.sum(dim=2) @ across  # (N, C)
    y = weights.sum(dim=3) @ down  # (N, C)
    return torch.cat([x, y], dim=1)


class SpatialSoftArgmax(nn.Module):
    """Soft-argmax with one learnable temperature per channel."""

    def __init__(self, num_channels: int) -> None:
        """Start sharp enough that positions move with the features from the first step."""
        super().__init__()
        start = math.log(INITIAL_INVERSE_TEMPERATURE)
        self.log_inverse_temperature = nn.Parameter(torch.full((num_channels,), start))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Map (N, C, H, W) to (N, 2 * C) positions in [-1, 1]."""
        return expected_position(spatial_softmax(features, self.log_inverse_temperature.exp()))

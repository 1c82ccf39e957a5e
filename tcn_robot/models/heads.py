"""Heads between a backbone's maps and the embedding: the paper's, a linear one, or none."""

from __future__ import annotations

from typing import Literal, cast

import torch
import torch.nn.functional as F
from torch import nn

from tcn_robot.models.layers import Convolution, Linear
from tcn_robot.models.norms import make_norm
from tcn_robot.models.soft_argmax import SpatialSoftArgmax

HeadNorm = Literal["batch", "group", "none"]


class PooledHead(nn.Module):
    """The embedding is the pooled features themselves; nothing is learnt."""

    def __init__(self, num_channels: int) -> None:
        """Take maps of so many channels."""
        super().__init__()
        self.feature_width = self.dimension = num_channels

    def features(self, maps: torch.Tensor, pooled: torch.Tensor) -> torch.Tensor:
        """Return the pooled features (N, C) of maps (N, C, H, W)."""
        return pooled

    def project(self, features: torch.Tensor) -> torch.Tensor:
        """Return the features as they are."""
        return features

    def draw_weights(self, generator: torch.Generator) -> None:
        """Have none to draw."""


class LinearHead(PooledHead):
    """A linear layer on the pooled features, as TCE, XIRL and TCC end."""

    def __init__(self, num_channels: int, dimension: int) -> None:
        """Leave the weights to be drawn."""
        super().__init__(num_channels)
        self.dimension = dimension
        self.embedding = Linear(num_channels, dimension)

    def project(self, features: torch.Tensor) -> torch.Tensor:
        """Map (N, C) to (N, D)."""
        return cast(torch.Tensor, self.embedding(features))

    def draw_weights(self, generator: torch.Generator) -> None:
        """Draw the weights."""
        _draw(self.embedding, generator)


class TcnHead(nn.Module):
    """The head of Time-Contrastive Networks (Sermanet et al. 2018, appendix on the network).

    Two 3 x 3 convolutions, the spatial soft-argmax, a fully connected layer (the features) and a
    linear one; 512 channels and 2048 units in the paper and its official code.

    Differs from the official code: the soft-argmax has a learnt temperature per channel that
    starts sharp, coordinates run from -1 to 1, and there is no dropout. The reproduction at TU
    Delft has other layers (5 x 5 convolutions of 32 and 16 channels without normalisation, then
    one linear layer).
    """

    def __init__(
        self, num_channels: int, dimension: int, channels: int, hidden: int, norm: HeadNorm
    ) -> None:
        """Leave the weights to be drawn."""
        super().__init__()
        self.feature_width, self.dimension = hidden, dimension
        biased = norm == "none"
        self.convolution1 = Convolution(num_channels, channels, 3, padding=1, bias=biased)
        self.norm1 = make_norm(norm, channels)
        self.convolution2 = Convolution(channels, channels, 3, padding=1, bias=biased)
        self.norm2 = make_norm(norm, channels)
        self.positions = SpatialSoftArgmax(channels)
        self.hidden = Linear(2 * channels, hidden, bias=biased)
        self.norm3 = make_norm(norm, hidden)
        self.embedding = Linear(hidden, dimension)

    def features(self, maps: torch.Tensor, pooled: torch.Tensor) -> torch.Tensor:
        """Return the fully connected layer (N, hidden) after its ReLU, of maps (N, C, H, W)."""
        maps = F.relu(self.norm1(self.convolution1(maps)))
        maps = F.relu(self.norm2(self.convolution2(maps)))
        hidden = self.hidden(self.positions(maps))[..., None, None]  # (N, hidden, 1, 1)
        return F.relu(self.norm3(hidden)).flatten(1)

    def project(self, features: torch.Tensor) -> torch.Tensor:
        """Map (N, hidden) to (N, D)."""
        return cast(torch.Tensor, self.embedding(features))

    def draw_weights(self, generator: torch.Generator) -> None:
        """Draw the weights."""
        for layer in (self.convolution1, self.convolution2, self.hidden, self.embedding):
            _draw(layer, generator)


def _draw(layer: nn.Conv2d | nn.Linear, generator: torch.Generator) -> None:
    nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu", generator=generator)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)

"""Which way up is it: predict by how many quarter turns a picture was turned."""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F
from torch import nn

from tcn_robot.objectives.heads import drawn_linear

NUM_TURNS = 4
HIDDEN_WIDTH = 200


def draw_turns(count: int, generator: torch.Generator) -> torch.Tensor:
    """Return (count,) int64, uniform in 0 to 3, on the CPU."""
    return torch.randint(NUM_TURNS, (count,), generator=generator)


def turned(images: torch.Tensor, turns: torch.Tensor) -> torch.Tensor:
    """Turn pictures counter-clockwise by quarter turns; clips as a whole.

    Args:
        images: (n, S, S, 3), or clips (n, T, S, S, 3); any dtype. Not changed.
        turns: (n,) int64, 0 to 3.

    Returns:
        A new tensor of the same shape.
    """
    result = images.clone()
    height, width = images.ndim - 3, images.ndim - 2
    for turn in range(1, NUM_TURNS):
        chosen = (turns == turn).nonzero().squeeze(1).to(images.device)
        result[chosen] = torch.rot90(images[chosen], turn, dims=(height, width))
    return result


class RotationHead(nn.Module):
    """FC 200, FC 200, FC 4 with batch norm after each ReLU, as TCE's released code has it."""

    def __init__(self, feature_width: int, generator: torch.Generator) -> None:
        """Make the layers with weights drawn from `generator`."""
        super().__init__()
        widths = (feature_width, HIDDEN_WIDTH, HIDDEN_WIDTH, NUM_TURNS)
        self.layers = nn.ModuleList(
            drawn_linear(before, after, generator) for before, after in itertools.pairwise(widths)
        )
        self.norms = nn.ModuleList(nn.BatchNorm1d(HIDDEN_WIDTH) for _ in widths[1:-1])

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Map features (N, F) to float32 scores (N, 4) of the four rotations."""
        hidden = features.float()
        for layer, norm in zip(self.layers, self.norms, strict=False):
            hidden = norm(F.relu(layer(hidden)).float())
        return self.layers[-1](hidden).float()

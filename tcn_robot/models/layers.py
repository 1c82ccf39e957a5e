"""Layers whose weights are drawn by whoever makes them, never from the global generator.

`nn.utils.skip_init` does the same by way of a device without memory, which imports half of torch.
"""

from __future__ import annotations

import torch
from torch import nn


class Convolution(nn.Conv2d):
    """A convolution without values yet."""

    def reset_parameters(self) -> None:
        """Draw nothing."""


class Linear(nn.Linear):
    """A linear layer without values yet."""

    def reset_parameters(self) -> None:
        """Draw nothing."""


def draw_convolutions(network: nn.Module, generator: torch.Generator) -> None:
    """Draw all convolutions of a network as He et al. (2015) do, of variance 2 / fan-out."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(
                module.weight, mode="fan_out", nonlinearity="relu", generator=generator
            )
            if module.bias is not None:
                nn.init.zeros_(module.bias)

"""Layers whose weights are drawn by whoever makes them, never from the global generator.

`nn.utils.skip_init` does the same by way of a device without memory, which imports half of torch.
"""

from __future__ import annotations

from torch import nn


class Convolution(nn.Conv2d):
    """A convolution without values yet."""

    def reset_parameters(self) -> None:
        """Draw nothing."""


class Linear(nn.Linear):
    """A linear layer without values yet."""

    def reset_parameters(self) -> None:
        """Draw nothing."""

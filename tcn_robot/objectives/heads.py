"""Small networks on top of an embedding that are only there while it is trained."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn


def drawn_linear(
    before: int, after: int, generator: torch.Generator, bias: bool = True
) -> nn.Linear:
    """Return a linear layer with weights drawn from `generator` and biases of 0."""
    linear = nn.utils.skip_init(nn.Linear, before, after, bias=bias)
    nn.init.kaiming_uniform_(linear.weight, nonlinearity="relu", generator=generator)
    if linear.bias is not None:
        nn.init.zeros_(linear.bias)
    return linear


def projection_head(
    sizes: Sequence[int], generator: torch.Generator, batch_norm: bool = True
) -> nn.Sequential:
    """Return a perceptron: linear layers, (batch norm and) ReLU between them, none after the last.

    Args:
        sizes: Width of the input, of each hidden layer, of the output.
        generator: Source of the weights.
        batch_norm: Whether hidden layers are normalised over the batch; their biases would be
            taken out again and are left out then.
    """
    layers: list[nn.Module] = []
    last = len(sizes) - 2
    for index, (before, after) in enumerate(pairwise(sizes)):
        normed = batch_norm and index < last
        layers.append(drawn_linear(before, after, generator, bias=not normed))
        if index < last:
            layers += [nn.BatchNorm1d(after)] * normed + [nn.ReLU()]
    return nn.Sequential(*layers)

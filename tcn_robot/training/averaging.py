"""A moving average of the weights, which is steadier than the weights themselves."""

from __future__ import annotations

import copy
from typing import Generic, TypeVar

import torch
from torch import nn

Averaged = TypeVar("Averaged", bound=nn.Module)


def decay_at(updates: int, decay: float) -> float:
    """Return the decay of one update: min(decay, (1 + n) / (10 + n)).

    A fixed decay would keep the drawn weights in the average for 1 / (1 - decay) steps, which for
    0.999 is most of a short training.

    Args:
        updates: Updates n that were made before this one.
        decay: What it rises to, in [0, 1).
    """
    return min(decay, (1 + updates) / (10 + updates))


class WeightAverage(Generic[Averaged]):
    """An exponential moving average of a network (Polyak & Juditsky 1992, in its running form).

    w_avg <- d w_avg + (1 - d) w after each step. Buffers, such as running statistics, are copied:
    they are averages already.

    Attributes:
        network: The averaged network, in evaluation mode, without gradients.
        updates: Updates made so far; belongs into a checkpoint.
    """

    def __init__(self, network: Averaged, decay: float) -> None:
        """Begin with a copy of the network.

        Args:
            network: What is trained.
            decay: d, in [0, 1).
        """
        self.network: Averaged = copy.deepcopy(network).eval().requires_grad_(False)
        self.updates = 0
        self._decay = decay

    @torch.no_grad()
    def update(self, network: Averaged) -> None:
        """Take a step of the network into the average.

        Args:
            network: The network after its step, of the shape that the average was made of.
        """
        decay = decay_at(self.updates, self._decay)
        averages: list[torch.Tensor] = [*self.network.parameters()]
        values: list[torch.Tensor] = [*network.parameters()]
        if averages:
            torch._foreach_lerp_(averages, values, 1 - decay)
        for average, value in zip(self.network.buffers(), network.buffers(), strict=True):
            average.copy_(value)
        self.updates += 1

"""Normalisation layers by name; batch statistics that are frozen, or kept for each body."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import nn

Norm = Literal["none", "batch", "group", "frozen_batch"]
MOST_GROUPS = 32
EPSILON = 1e-5


def make_norm(kind: str, num_channels: int, epsilon: float = EPSILON) -> nn.Module:
    """Return a normalisation layer for planes (N, C, H, W).

    Args:
        kind: "batch", "group" (up to 32 groups, as many as divide C), "frozen_batch" (statistics
            and scale of a pretrained network, never changed) or "none".
        num_channels: C.
        epsilon: Added to the variance.
    """
    if kind == "batch":
        return nn.BatchNorm2d(num_channels, eps=epsilon)
    if kind == "group":
        return nn.GroupNorm(math.gcd(MOST_GROUPS, num_channels), num_channels, eps=epsilon)
    if kind == "frozen_batch":
        return FrozenBatchNorm(num_channels, epsilon)
    return nn.Identity()


class FrozenBatchNorm(nn.Module):
    """Batch normalisation by statistics that stay as they were loaded.

    It has the names of `nn.BatchNorm2d`'s tensors, so that weights fit both.
    """

    weight: torch.Tensor
    bias: torch.Tensor
    running_mean: torch.Tensor
    running_var: torch.Tensor

    def __init__(self, num_channels: int, epsilon: float = EPSILON) -> None:
        """Start as the identity."""
        super().__init__()
        self.epsilon = epsilon
        for name, value in (("weight", 1), ("bias", 0), ("running_mean", 0), ("running_var", 1)):
            self.register_buffer(name, torch.full((num_channels,), float(value)))

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        """Normalise (N, C, H, W)."""
        scale = self.weight * (self.running_var + self.epsilon).rsqrt()
        shift = self.bias - self.running_mean * scale
        return planes * scale[:, None, None].to(planes.dtype) + shift[:, None, None].to(
            planes.dtype
        )


class BodyBatchNorm(nn.Module):
    """Batch normalisation with statistics of their own for each body; one scale for all.

    A hand and a robot's arm differ in what every frame of theirs shows. Statistics per body take
    that difference out, and a moment of the task looks more alike (AdaBN, Li et al. 2016, with
    bodies as domains).
    """

    STATISTICS: ClassVar = ("running_mean", "running_var")  # (bodies, C) each

    running_mean: torch.Tensor
    running_var: torch.Tensor

    def __init__(self, num_channels: int, num_bodies: int, momentum: float = 0.1) -> None:
        """Start as the identity for every body."""
        super().__init__()
        self.momentum = momentum
        self.weight = nn.Parameter(torch.ones(num_channels))
        self.bias = nn.Parameter(torch.zeros(num_channels))
        self.register_buffer("running_mean", torch.zeros(num_bodies, num_channels))
        self.register_buffer("running_var", torch.ones(num_bodies, num_channels))

    def forward(self, planes: torch.Tensor, body: torch.Tensor) -> torch.Tensor:
        """Normalise planes (N, C, H, W), of bodies int64 (N,), by the statistics of each."""
        if not self.training:
            mean, variance = self.running_mean[body], self.running_var[body]  # (N, C)
            scale = self.weight * (variance + EPSILON).rsqrt()
            shift = self.bias - mean * scale
            return planes * scale[..., None, None] + shift[..., None, None]
        normalised = torch.empty_like(planes)
        for index in range(len(self.running_mean)):
            (mine,) = torch.nonzero(body == index, as_tuple=True)
            if len(mine):
                normalised = normalised.index_copy(0, mine, self._of_one_body(planes[mine], index))
        return normalised

    def _of_one_body(self, planes: torch.Tensor, index: int) -> torch.Tensor:
        return F.batch_norm(
            planes,
            self.running_mean[index],
            self.running_var[index],
            self.weight,
            self.bias,
            training=True,
            momentum=self.momentum,
            eps=EPSILON,
        ).to(planes.dtype)

"""Steps whose embeddings are given: what an objective costs without an encoder."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn

from tcn_robot.objectives import Encoded, Losses, Moments, Setting, find_objective


class GivenEncoder(nn.Module):
    """Stands where an encoder is asked for its shape; its embeddings are its features."""

    def __init__(self, dimension: int) -> None:
        super().__init__()
        self.dimension = self.feature_width = dimension

    def features(self, images: torch.Tensor) -> torch.Tensor:
        return images.flatten(1)[:, : self.dimension]

    def project(self, features: torch.Tensor) -> torch.Tensor:
        return features

    def normalise(self, embeddings: torch.Tensor) -> torch.Tensor:
        return embeddings


def setting_of(encoder: Any, films: int = 1, views: int = 1, seed: int = 0) -> Setting:
    """Return what an objective is built for: long films, heads drawn by a seed."""
    film_frames = np.full((films, views), 1000)
    return Setting(encoder, film_frames, torch.Generator().manual_seed(seed))


@dataclass
class GivenStep:
    """A step that embeds to what it was given."""

    embeddings: torch.Tensor
    moments: Moments
    progress: float = 0.0
    first: bool = True
    generator: torch.Generator = field(default_factory=lambda: torch.Generator().manual_seed(0))

    def encode(self, change: Any = None, network: Any = None) -> Encoded:
        return Encoded(self.embeddings, self.embeddings)


def randn(*shape: int, seed: int = 0) -> torch.Tensor:
    """Return normal numbers, float64."""
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def random_mask(rows: int, columns: int, seed: int = 0) -> torch.Tensor:
    """Return a mask of which about 60 % is set."""
    return torch.rand(rows, columns, generator=torch.Generator().manual_seed(seed)) < 0.6


def losses_of(name: str, embeddings: torch.Tensor, moments: Moments, **options: Any) -> Losses:
    """Return what an objective says of a batch of given embeddings."""
    made = find_objective(name)
    setting = setting_of(GivenEncoder(embeddings.shape[1]), films=4)
    return made(made.Options(**options), setting)(GivenStep(embeddings, moments))


def loss_of(name: str, embeddings: torch.Tensor, moments: Moments, **options: Any) -> torch.Tensor:
    """Return the sum of the terms."""
    return torch.stack([*losses_of(name, embeddings, moments, **options).terms.values()]).sum()


def pair_moments(episodes: list[int]) -> Moments:
    """Synchronised pairs, 0.1 s apart, of the given films; anchors in view 0, positives in 1."""
    count = len(episodes)
    return Moments(
        episode=torch.tensor(episodes).repeat(2),
        view=torch.tensor([0, 1]).repeat_interleave(count),
        moment=torch.arange(count).repeat(2),
        time_seconds=torch.arange(count).repeat(2).double() * 0.1,
        frame=torch.arange(count).repeat(2),
        film_frames=torch.full((2 * count,), count),
        episode_seconds=torch.full((2 * count,), (count - 1) * 0.1).double(),
        shape=(2, count),
    )


def one_view_moments(episodes: list[int], seed: int = 0) -> Moments:
    """Pairs of one view a frame or two apart, anchors every 5 frames at 10 fps."""
    count = len(episodes)
    later = torch.randint(1, 3, (count,), generator=torch.Generator().manual_seed(seed))
    frame = torch.cat([5 * torch.arange(count), 5 * torch.arange(count) + later])
    return Moments(
        episode=torch.tensor(episodes).repeat(2),
        view=torch.zeros(2 * count, dtype=torch.int64),
        moment=torch.arange(count).repeat(2),
        time_seconds=frame.double() * 0.1,
        frame=frame,
        film_frames=torch.full((2 * count,), 5 * count + 3),
        episode_seconds=torch.full((2 * count,), 0.5 * count + 0.2).double(),
        shape=(2, count),
    )

"""What encoders on a large network share: a head of choice, and how much of it is trained."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from tcn_robot.errors import UserError
from tcn_robot.models.encoder import Encoder, EncoderConfig, Stage
from tcn_robot.models.heads import HeadNorm, LinearHead, PooledHead, TcnHead
from tcn_robot.models.planes import Normalise, frame_differences, stacked


@dataclass(frozen=True, kw_only=True)
class BackboneConfig(EncoderConfig):
    """What the shapes of encoders on a large network have in common.

    Attributes:
        head: tcn (convolutions, spatial soft-argmax, a fully connected and a linear layer, as in
            the paper), linear (on the pooled features) or pooled (the features themselves are the
            embedding, and give its dimension).
        head_channels: Width of the tcn head's convolutions.
        head_hidden: Width of its fully connected layer.
        head_norm: Normalisation in the tcn head.
        trainable: all, head (the network is frozen), or last-K: the head and the last K of the
            network's blocks. What is frozen stays in evaluation mode, batch statistics too.
    """

    head: Literal["tcn", "linear", "pooled"] = "linear"
    head_channels: int = 512
    head_hidden: int = 2048
    head_norm: HeadNorm = "batch"
    trainable: str = "all"

    def check(self) -> None:
        """Raise UserError for a shape that cannot be."""
        super().check()
        if min(self.head_channels, self.head_hidden) < 1:
            raise UserError(
                "--head-channels and --head-hidden must be at least 1, found "
                f"{self.head_channels} and {self.head_hidden}"
            )
        num_trained_blocks(self.trainable, 1)


def num_trained_blocks(trainable: str, num_blocks: int) -> int:
    """Return how many of the last blocks are trained.

    Args:
        trainable: As `BackboneConfig.trainable`.
        num_blocks: How many there are.

    Raises:
        UserError: If it is none of what may stand there.
    """
    if trainable == "all":
        return num_blocks
    if trainable == "head":
        return 0
    last = re.fullmatch(r"last-(\d+)", trainable)
    if last is None:
        raise UserError(
            f"--trainable expects all, head, or last-K such as last-1, found {trainable!r}"
        )
    return min(int(last[1]), num_blocks)


class BackboneEncoder(Encoder):
    """An encoder on a large network: a subclass makes the network and says how it looks.

    Several frames, or their differences, are stacked as channels of one image.

    Attributes:
        backbone: The network; its weights have the names of those that others publish.
        head: From its maps to the embedding.
        mean: Of red, green and blue, of pixels from 0 to 1, as the network expects them.
        std: Likewise.
    """

    config: BackboneConfig
    backbone: nn.Module
    head: PooledHead | TcnHead
    mean: Sequence[float]
    std: Sequence[float]

    def __init__(self, config: BackboneConfig) -> None:
        """Keep the config; the subclass makes the network, then calls `finish`."""
        super().__init__(config)
        self._frozen: list[nn.Module] = []

    @abstractmethod
    def look(self, planes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return maps (N, F, H, W) and pooled features (N, F) of planes (N, C, S, S)."""

    @abstractmethod
    def blocks(self) -> list[list[nn.Module]]:
        """Return the network's parts in order; what is not in the last K is frozen by last-K."""

    def finish(self, num_channels: int, generator: torch.Generator) -> None:
        """Make the head on maps of so many channels and freeze what is not trained."""
        config = self.config
        if config.head == "tcn":
            self.head = TcnHead(
                num_channels,
                config.dimension,
                config.head_channels,
                config.head_hidden,
                config.head_norm,
            )
        elif config.head == "linear":
            self.head = LinearHead(num_channels, config.dimension)
        else:
            if config.dimension not in (BackboneConfig.dimension, num_channels):
                raise UserError(
                    f"--head pooled expects this network's --dimension {num_channels}, found "
                    f"{config.dimension}; leave it out, or take --head linear"
                )
            self.head = PooledHead(num_channels)
        self.head.draw_weights(generator)
        self.normalised = Normalise(self.mean, self.std)
        self.feature_width = self.head.feature_width
        self.set_dimension(self.head.dimension)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        blocks = self.blocks()
        self._freeze(blocks, len(blocks) - num_trained_blocks(config.trainable, len(blocks)))

    def _freeze(self, blocks: list[list[nn.Module]], num_frozen: int) -> None:
        """Freeze the first blocks, and what stands in none, such as tables that blocks share."""
        if not num_frozen:
            return
        trained = [module for block in blocks[num_frozen:] for module in block]
        free = {id(weight) for module in trained for weight in module.parameters()}
        for weight in self.backbone.parameters():
            weight.requires_grad_(id(weight) in free)
        self._frozen = [module for block in blocks[:num_frozen] for module in block]
        if not trained:
            self._frozen = [self.backbone]
        for module in self._frozen:
            module.eval()

    def stages(self) -> Sequence[Stage]:
        """Return the last module of each of the network's blocks."""
        return [Stage(f"stage{place}", block[-1]) for place, block in enumerate(self.blocks())]

    def frozen_modules(self) -> list[nn.Module]:
        """Return the blocks of the network that are not trained."""
        return self._frozen

    def features(self, images: torch.Tensor, body: torch.Tensor | None = None) -> torch.Tensor:
        """Return what the head's last layer starts from, (N, F) float32."""
        planes = self.normalised(images)
        if self.config.differences:
            planes = frame_differences(planes)
        if planes.ndim == 5:
            planes = stacked(planes)
        return self.head.features(*self.look(planes)).float()

    def project(self, features: torch.Tensor) -> torch.Tensor:
        """Map features (N, F) to (N, D) float32 by the head's last layer."""
        return self.head.project(features).float()

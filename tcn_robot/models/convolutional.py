"""The small default encoder: four convolutions, spatial soft-argmax, a head."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from tcn_robot.models.encoder import Encoder, EncoderConfig
from tcn_robot.models.soft_argmax import SpatialSoftArgmax


@dataclass(frozen=True, kw_only=True)
class ConvolutionalConfig(EncoderConfig):
    """Shape of the default encoder.

    Attributes:
        channels: Width of each convolution.
        strides: Stride of each convolution.
        map_channels: Width of the coarse map beside the soft-argmax.
        hidden: Width of the head's hidden layer.
    """

    channels: tuple[int, ...] = (16, 32, 64, 64)
    strides: tuple[int, ...] = (2, 2, 1, 1)
    map_channels: int = 8
    hidden: int = 128


class ConvolutionalEncoder(Encoder):
    """The small default encoder.

    Pixels are scaled to [-1, 1] inside; four 3 x 3 convolutions with ReLU between them; the
    soft-argmax of each channel of the last, beside the channel's mean and a coarse map of a few
    channels; two linear layers, the features between them.

    Differs from the paper, which fine-tunes InceptionV3 at 299 px: this one is trained from
    scratch in minutes on a CPU. The map is why it sees small things: a soft-argmax passes gradient
    only from where a channel already looks, and that is the arm.
    """

    Config = ConvolutionalConfig
    kind = "convolutional"
    config: ConvolutionalConfig

    def __init__(self, config: ConvolutionalConfig, generator: torch.Generator) -> None:
        """Make the layers with weights drawn from `generator`."""
        super().__init__(config)
        self.feature_width = config.hidden
        widths = (3, *config.channels)
        self.convolutions = nn.ModuleList(
            nn.utils.skip_init(nn.Conv2d, before, after, 3, stride=stride, padding=1)
            for before, after, stride in zip(widths[:-1], widths[1:], config.strides, strict=True)
        )
        self.positions = SpatialSoftArgmax(widths[-1])
        self.hidden = nn.utils.skip_init(nn.Linear, 3 * widths[-1], config.hidden)
        self.squeeze = nn.utils.skip_init(nn.Conv2d, widths[-1], config.map_channels, 1)
        map_size = config.map_channels * _map_side_px(config) ** 2
        self.map = nn.utils.skip_init(nn.Linear, map_size, config.hidden)
        self.head = nn.utils.skip_init(nn.Linear, config.hidden, config.dimension)
        self._draw_weights(generator)
        for layer in self.convolutions:
            layer.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def _draw_weights(self, generator: torch.Generator) -> None:
        for layer in (*self.convolutions, self.hidden, self.squeeze, self.map, self.head):
            nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu", generator=generator)
            nn.init.zeros_(layer.bias)

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """Return the hidden layer (N, hidden) float32, after its ReLU."""
        # A channels-last picture permuted is already what the convolutions like best.
        planes = images.permute(0, 3, 1, 2).float() / 127.5 - 1.0  # (N, 3, S, S)
        for layer in self.convolutions[:-1]:
            planes = F.relu(layer(planes))
        planes = self.convolutions[-1](planes)  # (N, C, H, W)
        pooled = planes.float().mean(dim=(2, 3))
        summary = torch.cat([self.positions(planes), pooled], dim=1)  # (N, 3 * C)
        coarse = F.relu(self.squeeze(planes)).flatten(1)  # (N, M * H * W)
        return F.relu(self.hidden(summary) + self.map(coarse)).float()

    def project(self, features: torch.Tensor) -> torch.Tensor:
        """Map features (N, hidden) to (N, D) float32 by the last linear layer."""
        return self.head(features).float()


def _map_side_px(config: ConvolutionalConfig) -> int:
    """Return the side of the last convolution's output."""
    side_px = config.image_size_px
    for stride in config.strides:
        side_px = -(-side_px // stride)
    return side_px

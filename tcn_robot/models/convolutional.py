"""The small default encoder: four convolutions, spatial soft-argmax, a head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import nn

from tcn_robot.errors import UserError
from tcn_robot.models.encoder import Encoder, EncoderConfig, Stage
from tcn_robot.models.layers import Convolution, Linear
from tcn_robot.models.norms import BodyBatchNorm, make_norm
from tcn_robot.models.planes import frame_differences, scaled_planes, stacked
from tcn_robot.models.soft_argmax import SpatialSoftArgmax


@dataclass(frozen=True, kw_only=True)
class ConvolutionalConfig(EncoderConfig):
    """Shape of the default encoder.

    Attributes:
        channels: Width of each convolution.
        strides: Stride of each convolution.
        map_channels: Width of the coarse map beside the soft-argmax.
        hidden: Width of the head's hidden layer.
        norm: Normalisation behind each convolution: none, batch or group.
        bodies: With batch norm: bodies, such as hand and robot, that have statistics of their
            own each; one for all if none is named.
    """

    channels: tuple[int, ...] = (16, 32, 64, 64)
    strides: tuple[int, ...] = (2, 2, 1, 1)
    map_channels: int = 8
    hidden: int = 128
    norm: Literal["none", "batch", "group"] = "none"
    bodies: tuple[str, ...] = ()

    def check(self) -> None:
        """Raise UserError for a shape that cannot be."""
        super().check()
        widths = (*self.channels, *self.strides, self.map_channels, self.hidden)
        if not self.channels or len(self.channels) != len(self.strides) or min(widths) < 1:
            raise UserError(
                "expected as many --strides as --channels, and all sizes 1 or more, found "
                f"--channels {self.channels}, --strides {self.strides}, --map-channels "
                f"{self.map_channels}, --hidden {self.hidden}"
            )
        if self.bodies and self.norm != "batch":
            raise UserError(
                f"--bodies are those with batch statistics of their own, found --norm {self.norm}; "
                "add --norm batch"
            )
        if len(set(self.bodies)) < len(self.bodies):
            raise UserError(f"--bodies must differ, found {' '.join(self.bodies)}; name each once")


class ConvolutionalEncoder(Encoder):
    """The small default encoder.

    Pixels are scaled to [-1, 1] inside; four 3 x 3 convolutions with ReLU between them; the
    soft-argmax of each channel of the last, beside the channel's mean and a coarse map of a few
    channels; two linear layers, the features between them.

    Several frames: the first half of the convolutions sees each frame by itself, then a 3-D
    convolution as long as the window joins them in time (mfTCN, Dwibedi et al. 2018, section
    III.B, has several short ones). Their differences are stacked as channels of one image.

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
        self.bodies = config.bodies
        stacks = config.differences or config.num_frames == 1
        widths = (config.input_channels if stacks else 3, *config.channels)
        self.convolutions = nn.ModuleList(
            Convolution(before, after, 3, stride=stride, padding=1)
            for before, after, stride in zip(widths[:-1], widths[1:], config.strides, strict=True)
        )
        # How many convolutions see each frame by itself, and what joins the frames behind them.
        self.num_early = 0 if stacks else len(config.channels) // 2
        self.joining = None if stacks else JoinFrames(widths[self.num_early], config.num_frames)
        self.norms = nn.ModuleList(_norm(config, width) for width in config.channels)
        self.positions = SpatialSoftArgmax(widths[-1])
        self.hidden = Linear(3 * widths[-1], config.hidden)
        self.squeeze = Convolution(widths[-1], config.map_channels, 1)
        map_size = config.map_channels * _map_side_px(config) ** 2
        self.map = Linear(map_size, config.hidden)
        self.head = Linear(config.hidden, config.dimension)
        self._draw_weights(generator)
        for layer in self.convolutions:
            layer.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def _draw_weights(self, generator: torch.Generator) -> None:
        # In this order: the same seed gives the weights that it has given from the start.
        layers = [*self.convolutions, self.hidden, self.squeeze, self.map, self.head]
        layers += [self.joining.convolution] if self.joining is not None else []
        for layer in layers:
            nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu", generator=generator)
            nn.init.zeros_(layer.bias)

    def features(self, images: torch.Tensor, body: torch.Tensor | None = None) -> torch.Tensor:
        """Return the hidden layer (N, hidden) float32, after its ReLU."""
        planes = scaled_planes(images)  # (N, 3, S, S) or (N, T, 3, S, S)
        if self.config.differences:
            planes = stacked(frame_differences(planes))  # (N, 3 * (T - 1), S, S)
        last = len(self.convolutions) - 1
        if self.joining is not None:
            count, frames = planes.shape[:2]
            planes = planes.flatten(0, 1)  # (N * T, 3, S, S)
            each = body.repeat_interleave(frames) if body is not None else None
            for index in range(self.num_early):
                planes = F.relu(self._layer(index, planes, each))
            joined = self.joining(planes.unflatten(0, (count, frames)))  # (N, C, H, W)
            planes = F.relu(joined)
        for index in range(self.num_early, last):
            planes = F.relu(self._layer(index, planes, body))
        planes = self._layer(last, planes, body)  # (N, C, H, W)
        pooled = planes.float().mean(dim=(2, 3))
        summary = torch.cat([self.positions(planes), pooled], dim=1)  # (N, 3 * C)
        coarse = F.relu(self.squeeze(planes)).flatten(1)  # (N, M * H * W)
        return F.relu(self.hidden(summary) + self.map(coarse)).float()

    def stages(self) -> Sequence[Stage]:
        """Return the convolutions, as the next one sees them."""
        last = len(self.norms) - 1
        return [
            Stage(f"convolution{index + 1}", norm, F.relu if index < last else None)
            for index, norm in enumerate(self.norms)
        ]

    def _layer(self, index: int, planes: torch.Tensor, body: torch.Tensor | None) -> torch.Tensor:
        """Return a convolution of the planes, normalised, before its ReLU."""
        convolved = self.convolutions[index](planes)
        norm = self.norms[index]
        if isinstance(norm, BodyBatchNorm):
            if body is None:
                raise ValueError(f"expected the body of each image, one of {self.bodies}")
            return norm(convolved, body)
        return norm(convolved)

    def project(self, features: torch.Tensor) -> torch.Tensor:
        """Map features (N, hidden) to (N, D) float32 by the last linear layer."""
        return self.head(features).float()


class JoinFrames(nn.Module):
    """A 3-D convolution whose kernel is as long as the window: (N, T, C, H, W) -> (N, C, H, W).

    It fits the window at one place in time only, so that it is a 2-D convolution of the frames'
    channels behind each other, which is how it is computed.
    """

    def __init__(self, num_channels: int, num_frames: int) -> None:
        """Leave the weights to be drawn."""
        super().__init__()
        together = num_channels * num_frames
        self.convolution = Convolution(together, num_channels, 3, padding=1)

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        """Join the frames."""
        return self.convolution(stacked(planes))


def _norm(config: ConvolutionalConfig, num_channels: int) -> nn.Module:
    if config.bodies:
        return BodyBatchNorm(num_channels, len(config.bodies))
    return make_norm(config.norm, num_channels)


def _map_side_px(config: ConvolutionalConfig) -> int:
    """Return the side of the last convolution's output."""
    side_px = config.image_size_px
    for stride in config.strides:
        side_px = -(-side_px // stride)
    return side_px

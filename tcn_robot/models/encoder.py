"""The small default encoder: four convolutions, spatial soft-argmax, a head."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from tcn_robot.errors import UserError
from tcn_robot.models.resize import resize_frames
from tcn_robot.models.soft_argmax import SpatialSoftArgmax


@dataclass(frozen=True)
class EncoderConfig:
    """Shape of an encoder; stored beside its weights.

    Attributes:
        image_size_px: Height and width it works at.
        dimension: Length D of an embedding.
        channels: Width of each convolution.
        strides: Stride of each convolution.
        map_channels: Width of the coarse map beside the soft-argmax.
        hidden: Width of the head's hidden layer.
        unit_length: Whether embeddings are scaled to length 1.
    """

    image_size_px: int = 64
    dimension: int = 32
    channels: tuple[int, ...] = (16, 32, 64, 64)
    strides: tuple[int, ...] = (2, 2, 1, 1)
    map_channels: int = 8
    hidden: int = 128
    unit_length: bool = True


class Encoder(nn.Module):
    """Frames to embeddings.

    Pixels are scaled to [-1, 1] inside; four 3 x 3 convolutions with ReLU between them; the
    soft-argmax of each channel of the last, beside the channel's mean and a coarse map of a few
    channels; two linear layers.

    Differs from the paper, which fine-tunes InceptionV3 at 299 px: this one is trained from
    scratch in minutes on a CPU. The map is why it sees small things: a soft-argmax passes gradient
    only from where a channel already looks, and that is the arm.
    """

    def __init__(self, config: EncoderConfig, generator: torch.Generator) -> None:
        """Make the layers with weights drawn from `generator`."""
        super().__init__()
        self.config = config
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

    @property
    def image_size_px(self) -> int:
        """Height and width of the frames `forward` takes."""
        return self.config.image_size_px

    @property
    def dimension(self) -> int:
        """Length D of an embedding."""
        return self.config.dimension

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Embed frames of the encoder's own size.

        Args:
            frames: (N, S, S, 3), uint8 or float, both from 0 to 255.

        Returns:
            (N, D) float32.
        """
        # A channels-last picture permuted is already what the convolutions like best.
        features = frames.permute(0, 3, 1, 2).float() / 127.5 - 1.0  # (N, 3, S, S)
        for layer in self.convolutions[:-1]:
            features = F.relu(layer(features))
        features = self.convolutions[-1](features)  # (N, C, H, W)
        pooled = features.float().mean(dim=(2, 3))
        summary = torch.cat([self.positions(features), pooled], dim=1)  # (N, 3 * C)
        coarse = F.relu(self.squeeze(features)).flatten(1)  # (N, M * H * W)
        embeddings = self.head(F.relu(self.hidden(summary) + self.map(coarse))).float()
        return F.normalize(embeddings, dim=1) if self.config.unit_length else embeddings

    @torch.inference_mode()
    def embed(self, frames: np.ndarray, batch_frames: int = 64) -> np.ndarray:
        """Embed frames of any size, in batches, on the device the weights are on.

        Args:
            frames: uint8 (N, H, W, 3), RGB; other sizes than the encoder's are resized.
            batch_frames: Frames per forward pass; few stay in a CPU's cache, which is faster.

        Returns:
            float32 (N, D); the same frames give the same bits on the same machine.

        Raises:
            UserError: If the frames are not uint8 (N, H, W, 3).
        """
        if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[-1] != 3:
            raise UserError(
                f"embed expects uint8 frames (N, H, W, 3), found {frames.dtype} {frames.shape}; "
                "for one frame pass frame[None]"
            )
        device = self.head.weight.device
        embeddings = np.empty((len(frames), self.dimension), np.float32)
        for start in range(0, len(frames), batch_frames):
            part = torch.from_numpy(np.array(frames[start : start + batch_frames])).to(device)
            embedded = self(resize_frames(part, self.image_size_px))
            embeddings[start : start + batch_frames] = embedded.cpu().numpy()
        return embeddings

    def save(self, folder: Path | str) -> None:
        """Write config.json and model.safetensors; the folder is whole or absent."""
        from tcn_robot.models.files import save_encoder

        save_encoder(self, Path(folder))


def _map_side_px(config: EncoderConfig) -> int:
    """Return the side of the last convolution's output."""
    side_px = config.image_size_px
    for stride in config.strides:
        side_px = -(-side_px // stride)
    return side_px


def seeded_generator(seed: int) -> torch.Generator:
    """Return a CPU generator started from `seed`."""
    return torch.Generator().manual_seed(seed)


def untrained_encoder(like: Encoder, seed: int) -> Encoder:
    """Return an encoder of the same shape with freshly drawn weights: the baseline."""
    return Encoder(like.config, seeded_generator(seed)).to(like.head.weight.device)


def num_parameters(encoder: Encoder) -> int:
    """Return how many numbers are learnt."""
    return sum(math.prod(parameter.shape) for parameter in encoder.parameters())

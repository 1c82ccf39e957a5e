"""InceptionV3 up to Mixed_5d, where Time-Contrastive Networks take it, in torch alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import nn

from tcn_robot.errors import UserError
from tcn_robot.models.backbone import BackboneConfig, BackboneEncoder
from tcn_robot.models.layers import Convolution, draw_convolutions
from tcn_robot.models.norms import make_norm
from tcn_robot.models.planes import HALF

# Of every batch normalisation of this network; the usual one is 1e-5.
EPSILON = 1e-3
# (kernel, stride, padding) of whatever changes the side of the maps before Mixed_5b.
_SIDE_STEPS = ((3, 2, 0), (3, 1, 0), (3, 1, 1), (3, 2, 0), (3, 1, 0), (3, 2, 0))


@dataclass(frozen=True, kw_only=True)
class InceptionConfig(BackboneConfig):
    """Shape of an encoder on InceptionV3.

    Attributes:
        norm: batch, or frozen_batch: statistics and scale of imported weights, never changed.
    """

    image_size_px: int = 299
    head: Literal["tcn", "linear", "pooled"] = "tcn"
    norm: Literal["batch", "frozen_batch"] = "batch"

    def check(self) -> None:
        """Raise UserError for a shape that cannot be."""
        super().check()
        if map_side_px(self.image_size_px) < 1:
            smallest = next(size for size in range(1, 300) if map_side_px(size) >= 1)
            raise UserError(
                f"inception needs images of {smallest} px or more, found --image-size-px "
                f"{self.image_size_px}; the paper has 299"
            )


def map_side_px(image_size_px: int) -> int:
    """Return the side of Mixed_5d's maps; 0 or less for images that are too small."""
    side_px = image_size_px
    for kernel, stride, padding in _SIDE_STEPS:
        if side_px + 2 * padding < kernel:
            return 0
        side_px = (side_px + 2 * padding - kernel) // stride + 1
    return side_px


class InceptionEncoder(BackboneEncoder):
    """InceptionV3 (Szegedy et al. 2016) to Mixed_5d with the head of Time-Contrastive Networks.

    288 maps of 35 x 35 from an image of 299 px; pixels are scaled to [-1, 1], as the weights that
    others publish expect them. The default is the paper's network; its official code keeps what
    is pretrained frozen (`trainable="head"`).
    """

    Config = InceptionConfig
    kind = "inception"
    config: InceptionConfig
    backbone: InceptionStem

    def __init__(self, config: InceptionConfig, generator: torch.Generator) -> None:
        """Make the layers with weights drawn from `generator`."""
        super().__init__(config)
        self.mean, self.std = HALF
        self.backbone = InceptionStem(config.input_channels, config.norm)
        draw_convolutions(self.backbone, generator)
        self.finish(self.backbone.num_channels, generator)

    def look(self, planes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the maps of Mixed_5d and their means."""
        maps = self.backbone(planes)
        return maps, maps.float().mean(dim=(2, 3))

    def blocks(self) -> list[list[nn.Module]]:
        """Return the eight parts of the network in order."""
        return [[block] for block in self.backbone.children()]


class InceptionStem(nn.Module):
    """The network: (N, C, S, S) -> (N, 288, S / 8, S / 8) or a little less."""

    num_channels = 288

    def __init__(self, input_channels: int, norm: str) -> None:
        """Leave the weights of the convolutions to be drawn."""
        super().__init__()
        self.Conv2d_1a_3x3 = ConvolutionNorm(input_channels, 32, 3, norm, stride=2)
        self.Conv2d_2a_3x3 = ConvolutionNorm(32, 32, 3, norm)
        self.Conv2d_2b_3x3 = ConvolutionNorm(32, 64, 3, norm, padding=1)
        self.Conv2d_3b_1x1 = ConvolutionNorm(64, 80, 1, norm)
        self.Conv2d_4a_3x3 = ConvolutionNorm(80, 192, 3, norm)
        self.Mixed_5b = MixedBlock(192, 32, norm)
        self.Mixed_5c = MixedBlock(256, 64, norm)
        self.Mixed_5d = MixedBlock(288, 64, norm)

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        """Return the maps of Mixed_5d."""
        maps = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(planes)))
        maps = F.max_pool2d(maps, 3, stride=2)
        maps = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(maps))
        maps = F.max_pool2d(maps, 3, stride=2)
        return self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(maps)))  # type: ignore[no-any-return]


class ConvolutionNorm(nn.Module):
    """A convolution, its normalisation and a ReLU."""

    def __init__(
        self, before: int, after: int, kernel: int, norm: str, *, stride: int = 1, padding: int = 0
    ) -> None:
        """Leave the weights of the convolution to be drawn."""
        super().__init__()
        self.conv = Convolution(before, after, kernel, stride=stride, padding=padding, bias=False)
        self.bn = make_norm(norm, after, EPSILON)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Return the maps after the ReLU."""
        return F.relu(self.bn(self.conv(maps)))


class MixedBlock(nn.Module):
    """The 35 x 35 module (Szegedy et al. 2016, figure 5): four branches side by side."""

    def __init__(self, before: int, pool_channels: int, norm: str) -> None:
        """Leave the weights of the convolutions to be drawn."""
        super().__init__()
        self.branch1x1 = ConvolutionNorm(before, 64, 1, norm)
        self.branch5x5_1 = ConvolutionNorm(before, 48, 1, norm)
        self.branch5x5_2 = ConvolutionNorm(48, 64, 5, norm, padding=2)
        self.branch3x3dbl_1 = ConvolutionNorm(before, 64, 1, norm)
        self.branch3x3dbl_2 = ConvolutionNorm(64, 96, 3, norm, padding=1)
        self.branch3x3dbl_3 = ConvolutionNorm(96, 96, 3, norm, padding=1)
        self.branch_pool = ConvolutionNorm(before, pool_channels, 1, norm)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Return the branches' maps behind each other."""
        wide = self.branch5x5_2(self.branch5x5_1(maps))
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(maps)))
        # Zeros beyond the border count in the mean, as in the published weights' network.
        smooth = self.branch_pool(F.avg_pool2d(maps, 3, stride=1, padding=1))
        return torch.cat([self.branch1x1(maps), wide, double, smooth], dim=1)

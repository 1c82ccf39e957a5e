"""ResNets of 18 to 152 layers, in torch alone, with the names of torchvision's weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import nn

from tcn_robot.errors import UserError
from tcn_robot.models.backbone import BackboneConfig, BackboneEncoder
from tcn_robot.models.layers import Convolution, draw_convolutions
from tcn_robot.models.norms import make_norm
from tcn_robot.models.planes import IMAGENET

# Depth -> (whether blocks are bottlenecks, blocks of each of the four stages).
DEPTHS: dict[int, tuple[bool, tuple[int, int, int, int]]] = {
    18: (False, (2, 2, 2, 2)),
    34: (False, (3, 4, 6, 3)),
    50: (True, (3, 4, 6, 3)),
    101: (True, (3, 4, 23, 3)),
    152: (True, (3, 8, 36, 3)),
}
STAGE_WIDTHS = (64, 128, 256, 512)
BOTTLENECK_FACTOR = 4

MakeNorm = Callable[[int], nn.Module]


@dataclass(frozen=True, kw_only=True)
class ResNetConfig(BackboneConfig):
    """Shape of a residual network.

    Attributes:
        depth: Layers: 18, 34, 50, 101 or 152.
        stages: How many of the four stages there are; each halves the side of the maps.
        norm: batch; group (independent of the batch); frozen_batch (statistics and scale of
            imported weights, never changed); none (residual branches start at 0).
    """

    image_size_px: int = 112
    depth: Literal[18, 34, 50, 101, 152] = 18
    stages: Literal[1, 2, 3, 4] = 4
    norm: Literal["batch", "group", "frozen_batch", "none"] = "batch"

    def check(self) -> None:
        """Raise UserError for a shape that cannot be."""
        super().check()
        if self.depth not in DEPTHS or self.stages not in range(1, len(STAGE_WIDTHS) + 1):
            raise UserError(
                f"--depth expects one of {', '.join(map(str, DEPTHS))} and --stages 1 to "
                f"{len(STAGE_WIDTHS)}, found {self.depth} and {self.stages}"
            )


class ResNetEncoder(BackboneEncoder):
    """A residual network (He et al. 2016) with a head; images are normalised as ImageNet's.

    Differs from the paper: as in torchvision, the 3 x 3 convolution of a bottleneck has the
    stride, not the first 1 x 1 ("v1.5").
    """

    Config = ResNetConfig
    kind = "resnet"
    config: ResNetConfig
    backbone: ResNet

    def __init__(self, config: ResNetConfig, generator: torch.Generator) -> None:
        """Make the layers with weights drawn from `generator`."""
        super().__init__(config)
        self.mean, self.std = IMAGENET
        self.backbone = ResNet(config.depth, config.stages, config.norm, config.input_channels)
        self.backbone.draw_weights(generator)
        self.finish(self.backbone.num_channels, generator)

    def look(self, planes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the last stage's maps and their means."""
        maps = self.backbone(planes)
        return maps, maps.float().mean(dim=(2, 3))

    def blocks(self) -> list[list[nn.Module]]:
        """Return the stem and the stages."""
        network = self.backbone
        return [[network.conv1, network.bn1], *([stage] for stage in network.stages())]


class ResNet(nn.Module):
    """The network up to the maps of its last stage: (N, C, S, S) -> (N, F, S / 32, S / 32)."""

    def __init__(self, depth: int, num_stages: int, norm: str, input_channels: int) -> None:
        """Leave the weights of the convolutions to be drawn."""
        super().__init__()

        def layer_norm(width: int) -> nn.Module:
            return make_norm(norm, width)

        self.has_norm = norm != "none"
        bottleneck, counts = DEPTHS[depth]
        self.conv1 = _convolution(input_channels, 64, 7, 2, bias=not self.has_norm)
        self.bn1 = layer_norm(64)
        before = 64
        for stage in range(num_stages):
            width = STAGE_WIDTHS[stage]
            after = width * (BOTTLENECK_FACTOR if bottleneck else 1)
            blocks = []
            for index in range(counts[stage]):
                stride = 2 if stage > 0 and index == 0 else 1
                kind = Bottleneck if bottleneck else BasicBlock
                blocks.append(kind(before, width, after, stride, layer_norm, not self.has_norm))
                before = after
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))
        self.num_stages = num_stages
        self.num_channels = before

    def stages(self) -> list[nn.Module]:
        """Return the stages in order."""
        return [getattr(self, f"layer{stage + 1}") for stage in range(self.num_stages)]

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        """Return the maps of the last stage."""
        maps = F.relu(self.bn1(self.conv1(planes)))
        maps = F.max_pool2d(maps, 3, stride=2, padding=1)
        for stage in self.stages():
            maps = stage(maps)
        return maps

    def draw_weights(self, generator: torch.Generator) -> None:
        """Draw the convolutions; without norms, residual branches start at 0."""
        draw_convolutions(self, generator)
        if not self.has_norm:
            for module in self.modules():
                if isinstance(module, BasicBlock | Bottleneck):
                    nn.init.zeros_(module.last_convolution.weight)


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions and the way past them."""

    def __init__(
        self, before: int, width: int, after: int, stride: int, norm: MakeNorm, bias: bool
    ) -> None:
        """Leave the weights of the convolutions to be drawn."""
        super().__init__()
        self.conv1 = _convolution(before, width, 3, stride, bias)
        self.bn1 = norm(width)
        self.conv2 = _convolution(width, after, 3, 1, bias)
        self.bn2 = norm(after)
        self.downsample = _shortcut(before, after, stride, norm, bias)

    @property
    def last_convolution(self) -> nn.Conv2d:
        """The one that ends the branch."""
        return self.conv2

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Add the branch to its input."""
        branch = F.relu(self.bn1(self.conv1(maps)))
        branch = self.bn2(self.conv2(branch))
        return F.relu(branch + (maps if self.downsample is None else self.downsample(maps)))


class Bottleneck(nn.Module):
    """A 1 x 1, a 3 x 3 and a 1 x 1 convolution and the way past them."""

    def __init__(
        self, before: int, width: int, after: int, stride: int, norm: MakeNorm, bias: bool
    ) -> None:
        """Leave the weights of the convolutions to be drawn."""
        super().__init__()
        self.conv1 = _convolution(before, width, 1, 1, bias)
        self.bn1 = norm(width)
        self.conv2 = _convolution(width, width, 3, stride, bias)
        self.bn2 = norm(width)
        self.conv3 = _convolution(width, after, 1, 1, bias)
        self.bn3 = norm(after)
        self.downsample = _shortcut(before, after, stride, norm, bias)

    @property
    def last_convolution(self) -> nn.Conv2d:
        """The one that ends the branch."""
        return self.conv3

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Add the branch to its input."""
        branch = F.relu(self.bn1(self.conv1(maps)))
        branch = F.relu(self.bn2(self.conv2(branch)))
        branch = self.bn3(self.conv3(branch))
        return F.relu(branch + (maps if self.downsample is None else self.downsample(maps)))


def _convolution(before: int, after: int, kernel: int, stride: int, bias: bool) -> nn.Conv2d:
    return Convolution(before, after, kernel, stride=stride, padding=kernel // 2, bias=bias)


def _shortcut(
    before: int, after: int, stride: int, norm: MakeNorm, bias: bool
) -> nn.Sequential | None:
    """Return what brings a block's input to the shape of its output; None where it has it."""
    if before == after and stride == 1:
        return None
    return nn.Sequential(_convolution(before, after, 1, stride, bias), norm(after))

"""The training that `bench_training.py` compares with: what one writes down first.

fp32, contiguous (N, C, H, W), a batch stacked frame by frame out of the store, the changes of the
augmentation one after the other, autograd for everything. Network, loss, optimiser and batches are
those of the default training; `tests/training/test_speed_bench.py` holds both against each other.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from tcn_robot.data import Batch, FrameStore, Sampler
from tcn_robot.data.augmentation import GREY_WEIGHTS, AugmentationOptions


class PlainSoftArgmax(nn.Module):
    """Softmax over the positions of each channel, and the mean position."""

    def __init__(self, num_channels: int) -> None:
        super().__init__()
        self.log_inverse_temperature = nn.Parameter(torch.zeros(num_channels))

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) -> (N, 2 * C)."""
        height, width = maps.shape[2:]
        sharpness = self.log_inverse_temperature.exp().view(1, -1, 1, 1)
        weights = (maps * sharpness).flatten(2).softmax(dim=2).view(maps.shape)
        across = torch.linspace(-1, 1, width).view(1, 1, 1, -1)
        down = torch.linspace(-1, 1, height).view(1, 1, -1, 1)
        x = (weights * across).sum(dim=(2, 3))
        y = (weights * down).sum(dim=(2, 3))
        return torch.cat([x, y], dim=1)


class PlainEncoder(nn.Module):
    """The default encoder's layers, under the same names."""

    def __init__(
        self,
        image_size_px: int,
        dimension: int = 32,
        channels: Sequence[int] = (16, 32, 64, 64),
        strides: Sequence[int] = (2, 2, 1, 1),
        map_channels: int = 8,
        hidden: int = 128,
    ) -> None:
        super().__init__()
        widths = (3, *channels)
        self.convolutions = nn.ModuleList(
            nn.Conv2d(before, after, 3, stride, padding=1)
            for before, after, stride in zip(widths[:-1], widths[1:], strides, strict=True)
        )
        side_px = image_size_px
        for stride in strides:
            side_px = -(-side_px // stride)
        self.positions = PlainSoftArgmax(channels[-1])
        self.hidden = nn.Linear(3 * channels[-1], hidden)
        self.squeeze = nn.Conv2d(channels[-1], map_channels, 1)
        self.map = nn.Linear(map_channels * side_px**2, hidden)
        self.head = nn.Linear(hidden, dimension)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(N, 3, S, S) from 0 to 255 -> (N, D)."""
        maps = images / 127.5 - 1
        for layer in self.convolutions[:-1]:
            maps = F.relu(layer(maps))
        maps = self.convolutions[-1](maps)
        summary = torch.cat([self.positions(maps), maps.mean(dim=(2, 3))], dim=1)
        coarse = F.relu(self.squeeze(maps)).flatten(1)
        return self.head(F.relu(self.hidden(summary) + self.map(coarse)))


def stacked(store: FrameStore, batch: Batch) -> torch.Tensor:
    """Return the frames of a batch, float32 (N, 3, S, S)."""
    frames = [
        store.episodes[e].frames(store.episodes[e].views[v])[f]
        for e, v, f in zip(batch.episode, batch.view, batch.frame, strict=True)
    ]
    return torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2).float().contiguous()


def augmented(
    images: torch.Tensor, options: AugmentationOptions, generator: torch.Generator
) -> torch.Tensor:
    """Return changed images (N, 3, S, S): shift, brightness, contrast, saturation, blur."""
    count, _, side_px, _ = images.shape
    reach = options.shift_px
    padded = F.pad(images, (reach, reach, reach, reach), mode="replicate")
    places = torch.randint(0, 2 * reach + 1, (count, 2), generator=generator).tolist()
    images = torch.stack(
        [
            image[:, y : y + side_px, x : x + side_px]
            for image, (y, x) in zip(padded, places, strict=True)
        ]
    )

    def drawn(spread: float) -> torch.Tensor:
        factors = 1 + spread * (2 * torch.rand(count, generator=generator) - 1)
        return factors.view(-1, 1, 1, 1)

    weights = torch.tensor(GREY_WEIGHTS).view(1, 3, 1, 1)
    images = images * drawn(options.brightness)
    mean = (images * weights).sum(dim=1, keepdim=True).mean(dim=(2, 3), keepdim=True)
    images = (images - mean) * drawn(options.contrast) + mean
    grey = (images * weights).sum(dim=1, keepdim=True)
    images = (images - grey) * drawn(options.saturation) + grey
    images = images.clamp(0, 255)
    share = (options.blur * torch.rand(count, generator=generator)).view(-1, 1, 1, 1)
    line = torch.tensor((0.25, 0.5, 0.25))
    kernel = (line[:, None] * line).expand(3, 1, 3, 3)
    blurred = F.conv2d(F.pad(images, (1, 1, 1, 1), mode="replicate"), kernel, groups=3)
    return images * (1 - share) + blurred * share


def plain_loss(embeddings: torch.Tensor) -> torch.Tensor:
    """InfoNCE over squared distances; all other moments of the batch are negatives."""
    anchors, partners = embeddings.chunk(2)
    scores = -((anchors[:, None] - partners[None]) ** 2).sum(dim=2)
    targets = torch.arange(len(anchors))
    return (F.cross_entropy(scores, targets) + F.cross_entropy(scores.T, targets)) / 2


class PlainTraining:
    """The loop."""

    def __init__(
        self,
        store: FrameStore,
        sampler: Sampler,
        augmentation: AugmentationOptions,
        weight_decay: float,
        clip_norm: float,
    ) -> None:
        """Take the same films and the same options as the other one."""
        self.encoder = PlainEncoder(store.size_px)
        self._store, self._sampler, self._augmentation = store, sampler, augmentation
        self._clip_norm = clip_norm
        self._optimizer = torch.optim.AdamW(self.encoder.parameters(), weight_decay=weight_decay)
        self._rng, self._generator = np.random.default_rng(0), torch.Generator().manual_seed(0)

    def step(self) -> None:
        """Take one step."""
        images = stacked(self._store, self._sampler.draw(self._rng))
        images = augmented(images, self._augmentation, self._generator)
        loss = plain_loss(self.encoder(images))
        self._optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.encoder.parameters(), self._clip_norm)
        self._optimizer.step()

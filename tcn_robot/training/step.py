"""One batch on its way through the encoder, as an objective sees it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from tcn_robot.data.film_table import FilmTable
from tcn_robot.data.sampling import Batch
from tcn_robot.objectives import Encoded, Moments
from tcn_robot.objectives.interface import Change, TrainableEncoder


@dataclass
class TrainingStep:
    """What `objectives.interface.Step` promises.

    Attributes:
        moments: Where the frames of the batch come from.
        images: (N, S, S, 3) or (N, T, S, S, 3) float32 from 0 to 255, augmented.
        encoder: What is trained.
        progress: Share of the training that is done, from 0 to below 1.
        generator: On the CPU, for whatever the objective draws.
        bf16: Whether the encoder runs under bf16 autocast.
        first: Whether this is the first batch of an optimisation step.
    """

    moments: Moments
    images: torch.Tensor
    encoder: TrainableEncoder
    progress: float
    generator: torch.Generator
    bf16: bool
    first: bool = True

    def encode(
        self, change: Change | None = None, network: TrainableEncoder | None = None
    ) -> Encoded:
        """Embed the batch; see `Step.encode`."""
        images = self.images
        if change is not None:
            images = change(images, torch.arange(len(images), device=images.device))
        if network is None:
            return self._embed(self.encoder, images)
        with torch.no_grad():
            return self._embed(network, images)

    def _embed(self, network: TrainableEncoder, images: torch.Tensor) -> Encoded:
        with torch.autocast(images.device.type, torch.bfloat16, enabled=self.bf16):
            features = network.features(images)
            embeddings = network.project(features)
        return Encoded(features.float(), network.normalise(embeddings.float()))


def to_moments(batch: Batch, films: FilmTable, device: torch.device) -> Moments:
    """Return what an objective may know of a batch, as tensors on a device."""
    lengths = films.lengths[batch.episode, batch.view]

    def tensor(column: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(column).to(device)

    return Moments(
        episode=tensor(batch.episode),
        view=tensor(batch.view),
        moment=tensor(batch.moment),
        time_seconds=tensor(batch.time_seconds),
        frame=tensor(batch.frame),
        film_frames=tensor(lengths),
        shape=batch.shape,
    )

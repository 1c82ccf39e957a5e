"""One batch on its way through the encoder, as an objective sees it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch

from tcn_robot.data.film_table import FilmTable
from tcn_robot.data.sampling import Batch
from tcn_robot.objectives import Encoded, Moments
from tcn_robot.objectives.interface import Change, TrainableEncoder
from tcn_robot.training.device import copy_without_waiting
from tcn_robot.training.precision import Precision
from tcn_robot.training.processes import Processes


@dataclass
class TrainingStep:
    """What `objectives.interface.Step` promises.

    Attributes:
        moments: Where the N frames of the batch come from.
        images: (R, S, S, 3) or (R, T, S, S, 3) float32 from 0 to 255, augmented: the rows of the
            batch that this process holds, `processes.rows(N)`.
        encoder: What is trained.
        progress: Share of the training that is done, from 0 to below 1.
        generator: On the CPU, for whatever the objective draws.
        precision: The encoder's autocast.
        processes: Those that hold the other rows.
        first: Whether this is the first batch of an optimisation step.
        body: int64 (R,), the body of each row that this process holds, for an encoder with
            statistics per body; None for others.
        seen: Embeddings (N, D) of the first pass through the trained encoder, with their
            gradients; None before it.
    """

    moments: Moments
    images: torch.Tensor
    encoder: TrainableEncoder
    progress: float
    generator: torch.Generator
    precision: Precision
    processes: Processes
    first: bool = True
    body: torch.Tensor | None = None
    seen: torch.Tensor | None = field(default=None, init=False)

    def encode(
        self, change: Change | None = None, network: TrainableEncoder | None = None
    ) -> Encoded:
        """Embed the batch; see `Step.encode`."""
        images = self.images
        if change is not None:
            rows = self.processes.rows(len(self.moments))
            images = change(images, rows.to(images.device))
        if network is not None:
            with torch.no_grad():
                return self._embed(network, images)
        encoded = self._embed(self.encoder, images)
        if self.seen is None:
            self.seen = encoded.embeddings
        return encoded

    def _embed(self, network: TrainableEncoder, images: torch.Tensor) -> Encoded:
        with self.precision.autocast():
            bodies = () if self.body is None else (self.body,)
            features = network.features(images, *bodies)
            embeddings = network.project(features)
        count = len(self.moments)
        features = self.processes.gather(features.float(), count)  # (N, F)
        embeddings = self.processes.gather(embeddings.float(), count)  # (N, D)
        return Encoded(features, network.normalise(embeddings))


def to_moments(batch: Batch, films: FilmTable, device: torch.device) -> Moments:
    """Return what an objective may know of a batch, as tensors on a device."""
    lengths = films.lengths[batch.episode, batch.view]

    def tensor(column: np.ndarray) -> torch.Tensor:
        return copy_without_waiting(torch.from_numpy(column), device)

    return Moments(
        episode=tensor(batch.episode),
        view=tensor(batch.view),
        moment=tensor(batch.moment),
        time_seconds=tensor(batch.time_seconds),
        frame=tensor(batch.frame),
        film_frames=tensor(lengths),
        episode_seconds=tensor(films.episode_seconds[batch.episode]),
        shape=batch.shape,
    )

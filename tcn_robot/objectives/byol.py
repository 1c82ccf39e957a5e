"""BYOL: predict what a slowly following copy of the network makes of the same frame."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import torch
import torch.nn.functional as F
from torch import nn

from tcn_robot.data.sampling import BatchOptions, FilmedEpisode, SameFrameSampler, Sampler
from tcn_robot.errors import UserError
from tcn_robot.objectives.distances import at_least_float32
from tcn_robot.objectives.heads import projection_head
from tcn_robot.objectives.interface import Losses, Setting, Step, TrainableEncoder
from tcn_robot.option_ranges import expect_at_least


@dataclass(frozen=True)
class ByolOptions:
    """Options of `byol`.

    Attributes:
        target_momentum: How much of the target network stays in each step at first; rises to 1
            along half a cosine (paper: 0.996 for a million steps).
        projector_hidden: Width of the hidden layer of projector and predictor (paper: 4096).
        projector_dimension: Length of what is predicted (paper: 256).
    """

    target_momentum: float = 0.99
    projector_hidden: int = 256
    projector_dimension: int = 64

    def check(self) -> None:
        """Raise UserError for numbers that cannot work."""
        if not 0 <= self.target_momentum <= 1:
            raise UserError(f"--target-momentum must be from 0 to 1, found {self.target_momentum}")
        expect_at_least(self, 1, "projector_hidden", "projector_dimension")


class Byol(nn.Module):
    """BYOL (Grill et al. 2020) on frames of films, without negatives.

    The online network (encoder, projector, predictor) predicts, from one augmentation of a frame,
    what the target network (encoder, projector) makes of the other. The target gets no gradients;
    its weights follow the online network's. It is part of the objective's state.

    Differs from the paper: the heads' batch norm sees both augmentations at once, and the
    target's norms count their own running statistics.
    """

    Options: ClassVar[type] = ByolOptions
    defaults: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, options: ByolOptions, setting: Setting) -> None:
        """Make the heads, and the target as a copy of encoder and projector.

        Raises:
            UserError: If an option cannot work.
        """
        super().__init__()
        options.check()
        hidden, out = options.projector_hidden, options.projector_dimension
        generator = setting.generator
        self.projector = projection_head((setting.encoder.dimension, hidden, out), generator)
        self.predictor = projection_head((out, hidden, out), generator)
        encoder = cast(nn.Module, setting.encoder)
        self.target_encoder = copy.deepcopy(encoder).requires_grad_(False)
        self.target_projector = copy.deepcopy(self.projector).requires_grad_(False)
        self._momentum = options.target_momentum
        # In a tuple: the encoder is not a part of the objective, which only follows it.
        self._online_encoder = (encoder,)

    @classmethod
    def unit_length(cls, options: ByolOptions) -> bool:
        """The projector takes embeddings of length 1."""
        return True

    @classmethod
    def sampler(
        cls, options: ByolOptions, episodes: Sequence[FilmedEpisode], batch: BatchOptions
    ) -> Sampler:
        """Give each frame twice; the loop augments both on their own."""
        return SameFrameSampler(episodes, batch)

    def _target(self) -> TrainableEncoder:
        return cast(TrainableEncoder, self.target_encoder)

    def forward(self, step: Step) -> Losses:
        """Return the loss of a batch (2, P) of frames, each of them twice; move the target."""
        momentum = target_momentum(self._momentum, step.progress)
        if step.first:
            follow(self.target_encoder, self._online_encoder[0], momentum)
            follow(self.target_projector, self.projector, momentum)
        predicted = self.predictor(self.projector(step.encode().embeddings))  # (2 P, K)
        with torch.no_grad():
            seen = self.target_projector(step.encode(network=self._target()).embeddings)
        loss = byol_loss(predicted, seen)
        return Losses({"byol": loss}, {"target_momentum": torch.tensor(momentum)})


def byol_loss(predicted: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
    """Return the symmetric loss (Grill et al. 2020, eq. 2 and the line after it).

    mean_i |q_i - z_j|^2 + |q_j - z_i|^2 over pairs (i, j) of unit vectors, that is
    2 - 2 cos(q_i, z_j) each way.

    Args:
        predicted: (2 P, K) float, predictions q; row i + P is the partner of row i.
        seen: (2 P, K) float, the target's projections z in the same order; no gradient reaches
            them.

    Returns:
        Scalar from 0 to 8.
    """
    half = len(predicted) // 2
    q = F.normalize(at_least_float32(predicted), dim=1)
    z = F.normalize(at_least_float32(seen.detach()), dim=1)
    cosines = (q * z.roll(half, dims=0)).sum(dim=1)  # (2 P,)
    return 2 * (2 - 2 * cosines).mean()


def target_momentum(base: float, progress: float) -> float:
    """Return 1 - (1 - base) (cos(pi progress) + 1) / 2 (Grill et al. 2020, section 3.3).

    Args:
        base: Momentum at the beginning, 0 to 1.
        progress: Share of the training that is done, 0 to 1.
    """
    return 1 - (1 - base) * (math.cos(math.pi * progress) + 1) / 2


@torch.no_grad()
def follow(target: nn.Module, online: nn.Module, momentum: float) -> None:
    """Move the target's parameters towards the online network's, in place.

    target = momentum * target + (1 - momentum) * online (Grill et al. 2020, eq. 1); buffers, such
    as running statistics, stay the target's own.
    """
    pairs = zip(target.parameters(), online.parameters(), strict=True)
    for followed, leader in pairs:
        followed.lerp_(leader.to(followed.dtype), 1 - momentum)

"""SimCLR: a frame is recognised after augmentation among all other frames of the batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import nn

from tcn_robot.data.sampling import BatchOptions, FilmedEpisode, SameFrameSampler, Sampler
from tcn_robot.objectives.distances import at_least_float32
from tcn_robot.objectives.heads import projection_head
from tcn_robot.objectives.interface import Losses, Setting, Step
from tcn_robot.option_ranges import expect_above_zero, expect_at_least


@dataclass(frozen=True)
class SimclrOptions:
    """Options of `simclr`.

    Attributes:
        temperature: T of the cosines; small ones look at the hardest negatives only.
        projector_hidden: Width of the projector's hidden layer.
        projector_dimension: Length of what the loss compares.
    """

    temperature: float = 0.5
    projector_hidden: int = 256
    projector_dimension: int = 128

    def check(self) -> None:
        """Raise UserError for numbers that cannot work."""
        expect_above_zero(self, "temperature")
        expect_at_least(self, 1, "projector_hidden", "projector_dimension")


class Simclr(nn.Module):
    """SimCLR (Chen et al. 2020) on frames of films.

    Time and cameras play no part: what this finds, augmentation alone has taught. The loss acts
    behind a projector of two layers that is thrown away; the embedding is what it starts from.

    Differs from the paper: the frames of a batch come from `episodes_per_batch` films, so that
    other moments of the same film are among the negatives. The heads' batch norm sees both
    augmentations of all frames at once.
    """

    Options: ClassVar[type] = SimclrOptions
    defaults: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, options: SimclrOptions, setting: Setting) -> None:
        """Make the projector.

        Raises:
            UserError: If an option cannot work.
        """
        super().__init__()
        options.check()
        widths = (options.projector_hidden, options.projector_dimension)
        self.projector = projection_head((setting.encoder.dimension, *widths), setting.generator)
        self._temperature = options.temperature

    @classmethod
    def unit_length(cls, options: SimclrOptions) -> bool:
        """The projector takes embeddings of length 1."""
        return True

    @classmethod
    def sampler(
        cls, options: SimclrOptions, episodes: Sequence[FilmedEpisode], batch: BatchOptions
    ) -> Sampler:
        """Give each frame twice; the loop augments both on their own."""
        return SameFrameSampler(episodes, batch)

    def forward(self, step: Step) -> Losses:
        """Return the loss of a batch (2, P) of frames, each of them twice."""
        projected = self.projector(step.encode().embeddings)  # (2 P, K)
        loss, found = nt_xent(projected, self._temperature)
        return Losses({"nt_xent": loss}, {"found": found})


def nt_xent(projected: torch.Tensor, temperature: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the normalised, temperature-scaled cross entropy (Chen et al. 2020, eq. 1).

    -log( exp(s_ij / T) / sum over k != i of exp(s_ik / T) ) with cosines s, j the partner of i,
    averaged over all 2 P frames.

    Args:
        projected: (2 P, K) float of any length above 0; row i + P is the partner of row i.
        temperature: T, above 0.

    Returns:
        The loss, log(2 P - 1) where all are equal, 0 for one pair; and the share of frames that
        are more similar to their partner than to any other, without gradient.
    """
    unit = F.normalize(at_least_float32(projected), dim=1)
    count = len(unit)
    own = torch.eye(count, dtype=torch.bool, device=unit.device)
    similarities = (unit @ unit.T).masked_fill(own, -torch.inf) / temperature  # (2 P, 2 P)
    partner = torch.arange(count, device=unit.device).roll(count // 2)
    loss = F.cross_entropy(similarities, partner)
    together = similarities.detach().gather(1, partner[:, None])  # (2 P, 1)
    found = ((similarities.detach() >= together).sum(dim=1) == 1).float().mean()
    return loss, found

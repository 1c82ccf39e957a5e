"""Value-implicit pre-training: the distance to a goal frame is the number of steps to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import nn

from tcn_robot.data.sampling import BatchOptions, FilmedEpisode, Sampler
from tcn_robot.data.sampling.stretches import PARTS, StretchSampler
from tcn_robot.errors import UserError
from tcn_robot.objectives.interface import Losses, Setting, Step
from tcn_robot.objectives.value_implicit import attraction, log_mean_exp, step_excess
from tcn_robot.option_ranges import expect_above_zero, expect_at_least


@dataclass(frozen=True)
class VipOptions:
    """Options of `vip`.

    Attributes:
        discount: gamma; distances saturate at 1 / (1 - gamma) steps.
        step_frames: Frames of a step (paper: 1).
        steps_per_unit: Steps that an embedding's distance of 1 stands for.
        negative_weight: Weight of the steps of other films, seen from a goal that they do not go
            to; for films of different tasks.
        length_weight: Weight of the embeddings' mean squared length, which keeps them near 0.
    """

    discount: float = 0.98
    step_frames: int = 5
    steps_per_unit: float = 10.0
    negative_weight: float = 0.0
    length_weight: float = 0.001

    def check(self) -> None:
        """Raise UserError for numbers that cannot work."""
        if not 0 <= self.discount < 1:
            raise UserError(f"--discount must be from 0 to below 1, found {self.discount}")
        expect_above_zero(self, "steps_per_unit")
        expect_at_least(self, 1, "step_frames")
        expect_at_least(self, 0, "negative_weight", "length_weight")


class Vip(nn.Module):
    """VIP (Ma et al. 2022), written from the formulas of the paper.

    Differs from the paper: steps of other films as further negatives are off unless asked for, and
    then all of those in the batch count, where the paper draws three for each goal; a unit of the
    embedding stands for several steps, so that distances need not grow to tens.
    """

    Options: ClassVar[type] = VipOptions
    # A draw per frame hides what changes from one frame to the next; see docs/objectives/vip.md.
    defaults: ClassVar[Mapping[str, Any]] = {
        "augmentation_sharing": "view",
        "weight_decay": 0.01,
    }

    def __init__(self, options: VipOptions, setting: Setting) -> None:
        """Keep the options; there is nothing to train but the encoder.

        Raises:
            UserError: If an option cannot work.
        """
        super().__init__()
        options.check()
        self._options = options

    @classmethod
    def unit_length(cls, options: VipOptions) -> bool:
        """Distances count steps, so embeddings have any length."""
        return False

    @classmethod
    def sampler(
        cls, options: VipOptions, episodes: Sequence[FilmedEpisode], batch: BatchOptions
    ) -> Sampler:
        """Draw stretches of films."""
        return StretchSampler(episodes, batch, options.step_frames)

    def forward(self, step: Step) -> Losses:
        """Return the losses of a batch of stretches (4, P)."""
        options = self._options
        embeddings = step.encode().embeddings
        start, before, after, goal = (options.steps_per_unit * embeddings).chunk(PARTS)  # (P, D)
        excess = step_excess(before, after, goal, options.discount)  # (P,)
        terms = {
            "attraction": attraction(start, goal, options.discount),
            "steps": log_mean_exp(excess),
            "length": options.length_weight * embeddings.square().sum(dim=1).mean(),
        }
        if options.negative_weight:
            film = step.moments.episode[: len(start)]
            others = torch.ne(film[:, None], film[None, :])  # (P, P)
            every = step_excess(before[None], after[None], goal[:, None], options.discount)
            terms["negatives"] = options.negative_weight * log_mean_exp(every, others)
        with torch.no_grad():
            nearer = (goal - after).norm(dim=1) < (goal - before).norm(dim=1)
            figures = {
                "start_to_goal": (goal - start).norm(dim=1).mean(),
                "nearer_by_a_step": nearer.to(start.dtype).mean(),
            }
        return Losses(terms, figures)

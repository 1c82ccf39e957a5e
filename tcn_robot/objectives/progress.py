"""Progress: from two frames of a film, how far the second is behind or before the first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import nn

from tcn_robot.data.sampling import BatchOptions, FilmedEpisode, Sampler
from tcn_robot.data.sampling.intervals import Intervals, IntervalSampler
from tcn_robot.objectives.interface import Losses, Setting, Step
from tcn_robot.objectives.moments import Moments
from tcn_robot.objectives.temporal_distance import DistanceHead, distance_loss, expected_distance
from tcn_robot.option_ranges import expect_at_least


@dataclass(frozen=True)
class ProgressOptions:
    """Options of `progress`.

    Attributes:
        num_bins: Bins that the distance from -1 to 1 is spread over.
        head_width: Width of the hidden layer of the head that compares two embeddings; 0 for
            none.
        interval_weighting: An interval of n frames is drawn in proportion to 1 / n, or each as
            often.
        pair_views: The second frame is of the same view as the first (the paper), or, with any,
            of a random other view that saw its moment, where there is one.
        rewind_share: Share of pairs from films that run forward and then some way back (ReWiND).
        mismatch_share: Share of pairs whose frames come from different episodes, with distance 0,
            as ReWiND has it; only where episodes show different tasks.
    """

    num_bins: int = 20
    head_width: int = 128
    interval_weighting: Literal["inverse", "uniform"] = "inverse"
    pair_views: Literal["same", "any"] = "same"
    rewind_share: float = 0.0
    mismatch_share: float = 0.0

    @property
    def intervals(self) -> Intervals:
        """How pairs are drawn."""
        return Intervals(
            weighting=self.interval_weighting,
            other_view=self.pair_views == "any",
            rewind_share=self.rewind_share,
            mismatch_share=self.mismatch_share,
        )

    def check(self) -> None:
        """Raise UserError for numbers that cannot work."""
        expect_at_least(self, 2, "num_bins")
        expect_at_least(self, 0, "head_width")
        self.intervals.check()


class Progress(nn.Module):
    """TimeRewarder (Liu et al. 2025): the signed distance in time of two frames, in two-hot bins.

    Differs from the paper: antisymmetric for any weights, not by training on both orders only
    (`DistanceHead`); one small encoder in place of CLIP's.
    """

    Options: ClassVar[type] = ProgressOptions
    defaults: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, options: ProgressOptions, setting: Setting) -> None:
        """Make the head.

        Raises:
            UserError: If an option cannot work.
        """
        super().__init__()
        options.check()
        self.head = DistanceHead(
            setting.encoder.dimension, options.num_bins, options.head_width, setting.generator
        )

    @classmethod
    def unit_length(cls, options: ProgressOptions) -> bool:
        """Embeddings of any length."""
        return False

    @classmethod
    def sampler(
        cls, options: ProgressOptions, episodes: Sequence[FilmedEpisode], batch: BatchOptions
    ) -> Sampler:
        """Draw pairs of frames of one film."""
        return IntervalSampler(episodes, batch, options.intervals)

    def forward(self, step: Step) -> Losses:
        """Return the loss of a batch of pairs (2, P)."""
        first, second = step.encode().embeddings.chunk(2)  # (P, D) each
        distances = film_distances(step.moments).to(first)
        logits = self.head(first, second)
        loss = distance_loss(logits, distances)
        with torch.no_grad():
            error = (expected_distance(logits) - distances).abs()
            bin_width = 2 / (logits.shape[1] - 1)
            figures = {
                "distance_error": error.mean(),
                "within_a_bin": (error <= bin_width).to(error.dtype).mean(),
            }
        return Losses({"distance": loss}, figures)


def film_distances(moments: Moments) -> torch.Tensor:
    """Return the distance in time of each pair of a batch (2, P): (P,) float32 from -1 to 1.

    The time from the first frame to the second in shares of the episode, from its first frame in
    any view to its last: cameras that started apart or ran for longer say the same of a moment.
    Frames of different episodes have distance 0: nothing was achieved. So have those of an episode
    without any length.
    """
    first, second = moments.time_seconds.chunk(2)  # (P,) each
    one, other = moments.episode.chunk(2)
    span = moments.episode_seconds[: len(first)]
    known = torch.eq(one, other) & (span > 0)
    shares = (second - first) / torch.where(known, span, 1.0)
    return torch.where(known, shares, 0.0).float()

"""Tempo: neighbouring frames agree in every dimension, and no two dimensions say the same."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import nn

from tcn_robot.data.sampling import (
    BatchOptions,
    Density,
    FilmedEpisode,
    ProximitySampler,
    Reach,
    Sampler,
)
from tcn_robot.errors import UserError
from tcn_robot.objectives.distances import at_least_float32
from tcn_robot.objectives.heads import projection_head
from tcn_robot.objectives.interface import Losses, Setting, Step
from tcn_robot.option_ranges import expect_at_least

# Added to a variance before its root: a dimension that does not vary has correlation 0.
VARIANCE_EPSILON = 1e-5


@dataclass(frozen=True)
class TempoOptions:
    """Options of `tempo`.

    Attributes:
        density: The second frame lies evenly within the proximity (uniform), or normally about
            the first with the proximity as standard deviation (normal).
        proximity_seconds: How far that is in time; 1 unless given.
        proximity_frames: The same in frames, instead of seconds (Tempo: 30).
        redundancy: Lambda, weight of the correlations between dimensions (Tempo: 0.001; Barlow
            Twins: 0.005).
        projector_hidden: Width of both hidden layers of the projector (Tempo: 1024).
        projector_dimension: Number of dimensions that are decorrelated (Tempo: 1024).
    """

    density: Density = "uniform"
    proximity_seconds: float | None = None
    proximity_frames: int | None = None
    redundancy: float = 0.001
    projector_hidden: int = 256
    projector_dimension: int = 256

    @property
    def proximity(self) -> Reach:
        """How far partners are drawn."""
        seconds = 1.0 if self.proximity_seconds is None else self.proximity_seconds
        return Reach(seconds, self.proximity_frames)

    def check(self) -> None:
        """Raise a UserError for options that cannot work."""
        if self.proximity_seconds is not None and self.proximity_frames is not None:
            raise UserError(
                "expected --proximity-seconds or --proximity-frames, found both; leave one out"
            )
        span = self.proximity.span
        if not (span > 0 and math.isfinite(span)):
            raise UserError(f"--proximity-{self.proximity.unit} must be above 0, found {span}")
        expect_at_least(self, 0, "redundancy")
        expect_at_least(self, 1, "projector_hidden", "projector_dimension")


class Tempo(nn.Module):
    """Tempo (Cifci 2023): Barlow Twins (Zbontar et al. 2021) on frames close in time.

    Differs from the code: pairs never cross the border of a film; frames are augmented; the
    projector's batch norm sees both frames of all pairs at once; the projector starts at the
    embedding and not at the backbone's features, so that the embedding is what is learnt.
    """

    Options: ClassVar[type] = TempoOptions
    defaults: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, options: TempoOptions, setting: Setting) -> None:
        """Make the projector of three layers."""
        super().__init__()
        options.check()
        hidden, out = options.projector_hidden, options.projector_dimension
        sizes = (setting.encoder.dimension, hidden, hidden, out)
        self.projector = projection_head(sizes, setting.generator)
        self._redundancy = options.redundancy

    @classmethod
    def unit_length(cls, options: TempoOptions) -> bool:
        """The loss scales each dimension by itself; embeddings are left as they are."""
        return False

    @classmethod
    def sampler(
        cls, options: TempoOptions, episodes: Sequence[FilmedEpisode], batch: BatchOptions
    ) -> Sampler:
        """Pair frames of one film that are close in time."""
        options.check()
        return ProximitySampler(episodes, batch, options.proximity, options.density)

    def forward(self, step: Step) -> Losses:
        """Return the loss of a batch of pairs (2, P)."""
        first, second = self.projector(step.encode().embeddings).chunk(2)  # (P, K) each
        correlation = cross_correlation(first, second)
        invariance, redundancy = barlow_twins(correlation)
        others = correlation.detach() - correlation.detach().diag().diag()
        num_others = max(others.numel() - len(others), 1)
        figures = {
            "agreement": correlation.detach().diagonal().mean(),
            "correlation": (others.square().sum() / num_others).sqrt(),
        }
        terms = {"invariance": invariance, "redundancy": self._redundancy * redundancy}
        return Losses(terms, figures)


def cross_correlation(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Return C_ij, the correlation of dimension i of one with dimension j of the other.

    (Zbontar et al. 2021, eq. 2, with each dimension centred over the batch.)

    Args:
        first: (P, K) float.
        second: (P, K) float; row i is the partner of row i of the first.

    Returns:
        (K, K) in [-1, 1]; 0 where a dimension does not vary, as in a batch of one pair.
    """
    scaled = [_standardise(at_least_float32(values)) for values in (first, second)]
    return scaled[0].T @ scaled[1] / len(first)


def _standardise(values: torch.Tensor) -> torch.Tensor:
    """Return (P, K) with mean 0 and, by the population's variance, standard deviation 1."""
    centred = values - values.mean(dim=0, keepdim=True)
    variance = centred.square().mean(dim=0, keepdim=True)
    return centred / (variance + VARIANCE_EPSILON).sqrt()


def barlow_twins(correlation: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the two sums of the loss (Zbontar et al. 2021, eq. 1).

    Args:
        correlation: (K, K), C.

    Returns:
        sum_i (1 - C_ii)^2, and sum over i != j of C_ij^2, which the loss multiplies by lambda.
    """
    own = correlation.diagonal()
    others = correlation.square().sum() - own.square().sum()
    return (1 - own).square().sum(), others

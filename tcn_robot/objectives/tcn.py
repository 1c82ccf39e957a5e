"""Time-contrastive networks: simultaneous frames together, other moments of the film apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import nn

from tcn_robot.data.sampling import (
    BatchOptions,
    FilmedEpisode,
    MultiViewSampler,
    Radii,
    Sampler,
    SingleViewSampler,
)
from tcn_robot.objectives.info_nce import info_nce, negative_squared_distances
from tcn_robot.objectives.interface import Losses, Setting, Step
from tcn_robot.objectives.moments import (
    Moments,
    NegativeScope,
    negative_mask,
    positive_mask,
    simultaneous_mask,
)
from tcn_robot.objectives.n_pairs import n_pairs
from tcn_robot.objectives.triplet import semi_hard_triplet


@dataclass(frozen=True)
class TcnOptions:
    """Options of `tcn`.

    Attributes:
        pairing: Partners are simultaneous frames of two views, or neighbours in time of one view.
        loss: infonce, triplet or npairs.
        similarity: infonce: minus the squared distance, or the cosine over the temperature.
        negatives: Take negatives from the same episode only (the paper; for films of several
            bodies) or from all (for one body: objects are seen better).
        temperature: infonce with cosines; a large one folds the embedding, and films of the same
            task no longer lie side by side.
        margin: triplet: wanted gap between squared distances.
        regularisation: npairs: weight of the embeddings' squared length.
        positive_radius_seconds: Pairing in time: positives are at most this far.
        negative_radius_seconds: Pairing in time: negatives are further than this.
    """

    pairing: Literal["views", "times"] = "views"
    loss: Literal["infonce", "triplet", "npairs"] = "infonce"
    similarity: Literal["distance", "cosine"] = "distance"
    negatives: NegativeScope = "episode"
    temperature: float = 0.03
    margin: float = 0.2
    regularisation: float = 0.002
    positive_radius_seconds: float = 0.2
    negative_radius_seconds: float = 0.4


class Tcn(nn.Module):
    """TCN (Sermanet et al. 2018), multi-view or single-view, with one of several losses."""

    Options: ClassVar[type] = TcnOptions
    defaults: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, options: TcnOptions, setting: Setting) -> None:
        """Keep the options; there is nothing to train but the encoder."""
        super().__init__()
        self._options = options

    @classmethod
    def unit_length(cls, options: TcnOptions) -> bool:
        """Distances and inner products of any length, cosines and triplets of length 1."""
        return options.loss == "triplet" or (
            options.loss == "infonce" and options.similarity == "cosine"
        )

    @classmethod
    def sampler(
        cls, options: TcnOptions, episodes: Sequence[FilmedEpisode], batch: BatchOptions
    ) -> Sampler:
        """Pair simultaneous frames, or neighbours in time."""
        if options.pairing == "views":
            return MultiViewSampler(episodes, batch)
        radii = Radii(options.positive_radius_seconds, options.negative_radius_seconds)
        return SingleViewSampler(episodes, batch, radii)

    def forward(self, step: Step) -> Losses:
        """Return the loss of a batch of pairs (2, P)."""
        return Losses({self._options.loss: self._loss(step.encode().embeddings, step.moments)})

    def _loss(self, embeddings: torch.Tensor, moments: Moments) -> torch.Tensor:
        options, half = self._options, len(embeddings) // 2
        in_time = options.pairing == "times"
        exclusion_seconds = options.negative_radius_seconds if in_time else 0.0
        negatives = negative_mask(moments, options.negatives, exclusion_seconds)  # (N, N)
        if options.loss == "triplet":
            radius = options.positive_radius_seconds
            positives = positive_mask(moments, radius) if in_time else simultaneous_mask(moments)
            return semi_hard_triplet(embeddings, positives, negatives, options.margin)
        anchors, partners = embeddings[:half], embeddings[half:]
        if options.loss == "npairs":
            return n_pairs(anchors, partners, negatives[:half, half:], options.regularisation)
        if options.similarity == "cosine":
            similarities = anchors @ partners.T / options.temperature  # (P, P)
        else:
            similarities = negative_squared_distances(anchors, partners)
        return info_nce(similarities, negatives[:half, half:])

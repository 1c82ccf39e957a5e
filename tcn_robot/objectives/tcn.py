"""Time-contrastive networks: one moment looks the same from everywhere, other moments do not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import nn

from tcn_robot.data.sampling import (
    BatchOptions,
    FilmedEpisode,
    MultiViewSampler,
    Radii,
    Reach,
    Sampler,
    SingleViewSampler,
)
from tcn_robot.errors import UserError
from tcn_robot.objectives.contrastive import contrastive, pair_distances
from tcn_robot.objectives.distances import at_least_float32, negative_squared_distances
from tcn_robot.objectives.info_nce import info_nce, share_found, soft_info_nce
from tcn_robot.objectives.interface import Losses, Setting, Step
from tcn_robot.objectives.lifted import lifted_structure, lifted_terms
from tcn_robot.objectives.moments import (
    Moments,
    NegativeScope,
    nearness_in_time,
    negative_mask,
    positive_mask,
    simultaneous_mask,
)
from tcn_robot.objectives.n_pairs import n_pairs
from tcn_robot.objectives.triplet import Mining, mine_triplets, triplet_loss
from tcn_robot.option_ranges import expect_above_zero, expect_at_least, expect_read, flag

Pairing = Literal["views", "times"]
LossName = Literal["infonce", "triplet", "npairs", "lifted", "contrastive"]
Similarity = Literal["distance", "cosine"]


@dataclass(frozen=True)
class TcnOptions:
    """What `tcn` can be told.

    Attributes:
        pairing: Partners are simultaneous frames of two cameras (views, multi-view TCN) or
            neighbouring frames of one camera (times, single-view TCN).
        loss: What compares partners with negatives.
        similarity: Of infonce: minus the squared distance in a space without bounds, or the
            cosine divided by the temperature.
        temperature: Of infonce with cosines, 0.03 unless given; a large one folds the embedding,
            and films of the same task no longer lie side by side.
        mining: Of triplet: the nearest negative beyond the positive (semi_hard), the nearest of
            all (hard; from scratch that tends to collapse), or every negative (all).
        negatives: Negatives come from the same episode (the paper; for films of several bodies),
            from others only, or from all (for one body: objects are seen better).
        margin: Of triplet, in squared distance, 0.2 unless given; of lifted and contrastive, in
            distance, 1 unless given.
        regularisation: Of npairs: weight on the embeddings' squared length.
        positive_radius_seconds: With times: positives are at most this far in time, 0.2 unless
            given.
        positive_radius_frames: The same in frames, instead of seconds.
        exclusion_seconds: Frames of one episode this close in time are never negatives; unless
            given 0 with views, and with times twice the positive radius, as in the paper.
        exclusion_frames: The same in frames, instead of seconds; each view counts its own.
        window_frames: Pairs of an episode come from a random stretch of this many frames; 0 for
            the whole episode. The official code has 580; short ones mean harder negatives.
        target_width_seconds: Of infonce: moments of the episode are partners too, the more the
            nearer they are in time, by a bell of this standard deviation (CARL); 0 for the same
            moment alone.
    """

    pairing: Pairing = "views"
    loss: LossName = "infonce"
    similarity: Similarity = "distance"
    temperature: float | None = None
    mining: Mining = "semi_hard"
    negatives: NegativeScope = "episode"
    margin: float | None = None
    regularisation: float = 0.002
    positive_radius_seconds: float | None = None
    positive_radius_frames: int | None = None
    exclusion_seconds: float | None = None
    exclusion_frames: int | None = None
    window_frames: int = 0
    target_width_seconds: float = 0.0

    @property
    def positive_radius(self) -> Reach:
        """How far apart the frames of a positive pair may be, with times."""
        seconds = self.positive_radius_seconds
        return Reach(0.2 if seconds is None else seconds, self.positive_radius_frames)

    @property
    def excluded(self) -> Reach:
        """How far in time negatives begin."""
        if self.exclusion_frames is not None or self.exclusion_seconds is not None:
            return Reach(self.exclusion_seconds or 0.0, self.exclusion_frames)
        if self.pairing == "views":
            return Reach(0.0)
        positive = self.positive_radius
        return Reach(2 * positive.seconds, positive.frames and 2 * positive.frames)

    @property
    def radii(self) -> Radii:
        """Where positives end and negatives begin, with times."""
        return Radii(self.positive_radius, self.excluded)

    def check(self) -> None:
        """Raise a UserError for options that cannot work, or that this loss does not read."""
        expect_above_zero(self, "temperature", "margin")
        exclusions = ("exclusion_seconds", "exclusion_frames")
        at_least_0 = ("regularisation", "window_frames", "target_width_seconds")
        expect_at_least(self, 0, *at_least_0, *exclusions)
        for name in ("exclusion", "positive_radius"):
            if None not in (getattr(self, f"{name}_seconds"), getattr(self, f"{name}_frames")):
                either = flag(name)
                raise UserError(
                    f"expected {either}-seconds or {either}-frames, found both; drop one"
                )
        for chooser, readers in _READ_BY.items():
            expect_read(self, chooser, readers, type(self)())
        if self.pairing == "times":
            self.radii.check()


# Option that chooses -> option -> the choices with which it is read.
_READ_BY: dict[str, dict[str, tuple[object, ...]]] = {
    "loss": {
        "similarity": ("infonce",),
        "temperature": ("infonce",),
        "target_width_seconds": ("infonce",),
        "mining": ("triplet",),
        "margin": ("triplet", "lifted", "contrastive"),
        "regularisation": ("npairs",),
    },
    "similarity": {"temperature": ("cosine",)},
    "negatives": {"target_width_seconds": ("episode", "all")},
    "pairing": {
        "positive_radius_seconds": ("times",),
        "positive_radius_frames": ("times",),
    },
}


class Tcn(nn.Module):
    """TCN (Sermanet et al. 2018): multi-view and single-view, with five losses.

    Differs from the paper: the default loss is InfoNCE over squared distances, the similarity of
    TCC (Dwibedi et al. 2019, section 3.2) and of XIRL's TCN (Zakka et al. 2021). Embeddings have
    any length there: the space has room for all moments, what is far needs no pushing once it is
    a few units away, and films of one task stay side by side. On a sphere, with a large
    temperature, every moment is pushed far from every other until the embedding folds.

    Differs from the official code: a moment's number belongs to one episode only. There labels
    1..n repeat over the sequences of a batch and make false positives.
    """

    Options: ClassVar[type] = TcnOptions
    defaults: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, options: TcnOptions, setting: Setting) -> None:
        """Keep the options; there is nothing to learn here."""
        super().__init__()
        options.check()
        self._options = options

    @classmethod
    def unit_length(cls, options: TcnOptions) -> bool:
        """Return whether the loss is made for embeddings of length 1."""
        if options.loss == "infonce":
            return options.similarity == "cosine"
        return options.loss in ("triplet", "contrastive")

    @classmethod
    def sampler(
        cls,
        options: TcnOptions,
        episodes: Sequence[FilmedEpisode],
        batch: BatchOptions,
    ) -> Sampler:
        """Return the sampler of the pairing."""
        options.check()
        window_frames, negatives = options.window_frames, options.negatives
        if options.pairing == "views":
            return MultiViewSampler(episodes, batch, window_frames, negatives, options.excluded)
        partners_only = options.loss in ("infonce", "npairs")
        return SingleViewSampler(
            episodes, batch, options.radii, window_frames, negatives, partners_only
        )

    def forward(self, step: Step) -> Losses:
        """Return the loss of one batch of pairs."""
        return time_contrastive_loss(step.encode().embeddings, step.moments, self._options)


def time_contrastive_loss(
    embeddings: torch.Tensor, moments: Moments, options: TcnOptions
) -> Losses:
    """Return the loss of embeddings and what there is to say about it.

    Args:
        embeddings: (N, D) float, the N / 2 anchors, then their positives in the same order.
        moments: What they show.
        options: Which loss.
    """
    return LOSSES[options.loss](at_least_float32(embeddings), moments, options)


def _info_nce(e: torch.Tensor, moments: Moments, options: TcnOptions) -> Losses:
    anchors, positives = e.chunk(2)  # (P, D) each
    half = len(anchors)
    mask = negative_mask(moments, options.negatives, options.excluded)[:half, half:]
    if options.similarity == "cosine":
        cosines = F.normalize(anchors, dim=1) @ F.normalize(positives, dim=1).T  # (P, P)
        similarities = cosines / (0.03 if options.temperature is None else options.temperature)
    else:
        similarities = negative_squared_distances(anchors, positives)
    if options.target_width_seconds:
        nearness = nearness_in_time(moments, options.target_width_seconds)[:half, half:]
        loss = soft_info_nce(similarities, mask, nearness)
    else:
        loss = info_nce(similarities, mask)
    return Losses({"infonce": loss}, {"found": share_found(similarities, mask)})


def _n_pairs(e: torch.Tensor, moments: Moments, options: TcnOptions) -> Losses:
    anchors, positives = e.chunk(2)  # (P, D) each
    half = len(anchors)
    mask = negative_mask(moments, options.negatives, options.excluded)[:half, half:]
    loss = n_pairs(anchors, positives, mask, options.regularisation)
    found = share_found(anchors @ positives.T, mask)
    length = e.detach().norm(dim=1).mean()
    return Losses({"npairs": loss}, {"found": found, "length": length})


def _masks(moments: Moments, options: TcnOptions) -> tuple[torch.Tensor, torch.Tensor]:
    """Return positives and negatives among all frames, (N, N) each: every frame is an anchor."""
    negatives = negative_mask(moments, options.negatives, options.excluded)
    if options.pairing == "views":
        return simultaneous_mask(moments), negatives
    return positive_mask(moments, options.positive_radius), negatives


def _margin(options: TcnOptions, customary: float) -> float:
    return customary if options.margin is None else options.margin


def _mean(values: torch.Tensor) -> torch.Tensor:
    """Return the mean without gradient, 0 of nothing."""
    return values.detach().float().sum() / max(len(values), 1)


def _triplet(e: torch.Tensor, moments: Moments, options: TcnOptions) -> Losses:
    margin = _margin(options, 0.2)
    near, far = mine_triplets(e, *_masks(moments, options), options.mining)
    loss = triplet_loss(near, far, margin, options.mining)
    figures = {
        "active": _mean(margin + near - far > 0),
        "positive_distance": _mean(near),
        "negative_distance": _mean(far),
    }
    return Losses({"triplet": loss}, figures)


def _lifted(e: torch.Tensor, moments: Moments, options: TcnOptions) -> Losses:
    terms = lifted_terms(e, *_masks(moments, options), _margin(options, 1.0))
    return Losses({"lifted": lifted_structure(terms)}, {"active": _mean(terms > 0)})


def _contrastive(e: torch.Tensor, moments: Moments, options: TcnOptions) -> Losses:
    margin = _margin(options, 1.0)
    near, far = pair_distances(e, *_masks(moments, options))
    figures = {
        "active": _mean(far < margin),
        "positive_distance": _mean(near),
        "negative_distance": _mean(far),
    }
    return Losses({"contrastive": contrastive(near, far, margin)}, figures)


LossFunction = Callable[[torch.Tensor, Moments, TcnOptions], Losses]
LOSSES: dict[str, LossFunction] = {
    "infonce": _info_nce,
    "triplet": _triplet,
    "npairs": _n_pairs,
    "lifted": _lifted,
    "contrastive": _contrastive,
}

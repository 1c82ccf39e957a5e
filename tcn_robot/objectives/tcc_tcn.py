"""TCC and TCN on one batch: films aligned with each other, moments of a film kept apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import nn

from tcn_robot.data.sampling import BatchOptions, FilmedEpisode, Sampler
from tcn_robot.data.sampling.paired_sequences import PairedSequenceSampler, Partners
from tcn_robot.errors import UserError
from tcn_robot.objectives.interface import Losses, Setting, Step
from tcn_robot.objectives.moments import Moments
from tcn_robot.objectives.n_pairs import n_pairs
from tcn_robot.objectives.tcc import CycleOptions, cycle_losses, film_times, pairs_of_films
from tcn_robot.option_ranges import expect_at_least, expect_read


@dataclass(frozen=True)
class TccTcnOptions(CycleOptions):
    """Options of `tcc_tcn`.

    Attributes:
        partners: TCN's positives are frames of the same view shortly before (the released code),
            or the simultaneous frames of another view.
        window_frames: partners times: a positive is at most this many frames before its anchor,
            and nothing this near is a negative.
        cycle_weight: Weight of the cycle loss; TCN's is 1 minus this.
        regularisation: Weight of the embeddings' squared length in TCN's n-pairs.
    """

    partners: Partners = "times"
    window_frames: int = 5
    cycle_weight: float = 0.5
    regularisation: float = 0.002

    def check(self) -> None:
        """Raise UserError for numbers that cannot work."""
        super().check()
        if not 0 <= self.cycle_weight <= 1:
            raise UserError(f"--cycle-weight must be from 0 to 1, found {self.cycle_weight}")
        expect_at_least(self, 0, "regularisation")
        expect_at_least(self, 1, "window_frames")
        expect_read(self, "partners", {"window_frames": ("times",)}, TccTcnOptions())


class TccTcn(nn.Module):
    """TCC + TCN (Dwibedi et al. 2019, section 5.4), n-pairs within each film.

    Differs from the released code, which adds shuffle-and-learn to both (weights .33, .33, .34):
    here they are two. A frame within the window of an anchor is no negative of it; there, only
    the anchor's own positive is not.
    """

    Options: ClassVar[type] = TccTcnOptions
    defaults: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, options: TccTcnOptions, setting: Setting) -> None:
        """Keep the options; there is nothing to train but the encoder."""
        super().__init__()
        options.check()
        self._options = options

    @classmethod
    def unit_length(cls, options: TccTcnOptions) -> bool:
        """Embeddings of any length: n-pairs compares inner products."""
        return False

    @classmethod
    def sampler(
        cls, options: TccTcnOptions, episodes: Sequence[FilmedEpisode], batch: BatchOptions
    ) -> Sampler:
        """Draw ordered frames of whole films, each with a partner."""
        return PairedSequenceSampler(episodes, batch, options.partners, options.window_frames)

    def forward(self, step: Step) -> Losses:
        """Return both losses of a batch of films and partners (2, V, T)."""
        options, moments = self._options, step.moments
        _, num_films, num_frames = moments.shape
        anchors, positives = step.encode().embeddings.chunk(2)  # (V * T, D) each
        episode = moments.episode[: len(anchors)].reshape(num_films, num_frames)[:, 0]
        cycles = cycle_losses(
            anchors.unflatten(0, (num_films, num_frames)),
            film_times(moments, options.normalise_indices),
            pairs_of_films(episode, "films"),
            options,
        )
        contrast = n_pairs(
            anchors, positives, self._negatives(moments, len(anchors)), options.regularisation
        )
        terms = {
            "cycle": options.cycle_weight * cycles.terms["cycle"],
            "npairs": (1 - options.cycle_weight) * contrast,
        }
        return Losses(terms, cycles.figures)

    def _negatives(self, moments: Moments, half: int) -> torch.Tensor:
        """Mark which positives j may be negatives of which anchors i, (V * T, V * T) bool."""
        same_film = torch.eq(moments.episode[:half, None], moments.episode[None, half:])
        other = torch.ne(moments.moment[:half, None], moments.moment[None, half:])
        if self._options.partners == "views":
            return same_film & other
        gap = (moments.frame[:half, None] - moments.frame[None, half:]).abs()
        return same_film & (gap > self._options.window_frames)

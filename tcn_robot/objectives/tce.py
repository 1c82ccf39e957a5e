"""Temporally coherent embeddings: neighbouring frames together, films apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from tcn_robot.data.film_table import film_table
from tcn_robot.data.sampling import AdjacentFrameSampler, BatchOptions, FilmedEpisode, Sampler
from tcn_robot.errors import UserError
from tcn_robot.objectives.curriculum import choose_negatives, masked_share, mining_threshold
from tcn_robot.objectives.film_entries import FilmEntries, entries_per_film, most_own_entries
from tcn_robot.objectives.interface import Losses, Setting, Step
from tcn_robot.objectives.memory_bank import MemoryBank
from tcn_robot.objectives.noise_contrastive import (
    estimate_log_normaliser,
    noise_contrastive_loss,
)
from tcn_robot.objectives.rotation import RotationHead, draw_turns, turned
from tcn_robot.option_ranges import expect_above_zero, expect_at_least, expect_within, flag


@dataclass(frozen=True)
class TceOptions:
    """Options of `tce`.

    Attributes:
        nce_temperature: T of the noise-contrastive loss.
        frame_padding: Distance of anchor and positive in frames, at least 1.
        bank_negatives: K, entries that an anchor is held against; at most all but its own (paper:
            8192 of 240,000). With all of them mining would choose nothing.
        bank_momentum: Share of the old entry when the bank is updated; 0 overwrites.
        bank_slots: Entries per film, that is per view of an episode; at most one a frame. 1 is the
            paper's, which only tells films apart; more split a film into that many equal
            stretches, and other stretches of it are negatives too.
        normaliser_momentum: Share of the old Z that a batch leaves; 1 holds the first batch's
            (the paper), less follows the network.
        mining: Whether negatives are mined by the curriculum or drawn at random.
        mining_low: Largest cosine of a mined negative at the start, in [-1, 1].
        mining_high: Where that goes, in [mining_low, 1].
        mining_rate: How fast it goes there, at least 0.
        rotation_weight: Weight of the rotation task; 0 leaves it out and halves the work.
    """

    nce_temperature: float = 0.07
    frame_padding: int = 1
    bank_negatives: int = 64
    bank_momentum: float = 0.5
    bank_slots: int = 4
    normaliser_momentum: float = 0.9
    mining: bool = True
    mining_low: float = -1.0
    mining_high: float = 1.0
    mining_rate: float = 5.0
    rotation_weight: float = 1.0

    def check(self) -> None:
        """Raise UserError for numbers that cannot work."""
        expect_at_least(self, 1, "frame_padding", "bank_negatives", "bank_slots")
        expect_at_least(self, 0, "mining_rate", "rotation_weight")
        expect_within(self, 0, 1, "bank_momentum", "normaliser_momentum")
        expect_above_zero(self, "nce_temperature")
        if not -1 <= self.mining_low <= self.mining_high <= 1:
            raise UserError(
                "expected -1 <= --mining-low <= --mining-high <= 1, found "
                f"{self.mining_low} and {self.mining_high}: both are cosines"
            )
        if not self.mining:
            self._check_unread()

    def _check_unread(self) -> None:
        """Refuse what only mining reads."""
        usual = TceOptions()
        for name in ("mining_low", "mining_high", "mining_rate"):
            value, option = getattr(self, name), flag(name)
            if value != getattr(usual, name):
                raise UserError(
                    f"{option} {value} is for --mining, found --no-mining; leave {option} out"
                )


class Tce(nn.Module):
    """TCE (Knights et al. 2020), with an NCE loss, a memory bank, a curriculum and rotations.

    The loss is NCE(anchor, its neighbour, entries of other films) + rotation_weight * cross
    entropy of the four rotations. A film's entry remembers how its anchors were embedded last.

    Differs from the paper: what the other views of an episode saw at the same time is no negative
    either; by default a film has 4 entries, K is 64 and Z follows the network. Films of one task
    look so alike that one entry each leaves nothing to tell apart, and the embedding collapses;
    SIGReg holds it open. The presets `tce` and `tce_2020` have the paper's numbers and no SIGReg.
    All frames of a batch are turned for the rotation task, not one per film. The released code's
    faults are named where each part does it right: `AdjacentFrameSampler`, `mining_threshold`,
    `choose_negatives`, `MemoryBank`, `estimate_log_normaliser`.
    """

    Options: ClassVar[type] = TceOptions
    # Without batch norm all frames look alike at first, and what pushes them off the bank moves
    # them all together: the embedding collapses. The paper's ResNets have it. What is left of the
    # bank's entries is their age: on films of one task an embedding that drifts answers them with
    # one or two directions, unless something holds it open.
    defaults: ClassVar[Mapping[str, Any]] = {"norm": "batch", "sigreg_weight": 0.05}

    def __init__(self, options: TceOptions, setting: Setting) -> None:
        """Make the bank and the rotation head.

        Raises:
            UserError: If an option cannot work, or no entry is left to be a negative.
        """
        super().__init__()
        options.check()
        self._options = options
        counts = _entries(options, setting.film_frames)
        self.num_negatives = num_negatives(options, counts)
        self.entries = FilmEntries(counts)
        self.bank = MemoryBank(len(self.entries), setting.encoder.dimension, setting.generator)
        self.rotation_head = (
            RotationHead(setting.encoder.feature_width, setting.generator)
            if options.rotation_weight
            else None
        )

    @classmethod
    def unit_length(cls, options: TceOptions) -> bool:
        """Cosines decide, so embeddings have length 1."""
        return True

    @classmethod
    def sampler(
        cls, options: TceOptions, episodes: Sequence[FilmedEpisode], batch: BatchOptions
    ) -> Sampler:
        """Pair neighbouring frames, one anchor per film; say how many negatives it has."""
        sampler = AdjacentFrameSampler(episodes, batch, options.frame_padding)
        sampler.notes += _bank_note(options, _entries(options, film_table(episodes).lengths))
        return sampler

    def forward(self, step: Step) -> Losses:
        """Return the losses of a batch of pairs (2, P), and update the bank in training mode."""
        encoded = step.encode()
        terms, figures = self._contrast(encoded.embeddings, step)
        if self.rotation_head is not None:
            rotation, accuracy = self._rotation(step, self.rotation_head)
            terms["rotation"] = self._options.rotation_weight * rotation
            figures["rotation_accuracy"] = accuracy
        return Losses(terms, figures)

    def _contrast(
        self, embeddings: torch.Tensor, step: Step
    ) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
        options = self._options
        vectors = F.normalize(embeddings.float(), dim=1)
        anchors, partners = vectors.unflatten(0, step.moments.shape)  # (P, D) each
        own = self.entries.own(step.moments)  # (P, n)
        cosines = self.bank.cosines(anchors)  # (P, n)
        threshold = self._threshold(step.progress)
        order = torch.rand(len(self.bank), generator=step.generator).to(cosines.device)
        chosen = choose_negatives(cosines, own, threshold, self.num_negatives, order)
        positive_cosines, negative_cosines = (
            (anchors * partners).sum(dim=1),
            cosines.gather(1, chosen),
        )
        estimate = estimate_log_normaliser(cosines / options.nce_temperature, ~own)
        log_normaliser = self.bank.follow_normaliser(
            estimate, options.normaliser_momentum, keep=self.training
        )
        loss = noise_contrastive_loss(
            positive_cosines / options.nce_temperature,
            negative_cosines / options.nce_temperature,
            log_normaliser,
            len(self.bank),
        )
        if self.training:
            places = self.entries.places(step.moments)[: len(anchors)]
            self.bank.update(places, anchors.detach(), options.bank_momentum)
        figures = {
            "positive_cosine": positive_cosines.detach().mean(),
            "negative_cosine": negative_cosines.detach().mean(),
            "masked_share": masked_share(cosines, own, threshold),
        }
        if threshold is not None:
            figures["mining_threshold"] = cosines.new_tensor(threshold)
        return {"nce": loss}, figures

    def _threshold(self, progress: float) -> float | None:
        options = self._options
        if not options.mining:
            return None
        low, high = options.mining_low, options.mining_high
        return mining_threshold(low, high, options.mining_rate, progress)

    def _rotation(self, step: Step, head: nn.Module) -> tuple[torch.Tensor, torch.Tensor]:
        """Return cross entropy and accuracy of the four rotations of all frames."""
        turns = draw_turns(len(step.moments), step.generator).to(step.moments.episode.device)
        encoded = step.encode(change=lambda images, rows: turned(images, turns[rows]))
        scores = head(encoded.features)  # (N, 4)
        accuracy = (scores.argmax(dim=1) == turns).float().mean()
        return F.cross_entropy(scores, turns), accuracy


def _entries(options: TceOptions, film_frames: np.ndarray) -> np.ndarray:
    return entries_per_film(film_frames, options.frame_padding, options.bank_slots)


def num_negatives(options: TceOptions, counts: np.ndarray) -> int:
    """Return K = min(bank_negatives, what is left of the bank).

    An anchor's own entry is never a negative, nor what other views saw then; with several slots
    neither is its positive's.

    Args:
        options: How many are wanted.
        counts: int64 (E, V), entries of each film.

    Raises:
        UserError: If nothing is left.
    """
    left = int(counts.sum()) - most_own_entries(counts)
    if left < 1:
        raise UserError(
            "tce expects a memory bank with room for a negative, found "
            f"{np.count_nonzero(counts.any(axis=1))} films with up to {options.bank_slots} "
            "entries each; record more films"
        )
    return min(options.bank_negatives, left)


def _bank_note(options: TceOptions, counts: np.ndarray) -> tuple[str, ...]:
    """Say aloud how many negatives an anchor has, and when they are fewer than were asked for."""
    found = num_negatives(options, counts)
    said = f"the memory bank has {counts.sum()} entries: an anchor has {found} negatives"
    if found < options.bank_negatives:
        mined = ", so that mining chooses nothing" if options.mining else ""
        said += f" instead of {options.bank_negatives}, all there are{mined}"
    return (said,)

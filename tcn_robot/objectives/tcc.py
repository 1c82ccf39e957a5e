"""Temporal cycle consistency: frames of two films that are each other's nearest belong together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import nn

from tcn_robot.data.sampling import BatchOptions, FilmedEpisode, Sampler
from tcn_robot.data.sampling.sequences import Across, SequenceSampler
from tcn_robot.errors import UserError
from tcn_robot.objectives.cycle_consistency import (
    Similarity,
    cycle_classification,
    cycle_huber_error,
    cycle_logits,
    cycle_squared_error,
    cycle_squared_error_by_variance,
    time_of_return,
)
from tcn_robot.objectives.interface import Losses, Setting, Step
from tcn_robot.objectives.moments import Moments
from tcn_robot.option_ranges import (
    expect_above_zero,
    expect_at_least,
    expect_read,
)

CycleLoss = Literal["regression_mse_var", "regression_mse", "regression_huber", "classification"]


@dataclass(frozen=True)
class CycleOptions:
    """How a cycle from film to film and back is judged; the defaults are the released code's.

    Attributes:
        cycle_loss: By the squared error of the time of return over its variance, the squared
            error alone, its Huber loss, or as a classification of the frame.
        similarity: Minus the squared distance over the length of an embedding, or the cosine.
        temperature: Similarities are divided by it; small: only the nearest frame counts.
        normalise_indices: Count time in shares of the film instead of frames (not for
            classification).
        label_smoothing: classification: share of the target that is spread over all frames.
        log_variance_weight: regression_mse_var: weight of log(variance).
        huber_delta: regression_huber: where the loss turns from squared to straight.
    """

    cycle_loss: CycleLoss = "regression_mse_var"
    similarity: Similarity = "distance"
    temperature: float = 0.1
    normalise_indices: bool = True
    label_smoothing: float = 0.1
    log_variance_weight: float = 0.001
    huber_delta: float = 0.1

    def check(self) -> None:
        """Raise UserError for numbers that cannot work."""
        expect_above_zero(self, "temperature", "huber_delta")
        expect_at_least(self, 0, "log_variance_weight")
        if not 0 <= self.label_smoothing < 1:
            raise UserError(
                f"--label-smoothing must be from 0 to below 1, found {self.label_smoothing}"
            )
        expect_read(self, "cycle_loss", _READ_BY_CYCLE_LOSS, CycleOptions())


_READ_BY_CYCLE_LOSS: dict[str, tuple[object, ...]] = {
    "label_smoothing": ("classification",),
    "log_variance_weight": ("regression_mse_var",),
    "huber_delta": ("regression_huber",),
}


@dataclass(frozen=True)
class TccOptions(CycleOptions):
    """Options of `tcc`.

    Attributes:
        cycle: Between films of different episodes (the paper), between two views of one episode,
            or both.
    """

    cycle: Across = "films"


class Tcc(nn.Module):
    """TCC (Dwibedi et al. 2019): cycles over all ordered pairs of films in a batch.

    Differs from the released code: two frames of context per embedding are an option of the
    encoder and off by default; cosines are cosines and not divided by the length of an embedding;
    the variance has a floor. Its stochastic matching, random cycles through several films, is left
    out: all cycles of a batch cost less than one forward pass.
    """

    Options: ClassVar[type] = TccOptions
    defaults: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, options: TccOptions, setting: Setting) -> None:
        """Keep the options; there is nothing to train but the encoder."""
        super().__init__()
        options.check()
        self._options = options

    @classmethod
    def unit_length(cls, options: TccOptions) -> bool:
        """Distances of any length, as in the released code; cosines of length 1."""
        return options.similarity == "cosine"

    @classmethod
    def sampler(
        cls, options: TccOptions, episodes: Sequence[FilmedEpisode], batch: BatchOptions
    ) -> Sampler:
        """Draw ordered frames of whole films."""
        return SequenceSampler(episodes, batch, options.cycle)

    def forward(self, step: Step) -> Losses:
        """Return the loss of a batch of films (V, T)."""
        num_films, num_frames = step.moments.shape
        embeddings = step.encode().embeddings.unflatten(0, (num_films, num_frames))  # (V, T, D)
        pairs = pairs_of_films(
            step.moments.episode.reshape(num_films, num_frames)[:, 0], self._options.cycle
        )
        times = film_times(step.moments, self._options.normalise_indices)  # (V, T)
        return cycle_losses(embeddings, times, pairs, self._options)


def pairs_of_films(episode: torch.Tensor, across: Across) -> tuple[torch.Tensor, torch.Tensor]:
    """Return all ordered pairs of films that a cycle may run between.

    Args:
        episode: (V,) int64, of each film.
        across: Films of different episodes, of one episode, or both.

    Returns:
        Two (C,) int64: where cycles begin, and where they turn.
    """
    same = torch.eq(episode[:, None], episode[None, :])  # (V, V)
    other = ~torch.eye(len(episode), dtype=torch.bool, device=episode.device)
    allowed = {"films": ~same, "views": same & other, "both": other}[across]
    begin, turn = allowed.nonzero(as_tuple=True)
    return begin, turn


def film_times(moments: Moments, normalise: bool) -> torch.Tensor:
    """Return when the frames of each film were taken, (V, T) float32 of a batch (V, T).

    Args:
        moments: The batch, of shape (..., V, T); the first V films of it count.
        normalise: In shares of the film instead of frames.
    """
    frames = moments.frame.float()
    times = frames / moments.film_frames if normalise else frames
    return times.reshape(-1, *moments.shape[-2:])[0]


def cycle_losses(
    embeddings: torch.Tensor,
    times: torch.Tensor,
    pairs: tuple[torch.Tensor, torch.Tensor],
    options: CycleOptions,
) -> Losses:
    """Return the loss of the cycles between films, and how many come back.

    Args:
        embeddings: (V, T, D), of V films of T frames.
        times: (V, T), of the frames.
        pairs: Two (C,) int64, as `pairs_of_films` returns them.
        options: How a cycle is judged.

    Returns:
        The term "cycle"; the figures "cycle_accuracy", share of frames that come back to
        themselves, and "cycle_error", mean distance of the time of return in the unit of `times`.
        Without pairs the term is 0, with a working backward pass.
    """
    begin, turn = pairs
    if len(begin) == 0:
        return Losses({"cycle": (embeddings * 0).sum()})
    # Under bf16 the squares of a distance would cancel to nothing.
    embeddings = embeddings.to(torch.promote_types(embeddings.dtype, torch.float32))
    times = times.to(embeddings.dtype)[begin]  # (C, T)
    logits = cycle_logits(
        embeddings[begin], embeddings[turn], options.similarity, options.temperature
    )
    if options.cycle_loss == "classification":
        loss = cycle_classification(logits, times, options.label_smoothing)
    elif options.cycle_loss == "regression_mse":
        loss = cycle_squared_error(logits, times)
    elif options.cycle_loss == "regression_huber":
        loss = cycle_huber_error(logits, times, options.huber_delta)
    else:
        loss = cycle_squared_error_by_variance(logits, times, options.log_variance_weight)
    with torch.no_grad():
        found = times.gather(1, logits.argmax(dim=2))
        figures = {
            "cycle_accuracy": torch.eq(found, times).to(times.dtype).mean(),
            "cycle_error": (time_of_return(logits, times)[0] - times).abs().mean(),
        }
    return Losses({"cycle": loss}, figures)

"""What an objective looks like, what it is built for, and what it sees of one step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np
import torch

from tcn_robot.data.sampling import BatchOptions, FilmedEpisode, Sampler
from tcn_robot.objectives.moments import Moments

# Frames (n, S, S, 3) or clips (n, T, S, S, 3) from 0 to 255, and their places in the batch (n,).
Change = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


class TrainableEncoder(Protocol):
    """An encoder as far as an objective is concerned; an nn.Module.

    Attributes:
        dimension: Length D of an embedding.
        feature_width: Length F of what the last head makes the embedding of.
    """

    @property
    def dimension(self) -> int:
        """Return D."""

    @property
    def feature_width(self) -> int:
        """Return F."""

    def features(self, images: torch.Tensor, body: torch.Tensor | None = None) -> torch.Tensor:
        """Return (N, F) of frames (N, S, S, 3) or clips (N, T, S, S, 3), 0 to 255.

        `body` int64 (N,) is there for encoders with statistics per body; the step hands it on.
        """

    def project(self, features: torch.Tensor) -> torch.Tensor:
        """Return embeddings (N, D) of features (N, F), of any length."""

    def normalise(self, embeddings: torch.Tensor) -> torch.Tensor:
        """Return embeddings (N, D) of length 1, where that is wanted."""


@dataclass(frozen=True)
class Setting:
    """What an objective is built for.

    Attributes:
        encoder: What is trained; an objective may copy it (a target network), but not make it a
            submodule of its own.
        film_frames: int64 (E, V), frames of each view of each training episode, 0 where an episode
            has no such view; `Moments.episode` and `Moments.view` are places in it.
        generator: Draws the initial weights of heads.
    """

    encoder: TrainableEncoder
    film_frames: np.ndarray
    generator: torch.Generator


@dataclass(frozen=True)
class Encoded:
    """What the encoder made of a batch, all of it on every process.

    Attributes:
        features: (N, F) float32, what the last head starts from.
        embeddings: (N, D) float32.
    """

    features: torch.Tensor
    embeddings: torch.Tensor


class Step(Protocol):
    """One batch as an objective sees it.

    Attributes:
        moments: Where its N frames come from.
        progress: Share of the training that is done, from 0 to below 1.
        first: Whether this is the first batch of an optimisation step; false for those that are
            accumulated with it.
        generator: On the CPU; gives the same numbers on every process.
    """

    moments: Moments
    progress: float
    first: bool
    generator: torch.Generator

    def encode(
        self, change: Change | None = None, network: TrainableEncoder | None = None
    ) -> Encoded:
        """Embed the batch, with gradients.

        Args:
            change: Called with images (n, …) and their places in the batch (n,) before they are
                embedded; returns other images of that shape, in new memory.
            network: Embeds instead of the encoder that is trained, without gradients.
        """


@dataclass(frozen=True)
class Losses:
    """What a batch costs.

    Attributes:
        terms: Scalars with their weights; their sum is minimised.
        figures: Scalars that are only logged.
    """

    terms: Mapping[str, torch.Tensor]
    figures: Mapping[str, torch.Tensor] = field(default_factory=dict)


class Objective(Protocol):
    """What an embedding is trained for; an nn.Module.

    Heads, memory banks and target networks are its parameters and buffers, so that a checkpoint
    has them. Everything behind `step.encode` happens on the whole batch on every process: an
    objective knows nothing of processes.

    Attributes:
        Options: Frozen dataclass, every field typed and with a default; a method `check()`, if it
            has one, raises UserError for values that cannot work, before a run folder is made.
        defaults: Other parts' options by flat name that suit it better than the usual defaults,
            such as {"batch_frames": 128}; {} if there are none.
    """

    Options: ClassVar[type]
    defaults: ClassVar[Mapping[str, Any]]

    def __init__(self, options: Any, setting: Setting) -> None:
        """Make heads and buffers."""

    @classmethod
    def unit_length(cls, options: Any) -> bool:
        """Return whether embeddings have length 1 unless the user says otherwise."""

    @classmethod
    def sampler(
        cls, options: Any, episodes: Sequence[FilmedEpisode], batch: BatchOptions
    ) -> Sampler:
        """Return what draws the batches; raise UserError when nothing can be drawn."""

    def __call__(self, step: Step) -> Losses:
        """Return the losses of a batch."""

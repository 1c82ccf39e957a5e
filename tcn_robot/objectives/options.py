"""Options of the objectives, and what every objective looks like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

import torch

from tcn_robot.objectives.moments import Moments, NegativeScope

Pairing = Literal["views", "times"]


@dataclass(frozen=True)
class ObjectiveOptions:
    """What the objectives can be told; each reads what it needs.

    Attributes:
        negatives: Where negatives may come from, see `moments.negative_mask`.
        temperature: T of the InfoNCE objectives on unit vectors (tcn_cosine, svtcn_infonce).
        margin: The triplet's margin, in squared distance between unit vectors.
        regularisation: n-pairs' weight on the embeddings' squared length.
        positive_radius_seconds: Single view: frames this close are positives.
        negative_radius_seconds: Single view: only frames further than this are negatives.
    """

    negatives: NegativeScope = "episode"
    temperature: float = 0.03
    margin: float = 0.2
    regularisation: float = 0.002
    positive_radius_seconds: float = 0.2
    negative_radius_seconds: float = 0.4


class Objective(Protocol):
    """A loss over a batch of embeddings; made from `ObjectiveOptions`.

    Attributes:
        pairing: "views": partners are simultaneous frames of two cameras; "times": partners are
            neighbouring frames of one camera.
        unit_length: Whether the encoder must return vectors of length 1.
    """

    pairing: ClassVar[Pairing]
    unit_length: ClassVar[bool]

    def __init__(self, options: ObjectiveOptions) -> None:
        """Keep the options."""

    def __call__(self, embeddings: torch.Tensor, moments: Moments) -> torch.Tensor:
        """Return the scalar loss of embeddings (N, D), anchors first, then their positives."""

"""InfoNCE: find the anchor's partner among the other moments."""

from __future__ import annotations

from typing import ClassVar

import torch

from tcn_robot.objectives.moments import Moments, negative_mask
from tcn_robot.objectives.options import ObjectiveOptions, Pairing


def info_nce(similarities: torch.Tensor, negatives: torch.Tensor) -> torch.Tensor:
    """Return the symmetric InfoNCE loss (van den Oord et al. 2018, eq. 4; SimCLR, eq. 1).

    For anchor i the candidates are its own positive and the positives j with negatives[i, j]:
    -log( exp(s_ii) / sum_candidates exp(s_ij) ), averaged over i, and the mean of that and the
    same with anchors and positives exchanged.

    Args:
        similarities: (P, P) float, [i, j] of anchor i and positive j, any real number; row i and
            column i belong together.
        negatives: (P, P) bool, [i, j]: p_j may be a negative of a_i. The diagonal is ignored.

    Returns:
        Scalar. log(1 + negatives per anchor) if all are equally similar; an anchor without
        negatives adds 0.
    """
    own = torch.eye(len(similarities), dtype=torch.bool, device=similarities.device)
    candidates = similarities.masked_fill(~(negatives | own), -torch.inf)
    forward, backward = candidates.logsumexp(dim=1), candidates.logsumexp(dim=0)
    return ((forward + backward) / 2 - similarities.diagonal()).mean()


def negative_squared_distances(anchors: torch.Tensor, positives: torch.Tensor) -> torch.Tensor:
    """Return -|a_i - p_j|^2, (P, D) and (P, D) -> (P, P) in (-inf, 0].

    From the differences themselves: the expanded square loses half of the digits where anchor and
    positive nearly meet, which is where the loss is decided.
    """
    return -(anchors[:, None] - positives[None]).square().sum(dim=-1)


class MultiViewInfoNCE:
    """TCN with simultaneous frames of two cameras as pairs and InfoNCE over squared distances.

    Embeddings have any length: the space has room for all moments, what is far needs no pushing
    once it is a few units away, and films of one task stay side by side. There is no temperature,
    since the encoder learns the unit of distance.

    Differs from the paper (Sermanet et al. 2018), which uses triplets, n-pairs and lifted
    structure. The similarity is that of TCC (Dwibedi et al. 2019, section 3.2) and of XIRL's TCN
    (Zakka et al. 2021).
    """

    pairing: ClassVar[Pairing] = "views"
    unit_length: ClassVar[bool] = False

    def __init__(self, options: ObjectiveOptions) -> None:
        """Keep the negative scope."""
        self._options = options

    def __call__(self, embeddings: torch.Tensor, moments: Moments) -> torch.Tensor:
        """Return the loss of embeddings (N, D), anchors first."""
        half = len(embeddings) // 2
        mask = negative_mask(moments, self._options.negatives)[:half, half:]
        return info_nce(negative_squared_distances(embeddings[:half], embeddings[half:]), mask)


class MultiViewCosineInfoNCE:
    """The same with unit vectors and a . p / T as similarity, as SimCLR has it.

    A sphere is small: with a large temperature every moment is pushed far from every other, the
    embedding folds, and films of the same task no longer lie side by side.
    """

    pairing: ClassVar[Pairing] = "views"
    unit_length: ClassVar[bool] = True

    def __init__(self, options: ObjectiveOptions) -> None:
        """Keep temperature and negative scope."""
        self._options = options

    def _exclusion_seconds(self) -> float:
        return 0.0

    def __call__(self, embeddings: torch.Tensor, moments: Moments) -> torch.Tensor:
        """Return the loss of embeddings (N, D), anchors first."""
        half = len(embeddings) // 2
        mask = negative_mask(moments, self._options.negatives, self._exclusion_seconds())
        cosines = embeddings[:half] @ embeddings[half:].T  # (P, P)
        return info_nce(cosines / self._options.temperature, mask[:half, half:])


class SingleViewInfoNCE(MultiViewCosineInfoNCE):
    """TCN from one camera: partners are close in time, negatives far in time, loss InfoNCE."""

    pairing: ClassVar[Pairing] = "times"

    def _exclusion_seconds(self) -> float:
        return self._options.negative_radius_seconds

"""InfoNCE: find the anchor's partner among the other moments of its film."""

from __future__ import annotations

from typing import ClassVar

import torch

from tcn_robot.objectives.moments import Moments, negative_mask
from tcn_robot.objectives.options import ObjectiveOptions, Pairing


def info_nce(
    anchors: torch.Tensor,
    positives: torch.Tensor,
    negatives: torch.Tensor,
    temperature: float,
) -> torch.Tensor:
    """Return the symmetric InfoNCE loss (van den Oord et al. 2018, eq. 4; SimCLR, eq. 1).

    For anchor i the candidates are its own positive and the positives j with negatives[i, j]:
    -log( exp(a_i . p_i / T) / sum_candidates exp(a_i . p_j / T) ), averaged over i, and the mean
    of that and the same with anchors and positives exchanged.

    Args:
        anchors: (P, D) float, unit length.
        positives: (P, D) float, unit length; row i is the partner of anchor i.
        negatives: (P, P) bool, [i, j]: p_j may be a negative of a_i. The diagonal is ignored.
        temperature: T > 0.

    Returns:
        Scalar. log(1 + negatives per anchor) if all embeddings are equal; an anchor without
        negatives adds 0.
    """
    logits = anchors @ positives.T / temperature  # (P, P)
    own = torch.eye(len(logits), dtype=torch.bool, device=logits.device)
    candidates = logits.masked_fill(~(negatives | own), -torch.inf)
    forward, backward = candidates.logsumexp(dim=1), candidates.logsumexp(dim=0)
    return ((forward + backward) / 2 - logits.diagonal()).mean()


class MultiViewInfoNCE:
    """TCN with simultaneous frames of two cameras as pairs and InfoNCE as the loss.

    Differs from the paper (Sermanet et al. 2018), which uses triplets, n-pairs and lifted
    structure: InfoNCE reaches the same end in far fewer steps on small batches.
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
        return info_nce(
            embeddings[:half],
            embeddings[half:],
            mask[:half, half:],
            self._options.temperature,
        )


class SingleViewInfoNCE(MultiViewInfoNCE):
    """TCN from one camera: partners are close in time, negatives far in time, loss InfoNCE."""

    pairing: ClassVar[Pairing] = "times"

    def _exclusion_seconds(self) -> float:
        return self._options.negative_radius_seconds

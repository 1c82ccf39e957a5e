"""InfoNCE: find the anchor's partner among the other moments."""

from __future__ import annotations

import torch


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

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


def soft_info_nce(
    similarities: torch.Tensor, negatives: torch.Tensor, nearness: torch.Tensor
) -> torch.Tensor:
    """Return InfoNCE with a share of every candidate that is nearly the anchor's moment.

    Sequence contrastive loss (CARL, Chen et al. 2022, eq. 2 and 3): the cross-entropy
    -sum_j q_ij log p_ij of p_ij = exp(s_ij) / sum_candidates exp(s_ij) and
    q_ij = nearness_ij / sum_candidates nearness_ij, averaged over i, and the mean of that and the
    same with anchors and positives exchanged.

    Differs from the paper, which minimises the divergence of q and p: the cross-entropy has the
    same gradient, and with a nearness of 0 but on the diagonal it is `info_nce`.

    Args:
        similarities: (P, P) float, [i, j] of anchor i and positive j; row i and column i belong
            together.
        negatives: (P, P) bool, [i, j]: p_j is a candidate of a_i; the diagonal always is.
        nearness: (P, P), at least 0, above 0 on the diagonal: the larger, the more of a_i's
            target p_j gets. It counts among candidates only.

    Returns:
        Scalar. log(1 + negatives per anchor) if all are equally similar; an anchor without
        negatives adds 0.
    """
    own = torch.eye(len(similarities), dtype=torch.bool, device=similarities.device)
    shown = negatives | own
    masked = similarities.masked_fill(~shown, -torch.inf)
    wanted = nearness.masked_fill(~shown, 0.0)
    losses = []
    for axis in (1, 0):
        target = wanted / wanted.sum(dim=axis, keepdim=True)
        found = (target * similarities).sum(dim=axis)
        losses.append(masked.logsumexp(dim=axis) - found)
    return torch.stack(losses).mean()


def share_found(similarities: torch.Tensor, negatives: torch.Tensor) -> torch.Tensor:
    """Return the share of anchors that are more similar to their partner than to any negative.

    Args:
        similarities: (P, P), as for `info_nce`.
        negatives: (P, P) bool.

    Returns:
        Scalar from 0 to 1, without gradient; a tie is not found, so that a collapsed embedding
        has 0 and not 1. Anchors without a negative are left out; 0 when none has one.
    """
    own = torch.eye(len(similarities), dtype=torch.bool, device=similarities.device)
    others = similarities.detach().masked_fill(~negatives | own, -torch.inf)
    asked = (negatives & ~own).any(dim=1)
    found = (similarities.detach().diagonal() > others.amax(dim=1)) & asked
    return found.sum() / asked.sum().clamp(min=1)

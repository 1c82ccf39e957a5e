"""N-pairs loss: softmax over inner products, with embeddings of any length."""

from __future__ import annotations

import torch


def n_pairs(
    anchors: torch.Tensor,
    positives: torch.Tensor,
    negatives: torch.Tensor,
    regularisation: float,
) -> torch.Tensor:
    """Return the multi-class n-pair loss (Sohn 2016, eq. 7, with the L2 term of its section 3.2).

    mean_i -log( exp(a_i . p_i) / sum_j exp(a_i . p_j) ) over j = i and negatives[i, j], plus
    regularisation / 4 * (mean_i |a_i|^2 + mean_i |p_i|^2), as in TCN's official code.

    Args:
        anchors: (P, D) float, not normalised.
        positives: (P, D) float; row i is the partner of anchor i.
        negatives: (P, P) bool, [i, j]: p_j may be a negative of a_i. The diagonal is ignored.
        regularisation: Weight of the squared lengths (official: 0.002).

    Returns:
        Scalar.
    """
    logits = anchors @ positives.T  # (P, P)
    own = torch.eye(len(logits), dtype=torch.bool, device=logits.device)
    total = logits.masked_fill(~(negatives | own), -torch.inf).logsumexp(dim=1)
    lengths = anchors.square().sum(dim=1).mean() + positives.square().sum(dim=1).mean()
    return (total - logits.diagonal()).mean() + 0.25 * regularisation * lengths

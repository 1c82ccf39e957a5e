"""Noise-contrastive estimation: tell the true partner from noise drawn out of a memory bank."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F


def noise_contrastive_loss(
    positives: torch.Tensor,
    negatives: torch.Tensor,
    log_normaliser: torch.Tensor | float,
    bank_size: int,
) -> torch.Tensor:
    """Return the NCE loss (Wu et al. 2018, eq. 5 to 7; TCE, Knights et al. 2020, section III).

    With P(s) = exp(s) / Z, noise that takes each of the n entries equally often and K noise
    samples per anchor, the chance that a sample of score s is data and not noise is
    h(s) = P(s) / (P(s) + K / n). The loss is

        mean_i -( log h(positives_i) + sum_j log(1 - h(negatives_ij)) )

    Computed as log-sigmoids of s - log Z - log(K / n), which neither overflows nor needs the
    1e-7 that the released codes add to the denominators.

    Args:
        positives: (P,) float, v . p / T of each anchor and its positive.
        negatives: (P, K) float, v . m / T of each anchor and its K samples of noise.
        log_normaliser: log Z, a constant of the training; see `estimate_log_normaliser`.
        bank_size: n, the number of entries that noise is drawn from.

    Returns:
        Scalar. (1 + K) log 2 when every score is log Z + log(K / n). Without anchors 0, with a
        working backward pass.
    """
    num_anchors, num_noise = negatives.shape
    if num_anchors == 0 or num_noise == 0:
        return (positives.sum() + negatives.sum()) * 0.0
    indifferent = log_normaliser + math.log(num_noise / bank_size)
    is_data = F.logsigmoid(positives - indifferent)  # (P,)
    is_noise = F.logsigmoid(indifferent - negatives)  # (P, K)
    return -(is_data + is_noise.sum(dim=1)).mean()


def estimate_log_normaliser(scores: torch.Tensor, usable: torch.Tensor) -> torch.Tensor:
    """Return log Z for Z = n * mean exp(score), the Monte Carlo estimate of Wu et al. (eq. 8).

    Z stands for the sum of exp(v . m / T) over all n entries. It is estimated once, from the first
    batch, and then held, as Wu et al. do.

    Differs from TCE's released code, which counts each anchor's positive among the K + 1 scores.
    An untrained network gives neighbouring frames a cosine near 1, and exp(1 / 0.07) is a million
    times a typical score: Z then says that only a cosine above that first one is data. Here Z is
    made of entries alone, as in Wu et al., for whom the first positive is a random entry too.

    Args:
        scores: (P, n) float, v . m / T of anchors and all entries.
        usable: (P, n) bool, the entries that count: all but those of the anchor's own film.

    Returns:
        Scalar, detached.
    """
    counted = scores.detach().masked_fill(~usable, -torch.inf).flatten()
    log_mean = counted.logsumexp(dim=0) - usable.sum().to(counted.dtype).log()
    return log_mean + math.log(scores.shape[1])

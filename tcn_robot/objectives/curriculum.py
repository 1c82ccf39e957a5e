"""A curriculum of mined negatives: harder ones are allowed as the training goes on."""

from __future__ import annotations

import math

import torch

# Subtracted from the random order, so that every mined entry (cosine >= -1) goes before it.
BELOW_ANY_COSINE = 3.0


def mining_threshold(low: float, high: float, rate: float, progress: float) -> float:
    """Return the largest cosine that counts as a fair negative now (TCE, section III).

    low + (high - low) * (1 - exp(-rate * progress)): `low` at the start, near `high` at the end.

    Differs from TCE's released code, which lost the minus in the exponent: its threshold falls
    from -1 to -296, so every entry is masked and no hard negative is ever used.

    Args:
        low: Threshold at the start, in [-1, 1].
        high: Where it goes, in [low, 1].
        rate: How fast, at least 0.
        progress: Share of the training that is done, in [0, 1].

    Returns:
        In [low, high].
    """
    return low + (high - low) * -math.expm1(-rate * progress)


def choose_negatives(
    cosines: torch.Tensor,
    excluded: torch.Tensor,
    threshold: float | None,
    count: int,
    order: torch.Tensor,
) -> torch.Tensor:
    """Choose the entries that each anchor is held against.

    Entries with a cosine of at least the threshold are too hard yet. Of the others the `count`
    hardest (largest cosine) are taken; where there are fewer, random ones of the rest, too hard or
    not, fill up. No entry is chosen twice for an anchor.

    Differs from TCE's released code, where an anchor's own film is among its hard negatives, and
    where random ones may repeat.

    Args:
        cosines: (P, n) float, of anchors and entries.
        excluded: (P, n) bool, entries that are never a negative of that anchor: its own film.
        threshold: See `mining_threshold`; None chooses all at random.
        count: K, at most the number of entries of every row that are not excluded.
        order: (n,) float in [0, 1), random; the largest of them are the random ones. All anchors
            share it: each sees a uniform choice without repetition, for n random numbers a batch
            instead of P * n.

    Returns:
        (P, count) int64.
    """
    shared = (order - BELOW_ANY_COSINE).to(cosines.dtype).expand_as(cosines)
    rank = shared
    if threshold is not None:
        rank = torch.where(cosines < threshold, cosines.detach(), shared)
    return rank.masked_fill(excluded, -torch.inf).topk(count, dim=1).indices


def masked_share(
    cosines: torch.Tensor, excluded: torch.Tensor, threshold: float | None
) -> torch.Tensor:
    """Return the share of entries, excluded ones apart, that are too hard yet; scalar in [0, 1]."""
    if threshold is None:
        return cosines.new_zeros(())
    too_hard = (cosines.detach() >= threshold) & ~excluded
    return too_hard.sum() / (~excluded).sum().clamp(min=1)

"""Temporal cycle consistency (Dwibedi et al. 2019): from film to film and back to the same frame.

Frame t of film u has a soft nearest neighbour in film v; that one's nearest frame in u should be
t again. All functions take C cycles at once, each of T frames there and back.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F

Similarity = Literal["distance", "cosine"]

# Added to the variance of where a cycle ends, which underflows where one frame takes it all. In
# shares of a film it is the square of a thousandth, below the distance of two frames.
VARIANCE_FLOOR = 1e-6


def cycle_logits(
    first: torch.Tensor, second: torch.Tensor, similarity: Similarity, temperature: float
) -> torch.Tensor:
    """Return how strongly each frame of u, sent to v and back, returns to each frame of u.

    The soft nearest neighbour of u_t is sum_j softmax_j(s(u_t, v_j)) v_j (eq. 1); the result is
    its similarity to each frame of u, before the softmax of eq. 2 and 3. s(x, y) is
    -|x - y|^2 / (D * temperature), as the released code has it (the paper has no D and no
    temperature), or the cosine / temperature.

    Args:
        first: (C, T, D) float, u of each cycle.
        second: (C, S, D) float, v of each cycle.
        similarity: Squared distance or cosine.
        temperature: Small: only the nearest frame counts.

    Returns:
        (C, T, T): [c, t, i] of the frame that left u at t and comes back at i.
    """
    there = _similarities(first, second, similarity, temperature)  # (C, T, S)
    neighbours = there.softmax(dim=2) @ second  # (C, T, D)
    return _similarities(neighbours, first, similarity, temperature)


def _similarities(
    first: torch.Tensor, second: torch.Tensor, similarity: Similarity, temperature: float
) -> torch.Tensor:
    """Return the similarities (C, T, S) of (C, T, D) and (C, S, D)."""
    if similarity == "cosine":
        return F.normalize(first, dim=2) @ F.normalize(second, dim=2).mT / temperature
    # Squares cancel less around the middle; a distance does not know where the origin is.
    middle = second.detach().mean(dim=1, keepdim=True)  # (C, 1, D)
    first, second = first - middle, second - middle
    squares = first.square().sum(dim=2)[:, :, None] + second.square().sum(dim=2)[:, None, :]
    return (2 * first @ second.mT - squares) / (first.shape[2] * temperature)


def cycle_classification(
    logits: torch.Tensor, times: torch.Tensor, label_smoothing: float
) -> torch.Tensor:
    """Return the cycle-back classification loss (eq. 2): cross-entropy with the frame of departure.

    Args:
        logits: (C, T, T), as `cycle_logits` returns them.
        times: (C, T), when the frames of u were taken, in any unit. Frames with the same time are
            the same frame and share the target.
        label_smoothing: Share of the target that is spread over all frames (code: 0.1).

    Returns:
        Scalar; log(T) if every return is as likely.
    """
    same = torch.eq(times[:, :, None], times[:, None, :]).to(logits.dtype)  # (C, T, T)
    targets = same / same.sum(dim=2, keepdim=True)
    return F.cross_entropy(
        logits.flatten(0, 1), targets.flatten(0, 1), label_smoothing=label_smoothing
    )


def time_of_return(logits: torch.Tensor, times: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return mean and variance of when the cycles come back (eq. 3 and the text below it).

    Args:
        logits: (C, T, T), as `cycle_logits` returns them.
        times: (C, T), when the frames of u were taken.

    Returns:
        (C, T) mean in the unit of `times`, and (C, T) variance in its square.
    """
    shares = logits.softmax(dim=2)  # (C, T, T)
    mean = (shares * times[:, None, :]).sum(dim=2)
    variance = (shares * (times[:, None, :] - mean[:, :, None]).square()).sum(dim=2)
    return mean, variance


def cycle_squared_error(logits: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
    """Return the mean of (t - mu)^2 over all cycles: cycle-back regression without variance."""
    mean, _ = time_of_return(logits, times)
    return (times - mean).square().mean()


def cycle_squared_error_by_variance(
    logits: torch.Tensor, times: torch.Tensor, variance_weight: float
) -> torch.Tensor:
    """Return the cycle-back regression loss (eq. 4): mean of (t - mu)^2 / var + weight * log(var).

    The paper has log(sigma) with lambda = 0.001; the released code, followed here, has log(var) =
    2 log(sigma) with the same number. Our variance has a floor, `VARIANCE_FLOOR`.
    """
    mean, variance = time_of_return(logits, times)
    variance = variance + VARIANCE_FLOOR
    return ((times - mean).square() / variance + variance_weight * variance.log()).mean()


def cycle_huber_error(logits: torch.Tensor, times: torch.Tensor, delta: float) -> torch.Tensor:
    """Return the mean Huber loss of t - mu: squared up to `delta`, straight beyond it (code: 0.1).

    Only in the released code, not in the paper.
    """
    mean, _ = time_of_return(logits, times)
    return F.huber_loss(mean, times, delta=delta)

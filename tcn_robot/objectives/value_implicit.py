"""The dual value objective of VIP (Ma et al. 2022, arXiv 2210.00030).

From the formulas of the paper only; its code is not free for every use.
The value of a frame o for a goal frame g is V(o; g) = -|phi(o) - phi(g)|: the embedding's distance
is the discounted number of steps to the goal. The reward is 0 at the goal and -1 before it.
"""

from __future__ import annotations

import math

import torch


def attraction(starts: torch.Tensor, goals: torch.Tensor, discount: float) -> torch.Tensor:
    """Return (1 - gamma) * mean of -V(o_0; g): first frames are drawn to their goals.

    Args:
        starts: (P, D) float, embeddings of the first frames of P stretches of film.
        goals: (P, D), of their last frames.
        discount: gamma, from 0 to below 1.

    Returns:
        Scalar, at least 0.
    """
    return (1 - discount) * _distances(starts, goals).mean()


def step_excess(
    before: torch.Tensor, after: torch.Tensor, goals: torch.Tensor, discount: float
) -> torch.Tensor:
    """Return V(o_k; g) + 1 - gamma * V(o_{k+1}; g), the negative temporal-difference error.

    0 where the distance to the goal falls by one discounted step, |o_k - g| = 1 + gamma
    |o_{k+1} - g|; above 0 where it falls by less.

    Args:
        before: (..., D) float, frames o_k.
        after: (..., D), the frames o_{k+1} right after them.
        goals: (..., D).
        discount: gamma.

    Returns:
        (...), any real number.
    """
    return 1 + discount * _distances(after, goals) - _distances(before, goals)


def log_mean_exp(values: torch.Tensor, counted: torch.Tensor | None = None) -> torch.Tensor:
    """Return log(mean(exp(values))) over all values, or over those marked in `counted`.

    Returns:
        Scalar; 0, with a working backward pass, when no value is counted.
    """
    if counted is None:
        return values.flatten().logsumexp(dim=0) - math.log(values.numel())
    if not bool(counted.any()):
        return (values * 0).sum()
    chosen = values[counted]
    return chosen.logsumexp(dim=0) - math.log(len(chosen))


def _distances(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Return |x - y| over the last axis; the gradient where both meet is 0."""
    return torch.linalg.vector_norm(first - second, dim=-1)

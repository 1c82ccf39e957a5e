"""The arithmetic of path integral policy improvement, as pure functions.

PI²: Theodorou, Buchli, Schaal 2010, "A Generalized Path Integral Control Approach to Reinforcement
Learning", table 1. Its covariance and its black-box form: Stulp, Sigaud 2012, "Path Integral Policy
Improvement with Covariance Matrix Adaptation", section 3. Costs are minus rewards. N rollouts, H
steps, P parameters; noise is constant during a rollout, as in the second paper.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def costs_to_go(costs: Array) -> Array:
    """Return what each rollout still costs from each step on, `S_i = sum_{j >= i} q_j`.

    Args:
        costs: (N, H), of each step.

    Returns:
        (N, H). The control cost of table 1 is left out: noise is not punished.
    """
    return np.cumsum(costs[:, ::-1], axis=1)[:, ::-1]


def probabilities(costs: Array, sharpness: float) -> Array:
    """Return `P_k = exp(-h (S_k - min S) / (max S - min S)) / sum_k exp(...)`, step by step.

    Args:
        costs: (N, H), costs to go.
        sharpness: h > 0; both papers have 10.

    Returns:
        (N, H), each column sums to 1; all equal where all rollouts cost the same.
    """
    above = costs - costs.min(axis=0)
    span = above.max(axis=0)
    weights = np.exp(-sharpness * above / np.where(span > 0.0, span, 1.0))  # (N, H)
    return np.asarray(weights / weights.sum(axis=0))


def step_weights(basis: Array, action_size: int) -> Array:
    """Return how much each step says of each parameter, `(H - i) |B_ij|`, scaled to sum to 1.

    Early steps count most, as their costs to go hold most of the rollout; a step in which a basis
    function is zero says nothing of its weight (table 1, last but one line). A function that is
    zero throughout gets equal weights.

    Args:
        basis: (H, K).
        action_size: Parts of an action, A.

    Returns:
        (H, K * A).
    """
    steps = len(basis)
    weights = np.arange(steps, 0.0, -1.0)[:, None] * np.abs(basis)  # (H, K)
    idle = weights.sum(axis=0) == 0.0
    weights[:, idle] = 1.0
    return np.repeat(weights / weights.sum(axis=0), action_size, axis=1)


def mean_update(shares: Array, noise: Array, weights: Array) -> Array:
    """Return the change of the mean: `sum_i w_i sum_k P_ik noise_k`, for each parameter.

    Args:
        shares: (N, H), the probabilities.
        noise: (N, P).
        weights: (H, P), of the steps.

    Returns:
        (P,).
    """
    return np.asarray((weights * (shares.T @ noise)).sum(axis=0))


def weighted_covariance(shares: Array, noise: Array) -> Array:
    """Return `sum_i (H - i) sum_k P_ik noise_k noise_k^T / sum_i (H - i)`.

    Args:
        shares: (N, H).
        noise: (N, P), from the mean that the rollouts were drawn around.

    Returns:
        (P, P), symmetric, no negative eigenvalue.
    """
    steps = shares.shape[1]
    time = np.arange(steps, 0.0, -1.0)
    per_rollout = shares @ (time / time.sum())  # (N,), since the noise is the same at all steps
    return np.asarray((noise * per_rollout[:, None]).T @ noise)


def bounded_covariance(covariance: Array, lowest: float, highest: float) -> Array:
    """Return the covariance with its standard deviations kept within bounds, along its own axes.

    Args:
        covariance: (P, P), symmetric.
        lowest: Smallest standard deviation that is left along any axis.
        highest: Largest one.
    """
    values, axes = np.linalg.eigh(covariance)
    return np.asarray((axes * np.clip(values, lowest**2, highest**2)) @ axes.T)


def orthogonal_normals(generator: np.random.Generator, count: int, size: int) -> Array:
    """Draw standard normal vectors of which as many as can be are at right angles to each other.

    Each row by itself is a standard normal vector, as long as one is and in any direction alike. In
    blocks of `size` rows they are orthogonal: so few of them say something of every direction.

    Args:
        generator: Draws them.
        count: Number of vectors, N.
        size: Numbers of each, P.

    Returns:
        (N, P).
    """
    drawn = generator.standard_normal((count, size))
    blocks = []
    for start in range(0, count, size):
        block = drawn[start : start + size]
        axes, triangle = np.linalg.qr(block.T)
        # The sign that makes it Gram and Schmidt's, without which directions are not all alike.
        axes = axes * np.where(np.diag(triangle) < 0.0, -1.0, 1.0)
        blocks.append(axes.T * np.linalg.norm(block, axis=1)[:, None])
    return np.concatenate(blocks)

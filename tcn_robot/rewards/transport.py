"""Matching of two films by optimal transport in a band around their common time.

After TemporalOT, "Robot Policy Learning with Temporal Optimal Transport Reward" (Fu et al., NeurIPS
2024): costs of a context of frames, a mask that keeps to a similar time, an entropic plan.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Largest error of the plan's column sums, as a share of the mass, at which iterating stops, and how
# often that is looked at.
MASS_TOLERANCE = 1e-9
CHECK_EVERY = 10


def context_costs(costs: Array, context: int) -> Array:
    """Average each cost with those of the moments before it, (T, J) -> (T, J).

    `out[t, j]` is the mean of `costs[max(t - h, 0), max(j - h, 0)]` for h from 0 to context - 1.

    Differs from the paper, which looks ahead: moments to come are not known online.

    Args:
        costs: (T, J).
        context: How many moments, >= 1.
    """
    frames, shown = (np.arange(size) for size in costs.shape)
    earlier = [
        costs[np.maximum(frames - h, 0)[:, None], np.maximum(shown - h, 0)[None, :]]
        for h in range(context)
    ]
    return np.asarray(np.mean(earlier, axis=0))


def band_mask(frames: int, shown: int, band: int) -> NDArray[np.bool_]:
    """Return which moments may be matched, bool (frames, shown).

    Frame t stands for the share [t / T, (t + 1) / T) of its film and may be matched with all that
    overlap with it in the other, and with `band` more on each side. So each band admits a plan,
    whatever the lengths are; for equal ones it is |t - j| <= band, as in the paper.
    """
    t, j = np.arange(frames), np.arange(shown)
    first = t * shown // frames  # (T,)
    last = -((t + 1) * shown // -frames) - 1
    return np.asarray((j >= first[:, None] - band) & (j <= last[:, None] + band))


def transport_plan(
    costs: Array, mask: NDArray[np.bool_], epsilon: float, iterations: int = 100
) -> Array:
    """Return the entropic plan between two films of uniform mass, (T, J) -> (T, J).

    It minimises `sum(plan * costs) + epsilon * sum(plan * (log(plan) - 1))` over the plans within
    the mask whose rows sum to 1 / T and columns to 1 / J, by Sinkhorn's iterations in logarithms
    (Cuturi 2013; Peyre and Cuturi 2019, section 4.4). The rows sum exactly, the columns up to what
    the iterations have left.

    Args:
        costs: (T, J), finite.
        mask: (T, J), what may be matched; each row and column has some.
        epsilon: Regularisation in the unit of the costs, > 0; the smaller, the more iterations.
        iterations: At most; fewer once the columns sum to 1 / J within 1e-9.
    """
    frames, shown = costs.shape
    kernel = np.where(mask, -costs / epsilon, -np.inf)
    rows = np.zeros((frames, 1))
    for iteration in range(1, iterations + 1):
        columns = -np.log(shown) - _log_sum_exp(kernel + rows, axis=0)
        scaled = kernel + columns
        rows = -np.log(frames) - _log_sum_exp(scaled, axis=1)
        if iteration % CHECK_EVERY == 0:
            masses = np.exp(scaled + rows).sum(axis=0)
            if np.abs(masses * shown - 1.0).max() <= MASS_TOLERANCE:
                break
    return np.asarray(np.exp(scaled + rows))


def _log_sum_exp(values: Array, axis: int) -> Array:
    """Return log(sum(exp(values))) along an axis that stays; SciPy's takes several times longer."""
    largest = values.max(axis=axis, keepdims=True)
    return np.asarray(largest + np.log(np.exp(values - largest).sum(axis=axis, keepdims=True)))


def transport_scores(
    costs: Array, band: int, context: int, epsilon: float, iterations: int
) -> Array:
    """Return minus the mean cost of what each frame is matched with, (T, J) -> (T,), <= 0.

    Differs from the paper by a factor T, which makes films of all lengths comparable:
    `-T sum_j plan[t, j] costs[t, j]`.

    Args:
        costs: (T, J) of a film's frames and a demonstration's, >= 0.
        band: See `band_mask`.
        context: See `context_costs`.
        epsilon: See `transport_plan`.
        iterations: See `transport_plan`.
    """
    smoothed = context_costs(costs, context)
    plan = transport_plan(
        smoothed, band_mask(len(costs), costs.shape[1], band), epsilon, iterations
    )
    return np.asarray(-len(costs) * (plan * smoothed).sum(axis=1))

"""How well the frames of a demonstration have been covered, in its order.

After ORCA, "Imitation Learning from a Single Temporally Misaligned Video" (Huey et al., ICML 2025).
With P[t, j] the similarity of frame t to the demonstration's frame j,

    C[t, j] = max(C[t - 1, j], C[t, j - 1] P[t, j]),   C[-1, j] = 0,   C[t, -1] = 1

is the probability that the frames 0 to j have been covered in this order by time t; one moment may
cover several. A[t, j] = C[t, j - 1] P[t, j] is the probability that those before j have been
covered and j is shown now. ORCA's reward is A[t, J - 1].

All of it is computed in the negative logarithm, in which products of many frames do not vanish.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def cover(covered_before: Array, costs: Array) -> tuple[Array, Array]:
    """Take one more moment into account.

    Args:
        covered_before: (R, J), -log C of the moment before; infinity before the first.
        costs: (R, J), -log P of this moment, finite and >= 0.

    Returns:
        covered: (R, J), -log C of this moment.
        before: (R, J), -log C of the frames before each one, 0 for the first.
    """
    passed = np.cumsum(costs, axis=1)  # (R, J), this moment alone covers frames 0 to j at that
    # C[t, j] either is what it was, or one of the former, i, and all from i + 1 to j shown now.
    saved = np.minimum.accumulate(covered_before - passed, axis=1)
    covered = np.minimum(passed + np.minimum(saved, 0.0), covered_before)
    before = np.concatenate([np.zeros((len(costs), 1)), covered[:, :-1]], axis=1)
    return np.maximum(covered, 0.0), np.maximum(before, 0.0)

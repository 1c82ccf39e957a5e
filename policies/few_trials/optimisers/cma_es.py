"""CMA-ES (Hansen 2016), by the package `cma`: it ranks whole rollouts."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

SMALLEST_POPULATION = 3


class CmaEs:
    """Covariance matrix adaptation, from zero, with its own rules for weights and learning rates.

    Only the order of the returns counts, so their scale does not matter.
    """

    def __init__(
        self,
        basis: NDArray[np.float64],
        action_size: int,
        population: int,
        step_size: float,
        generator: np.random.Generator,
    ) -> None:
        """Begin at zero.

        Args:
            basis: (H, K), the controller's.
            action_size: Parts of an action, A.
            population: Rollouts per iteration, >= 3.
            step_size: Standard deviation of the first proposals.
            generator: Draws the proposals.
        """
        import cma

        def normal(count: int, size: int) -> NDArray[np.float64]:
            return generator.standard_normal((count, size))

        # `randn` keeps the package off NumPy's global generator, `seed` nan from seeding it.
        self._strategy = cma.CMAEvolutionStrategy(
            np.zeros(basis.shape[1] * action_size),
            step_size,
            {"popsize": population, "randn": normal, "seed": math.nan, "verbose": -9},
        )

    @property
    def mean(self) -> NDArray[np.float64]:
        """The mean of the distribution, (P,)."""
        return np.array(self._strategy.mean, dtype=np.float64)

    def ask(self) -> NDArray[np.float64]:
        """Draw the next rollouts' parameters, (N, P)."""
        return np.array(self._strategy.ask(), dtype=np.float64)

    def tell(self, parameters: NDArray[np.float64], rewards: NDArray[np.float64]) -> None:
        """Move mean, step size and covariance by the ranks of the returns."""
        # The package takes its own proposals for granted only as the list that it gave out.
        self._strategy.tell(list(parameters), list(-rewards.sum(axis=1)))

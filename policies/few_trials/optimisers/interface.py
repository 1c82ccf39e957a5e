"""What a search asks of an optimiser."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Optimiser(Protocol):
    """Proposes parameters and is told the rewards of their rollouts.

    The same arguments and the same rewards give the same proposals, bit for bit: so a search that
    was stopped goes on by telling a new one what it had been told, and no state is stored.
    """

    @property
    def mean(self) -> NDArray[np.float64]:
        """The parameters that it thinks best, (P,)."""

    def ask(self) -> NDArray[np.float64]:
        """Return the parameters of the next iteration's rollouts, (N, P)."""

    def tell(self, parameters: NDArray[np.float64], rewards: NDArray[np.float64]) -> None:
        """Learn from the rollouts of one iteration.

        Args:
            parameters: (N, P), as `ask` returned them.
            rewards: (N, H), what each step earned, weighted; their sum over the steps is what is
                to be large.
        """

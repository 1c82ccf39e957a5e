"""Path integral policy improvement: rollouts are averaged by their costs to go, step by step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tcn_robot.policies.few_trials.optimisers.path_integrals import (
    bounded_covariance,
    costs_to_go,
    mean_update,
    orthogonal_normals,
    probabilities,
    step_weights,
    weighted_covariance,
)


@dataclass(frozen=True)
class Pi2Options:
    """Options of PI².

    Attributes:
        sharpness: h, how much more the best rollouts count, > 0.
        covariance_rate: Share of the new covariance that is mixed into the old one, in [0, 1].
        lowest_share: Smallest standard deviation of proposals, as a share of the first one.
        highest_share: Largest one, as a share of the first one, >= 1: where the best rollouts lie
            far from the mean on one side, proposals spread along it.
        reused: How many of the best rollouts so far are weighed again with the new ones, >= 0: from
            one start the same actions earn the same, so that they are as good as new.
        per_step: Whether each step has probabilities of its own, from its costs to go; False is
            the black-box form, which sees whole returns only.
    """

    sharpness: float = 10.0
    covariance_rate: float = 0.5
    lowest_share: float = 0.05
    highest_share: float = 2.0
    reused: int = 5
    per_step: bool = True


class Pi2:
    """PI² with an adapted covariance (PI²-CMA); black-box (PI²-BB) by option.

    Differs from the papers: the covariance moves by a rate instead of being replaced, because ten
    rollouts do not determine one of this size, and its axes are bounded on both sides. Proposals of
    an iteration are at right angles to each other, and the best rollouts so far count again.
    """

    def __init__(
        self,
        basis: NDArray[np.float64],
        action_size: int,
        population: int,
        step_size: float,
        generator: np.random.Generator,
        options: Pi2Options | None = None,
    ) -> None:
        """Begin at zero.

        Args:
            basis: (H, K), the controller's.
            action_size: Parts of an action, A.
            population: Rollouts per iteration, >= 2.
            step_size: Standard deviation of the first proposals.
            generator: Draws the proposals.
            options: The options.
        """
        self._options = options or Pi2Options()
        self._population, self._step_size, self._generator = population, step_size, generator
        self._weights = step_weights(basis, action_size)  # (H, P)
        size = self._weights.shape[1]
        self._mean = np.zeros(size)
        self._covariance = step_size**2 * np.eye(size)
        self._best_parameters = np.zeros((0, size))
        self._best_rewards = np.zeros((0, len(basis)))

    @property
    def mean(self) -> NDArray[np.float64]:
        """The mean of the distribution, (P,)."""
        return self._mean.copy()

    def ask(self) -> NDArray[np.float64]:
        """Draw the next rollouts' parameters, (N, P)."""
        values, axes = np.linalg.eigh(self._covariance)
        standard = orthogonal_normals(self._generator, self._population, len(values))
        return self._mean + (standard * np.sqrt(np.maximum(values, 0.0))) @ axes.T

    def tell(self, parameters: NDArray[np.float64], rewards: NDArray[np.float64]) -> None:
        """Move mean and covariance towards the rollouts that cost least, old ones among them."""
        options = self._options
        parameters = np.concatenate([parameters, self._best_parameters])
        rewards = np.concatenate([rewards, self._best_rewards])
        best = np.argsort(-rewards.sum(axis=1), kind="stable")[: options.reused]
        self._best_parameters, self._best_rewards = parameters[best], rewards[best]
        costs = costs_to_go(-rewards)
        if not options.per_step:
            costs = np.repeat(costs[:, :1], costs.shape[1], axis=1)
        shares = probabilities(costs, options.sharpness)
        noise = parameters - self._mean
        self._mean = self._mean + mean_update(shares, noise, self._weights)
        rate = options.covariance_rate
        mixed = (1.0 - rate) * self._covariance + rate * weighted_covariance(shares, noise)
        lowest = options.lowest_share * self._step_size
        self._covariance = bounded_covariance(
            mixed, lowest, options.highest_share * self._step_size
        )

"""What the learner asks of an algorithm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Protocol

if TYPE_CHECKING:
    import torch
    from stable_baselines3.common.base_class import BaseAlgorithm
    from stable_baselines3.common.callbacks import BaseCallback
    from stable_baselines3.common.vec_env import VecEnv

    from tcn_robot.policies.policy import Policy


class Algorithm(Protocol):
    """An algorithm with its options.

    Attributes:
        losses: What is told of an update: {our name: Stable-Baselines3's key in its logger}.
    """

    losses: ClassVar[Mapping[str, str]]

    def step_multiple(self, horizon: int, num_envs: int) -> int:
        """Return of what number of control steps a training is a multiple."""
        ...

    def check_budget(self, steps: int, horizon: int, num_envs: int) -> None:
        """Refuse a training in which nothing can be learnt.

        Raises:
            UserError: With the option and the least that it can be.
        """
        ...

    def make(self, env: VecEnv, *, seed: int, transitions: int, device: str) -> BaseAlgorithm:
        """Return a fresh learner.

        Args:
            env: Vectorised env with flat float32 observations and finite Box actions.
            seed: Seed of the networks, the noise and the sampling.
            transitions: As many as the whole training sees, over all envs.
            device: Torch device.
        """
        ...

    def advance(
        self, learner: BaseAlgorithm, steps: int, horizon: int, callback: BaseCallback
    ) -> None:
        """Train on for a number of control steps, a multiple of `step_multiple`.

        Args:
            learner: One of `make`; without a last observation it resets its envs first.
            steps: Control steps, over all envs.
            horizon: Control steps per episode.
            callback: Called at each step of all envs.
        """
        ...

    def policy_of(self, learner: BaseAlgorithm) -> Policy:
        """Return a copy of what acts without noise."""
        ...

    def optimisers(self, learner: BaseAlgorithm) -> dict[str, torch.optim.Optimizer]:
        """Return the optimisers by name, each with one group of parameters."""
        ...

    def loose_tensors(self, learner: BaseAlgorithm) -> dict[str, torch.Tensor]:
        """Return what is learned outside `learner.policy`, such as a temperature, by name."""
        ...


def last_losses(algorithm: Algorithm, learner: BaseAlgorithm) -> dict[str, float]:
    """Return what the last update said; nothing before the first."""
    seen = learner.logger.name_to_value
    return {name: float(seen[key]) for name, key in algorithm.losses.items() if key in seen}

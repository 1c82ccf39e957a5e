"""What the algorithms with a replay buffer have in common: one update per transition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tcn_robot.errors import UserError
from tcn_robot.policies.algorithms.ranges import above_zero, at_most_one, inside_unit, widths

if TYPE_CHECKING:
    import torch
    from stable_baselines3.common.base_class import BaseAlgorithm
    from stable_baselines3.common.callbacks import BaseCallback


@dataclass(frozen=True)
class OffPolicy:
    """Options of every algorithm with a replay buffer, and what follows from having one.

    Attributes:
        learning_rate: Adam's rate for every network.
        discount: γ per control step, in (0, 1).
        batch_size: Transitions per update.
        hidden_units: Width of each hidden layer of actor and critics.
        learning_starts_steps: Random control steps before the first update.
    """

    learning_rate: float = 7e-4
    discount: float = 0.95
    batch_size: int = 256
    hidden_units: tuple[int, ...] = (128, 128)
    learning_starts_steps: int = 1000

    def __post_init__(self) -> None:
        """Refuse options that cannot work.

        Raises:
            UserError: With the option, what was found and what is expected.
        """
        above_zero(self, "learning_rate", "batch_size", "learning_starts_steps")
        inside_unit(self, "discount")
        widths(self, "hidden_units")

    def step_multiple(self, horizon: int, num_envs: int) -> int:
        """Return the transitions of one step of all envs."""
        return num_envs

    def check_budget(self, steps: int, horizon: int, num_envs: int) -> None:
        """Refuse a training that ends before the first update."""
        if steps <= self.learning_starts_steps:
            raise UserError(
                f"{steps} steps end before the first update, which comes after "
                f"learning_starts_steps = {self.learning_starts_steps}; give more --steps or "
                "fewer --learning-starts"
            )

    def advance(
        self, learner: BaseAlgorithm, steps: int, horizon: int, callback: BaseCallback
    ) -> None:
        """Train on for a number of control steps."""
        learner.learn(steps, callback=callback, log_interval=None, reset_num_timesteps=False)  # type: ignore[arg-type]

    def replay_options(self, seed: int, transitions: int, device: str) -> dict[str, Any]:
        """Return what the constructors of all these learners are given."""
        return {
            "learning_rate": self.learning_rate,
            "gamma": self.discount,
            "batch_size": self.batch_size,
            "learning_starts": self.learning_starts_steps,
            "buffer_size": transitions,
            "gradient_steps": -1,  # one update per transition, however many envs there are
            "seed": seed,
            "device": device,
        }

    def optimisers(self, learner: Any) -> dict[str, torch.optim.Optimizer]:
        """Return those of actor, critics and, where it is learned, temperature."""
        found = {"actor": learner.actor.optimizer, "critic": learner.critic.optimizer}
        temperature = getattr(learner, "ent_coef_optimizer", None)
        return found if temperature is None else found | {"temperature": temperature}

    def loose_tensors(self, learner: Any) -> dict[str, torch.Tensor]:
        """Return the logarithm of the temperature, where it is learned."""
        log_temperature = getattr(learner, "log_ent_coef", None)
        return {} if log_temperature is None else {"log_temperature": log_temperature}


@dataclass(frozen=True)
class SoftTargets(OffPolicy):
    """Options of the algorithms whose targets follow slowly.

    Attributes:
        target_rate: Share τ of the critics that goes over to their targets per update, in (0, 1].
    """

    target_rate: float = 0.005

    def __post_init__(self) -> None:
        """Refuse options that cannot work."""
        super().__post_init__()
        at_most_one(self, "target_rate")

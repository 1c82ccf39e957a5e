"""Proximal policy optimisation: Schulman et al. 2017 (arXiv 1707.06347), with GAE (1506.02438)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from tcn_robot.errors import UserError
from tcn_robot.policies.algorithms.ranges import (
    above_zero,
    at_most_one,
    inside_unit,
    not_below,
    widths,
)

if TYPE_CHECKING:
    import torch
    from stable_baselines3 import PPO
    from stable_baselines3.common.callbacks import BaseCallback
    from stable_baselines3.common.vec_env import VecEnv

    from tcn_robot.policies.policy import Policy


@dataclass(frozen=True)
class Ppo:
    """Stable-Baselines3's PPO, with rollouts of whole episodes.

    Clipping, λ, epochs and the weight of the value are the paper's and Stable-Baselines3's. Rate
    and discount are ours, for short budgets. Advantages are normalised per batch. A rollout is the
    whole number of episodes of all envs nearest to `rollout_steps`, and its batches are equally
    large up to one transition, so no episode is cut and no batch is a remainder.

    Attributes:
        learning_rate: Adam's rate of actor and value.
        discount: γ per control step, in (0, 1).
        batch_size: Transitions per update, evened out over the rollout.
        hidden_units: Width of each hidden layer (tanh) of the actor, and of the value.
        rollout_steps: Control steps between updates, over all envs, fitted to whole episodes.
        epochs: How often each transition of a rollout is used.
        advantage_decay: λ of generalised advantage estimation, in (0, 1].
        clip_range: How far the ratio of probabilities may leave 1.
        entropy_weight: Weight of the entropy in the loss.
        value_weight: Weight of the value's loss.
        largest_gradient: Norm at which gradients are clipped.
        start_log_std: Logarithm of the standard deviation of actions at the start.
    """

    learning_rate: float = 7e-4
    discount: float = 0.95
    batch_size: int = 64
    hidden_units: tuple[int, ...] = (128, 128)
    rollout_steps: int = 1024
    epochs: int = 10
    advantage_decay: float = 0.95
    clip_range: float = 0.2
    entropy_weight: float = 0.0
    value_weight: float = 0.5
    largest_gradient: float = 0.5
    start_log_std: float = 0.0

    losses: ClassVar[Mapping[str, str]] = {
        "policy_loss": "train/policy_gradient_loss",
        "value_loss": "train/value_loss",
        "entropy_loss": "train/entropy_loss",
        "approximate_kl": "train/approx_kl",
        "clipped_share": "train/clip_fraction",
        "explained_variance": "train/explained_variance",
        "action_std": "train/std",
    }

    def __post_init__(self) -> None:
        """Refuse options that cannot work.

        Raises:
            UserError: With the option, what was found and what is expected.
        """
        above_zero(self, "learning_rate", "rollout_steps", "epochs", "clip_range")
        above_zero(self, "largest_gradient")
        not_below(self, 2, "batch_size")  # advantages are normalised over a batch
        not_below(self, 0, "entropy_weight", "value_weight")
        inside_unit(self, "discount")
        at_most_one(self, "advantage_decay")
        not_below(self, -20, "start_log_std")
        widths(self, "hidden_units")

    def step_multiple(self, horizon: int, num_envs: int) -> int:
        """Return the transitions of one episode of all envs."""
        return horizon * num_envs

    def check_budget(self, steps: int, horizon: int, num_envs: int) -> None:
        """Refuse a rollout of a single transition, of which nothing can be normalised."""
        if horizon * num_envs < 2:
            raise UserError(
                f"ppo normalises advantages over a rollout: it needs horizon times num_envs of 2 "
                f"or more, found {horizon} times {num_envs}"
            )

    def make(self, env: VecEnv, *, seed: int, transitions: int, device: str = "cpu") -> PPO:
        """Return a fresh learner; `advance` sets the sizes of rollouts and batches."""
        from stable_baselines3 import PPO

        return PPO(
            "MlpPolicy",
            env,
            learning_rate=self.learning_rate,
            n_steps=2,
            batch_size=2 * env.num_envs,
            n_epochs=self.epochs,
            gamma=self.discount,
            gae_lambda=self.advantage_decay,
            clip_range=self.clip_range,
            ent_coef=self.entropy_weight,
            vf_coef=self.value_weight,
            max_grad_norm=self.largest_gradient,
            policy_kwargs={
                "net_arch": list(self.hidden_units),
                "log_std_init": self.start_log_std,
                "optimizer_kwargs": {"fused": True, "eps": 1e-5},
            },
            seed=seed,
            device=device,
        )

    def advance(self, learner: Any, steps: int, horizon: int, callback: BaseCallback) -> None:
        """Train on for whole rollouts of whole episodes."""
        for rollout in self.rollouts(steps, horizon * learner.n_envs):
            learner.n_steps = rollout // learner.n_envs
            # The buffer allocates itself anew, at this size, when a rollout begins.
            learner.rollout_buffer.buffer_size = learner.n_steps
            batches = max(round(rollout / self.batch_size), 1)
            learner.batch_size = -(-rollout // batches)
            learner.learn(rollout, callback=callback, log_interval=None, reset_num_timesteps=False)

    def rollouts(self, steps: int, round_steps: int) -> Iterator[int]:
        """Yield the control steps of each rollout, as equal as whole episodes allow.

        Args:
            steps: Control steps over all envs, a multiple of `round_steps`.
            round_steps: Control steps of one episode of all envs.
        """
        rounds = steps // round_steps
        count = min(max(round(steps / self.rollout_steps), 1), rounds)
        for index in range(count):
            yield (rounds // count + (index < rounds % count)) * round_steps

    def policy_of(self, learner: Any) -> Policy:
        """Return a copy of the mean of the Gaussian actor, clipped to the actions' range."""
        from tcn_robot.policies.policy import Policy, action_bounds

        trained = learner.policy
        policy = Policy(
            trained.features_dim,
            trained.action_net.out_features,
            self.hidden_units,
            activation="tanh",
            bounding="clip",
            action_range=action_bounds(learner.action_space),
        )
        policy.hidden.load_state_dict(trained.mlp_extractor.policy_net.state_dict())
        policy.mean.load_state_dict(trained.action_net.state_dict())
        return policy.eval()

    def optimisers(self, learner: Any) -> dict[str, torch.optim.Optimizer]:
        """Return the one of actor and value together."""
        return {"actor_critic": learner.policy.optimizer}

    def loose_tensors(self, learner: Any) -> dict[str, torch.Tensor]:
        """Return nothing: all that is learned stands in the policy."""
        return {}

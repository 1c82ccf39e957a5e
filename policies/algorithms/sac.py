"""Soft actor-critic: Haarnoja et al. 2018 (arXiv 1812.05905), automatic temperature included."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from tcn_robot.policies.algorithms.off_policy import SoftTargets

if TYPE_CHECKING:
    from stable_baselines3 import SAC
    from stable_baselines3.common.vec_env import VecEnv

    from tcn_robot.policies.policy import Policy

SOFT_LOSSES = {
    "critic_loss": "train/critic_loss",
    "actor_loss": "train/actor_loss",
    "temperature": "train/ent_coef",
}


@dataclass(frozen=True)
class Sac(SoftTargets):
    """Stable-Baselines3's SAC.

    The paper's rate is 3e-4 and its discount 0.99, for a million steps and more; ours (7e-4, 0.95)
    are for budgets of tens of thousands of steps and episodes of fixed horizon.
    """

    losses: ClassVar[Mapping[str, str]] = SOFT_LOSSES

    def make(self, env: VecEnv, *, seed: int, transitions: int, device: str = "cpu") -> SAC:
        """Return a fresh learner."""
        from stable_baselines3 import SAC

        return SAC(
            "MlpPolicy",
            env,
            tau=self.target_rate,
            # Adam in one operation for all weights; the numbers are the same up to rounding.
            policy_kwargs={
                "net_arch": list(self.hidden_units),
                "optimizer_kwargs": {"fused": True},
            },
            **self.replay_options(seed, transitions, device),
        )

    def policy_of(self, learner: Any) -> Policy:
        """Return a copy of the actor's mean, squashed by tanh."""
        return squashed_policy(learner)


def squashed_policy(learner: Any) -> Policy:
    """Return a copy of the mean of a tanh-squashed Gaussian actor, SAC's and TQC's."""
    from tcn_robot.policies.policy import Policy, action_bounds

    actor = learner.actor
    policy = Policy(
        actor.features_dim,
        actor.mu.out_features,
        tuple(actor.net_arch),
        action_range=action_bounds(learner.action_space),
    )
    policy.hidden.load_state_dict(actor.latent_pi.state_dict())
    policy.mean.load_state_dict(actor.mu.state_dict())
    return policy.eval()

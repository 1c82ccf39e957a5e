"""CrossQ, batch normalisation instead of target networks: Bhatt et al. 2024 (arXiv 1902.05605)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from tcn_robot.policies.algorithms.off_policy import OffPolicy
from tcn_robot.policies.algorithms.ranges import above_zero, at_most_one, not_below, widths
from tcn_robot.policies.algorithms.sac import SOFT_LOSSES

if TYPE_CHECKING:
    from sb3_contrib import CrossQ
    from stable_baselines3.common.vec_env import VecEnv

    from tcn_robot.policies.policy import Policy

# How sb3-contrib calls what a layer of normalisation keeps, and how a policy does.
NORMALISATION_NAMES = {"ra_mean": "mean", "ra_var": "variance", "scale": "scale", "bias": "bias"}


@dataclass(frozen=True)
class Crossq(OffPolicy):
    """sb3-contrib's CrossQ.

    Rate, delay and the short memory of Adam (β1 = 0.5) are the paper's. Its critics are 2,048 wide
    and sb3-contrib's 1,024; ours are narrower, because updates on a processor core are dear.

    Attributes:
        critic_hidden_units: Width of each hidden layer of the critics.
        policy_delay_updates: Updates of the critics per update of actor and temperature.
        batch_norm_momentum: Share of a batch's statistics that goes into the running ones.
    """

    learning_rate: float = 1e-3
    critic_hidden_units: tuple[int, ...] = (256, 256)
    policy_delay_updates: int = 3
    batch_norm_momentum: float = 0.01

    losses: ClassVar[Mapping[str, str]] = SOFT_LOSSES

    def __post_init__(self) -> None:
        """Refuse options that cannot work."""
        super().__post_init__()
        widths(self, "critic_hidden_units")
        above_zero(self, "policy_delay_updates")
        not_below(self, 2, "batch_size")  # a batch of one has no variance
        at_most_one(self, "batch_norm_momentum")

    def make(self, env: VecEnv, *, seed: int, transitions: int, device: str = "cpu") -> CrossQ:
        """Return a fresh learner."""
        from sb3_contrib import CrossQ

        return CrossQ(
            "MlpPolicy",
            env,
            policy_delay=self.policy_delay_updates,
            policy_kwargs={
                "net_arch": {"pi": list(self.hidden_units), "qf": list(self.critic_hidden_units)},
                "batch_norm_momentum": self.batch_norm_momentum,
                "optimizer_kwargs": {"fused": True, "betas": (0.5, 0.999)},
            },
            **self.replay_options(seed, transitions, device),
        )

    def policy_of(self, learner: Any) -> Policy:
        """Return a copy of the actor's mean with its running statistics, squashed by tanh."""
        from tcn_robot.policies.policy import Policy, action_bounds

        actor = learner.actor
        policy = Policy(
            actor.features_dim,
            actor.mu.out_features,
            tuple(actor.net_arch),
            normalised=True,
            normalisation_eps=actor.latent_pi[0].eps,
            action_range=action_bounds(learner.action_space),
        )
        policy.hidden.load_state_dict(_renamed(actor.latent_pi.state_dict()))
        policy.mean.load_state_dict(actor.mu.state_dict())
        return policy.eval()


def _renamed(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return the actor's layers under a policy's names, without the counters of updates."""
    renamed = {}
    for name, tensor in state.items():
        layer, _, kept = name.partition(".")
        if kept != "steps":
            renamed[f"{layer}.{NORMALISATION_NAMES.get(kept, kept)}"] = tensor
    return renamed

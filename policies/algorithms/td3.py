"""Twin delayed deterministic policy gradients: Fujimoto et al. 2018 (arXiv 1802.09477)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from tcn_robot.policies.algorithms.off_policy import SoftTargets
from tcn_robot.policies.algorithms.ranges import above_zero, not_below

if TYPE_CHECKING:
    from stable_baselines3 import TD3
    from stable_baselines3.common.vec_env import VecEnv

    from tcn_robot.policies.policy import Policy


@dataclass(frozen=True)
class Td3(SoftTargets):
    """Stable-Baselines3's TD3.

    Noise, its clipping, the delay and τ are the paper's; rate, discount and widths those of our
    SAC (paper: 1e-3, 0.99, 400 and 300).

    Attributes:
        policy_delay_updates: Updates of the critics per update of the actor and the targets.
        exploration_noise: Standard deviation of what is added to an action, of a range of ±1.
        target_noise: The same for the actions of the target.
        target_noise_clip: Largest noise of the target's actions.
    """

    policy_delay_updates: int = 2
    exploration_noise: float = 0.1
    target_noise: float = 0.2
    target_noise_clip: float = 0.5

    losses: ClassVar[Mapping[str, str]] = {
        "critic_loss": "train/critic_loss",
        "actor_loss": "train/actor_loss",
    }

    def __post_init__(self) -> None:
        """Refuse options that cannot work."""
        super().__post_init__()
        above_zero(self, "policy_delay_updates")
        not_below(self, 0, "exploration_noise", "target_noise", "target_noise_clip")

    def make(self, env: VecEnv, *, seed: int, transitions: int, device: str = "cpu") -> TD3:
        """Return a fresh learner."""
        import numpy as np
        from stable_baselines3 import TD3
        from stable_baselines3.common.noise import NormalActionNoise

        shape = env.action_space.shape or ()
        return TD3(
            "MlpPolicy",
            env,
            tau=self.target_rate,
            policy_delay=self.policy_delay_updates,
            action_noise=NormalActionNoise(np.zeros(shape), np.full(shape, self.exploration_noise)),
            target_policy_noise=self.target_noise,
            target_noise_clip=self.target_noise_clip,
            policy_kwargs={
                "net_arch": list(self.hidden_units),
                "optimizer_kwargs": {"fused": True},
            },
            **self.replay_options(seed, transitions, device),
        )

    def policy_of(self, learner: Any) -> Policy:
        """Return a copy of the deterministic actor."""
        from tcn_robot.policies.policy import Policy, action_bounds

        actor = learner.actor
        *hidden, mean, _ = actor.mu  # the last is the tanh
        policy = Policy(
            actor.features_dim,
            mean.out_features,
            tuple(actor.net_arch),
            action_range=action_bounds(learner.action_space),
        )
        policy.hidden.load_state_dict(actor.mu[: len(hidden)].state_dict())
        policy.mean.load_state_dict(mean.state_dict())
        return policy.eval()

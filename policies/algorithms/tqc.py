"""Truncated quantile critics: Kuznetsov et al. 2020 (arXiv 2005.04269)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from tcn_robot.errors import UserError
from tcn_robot.policies.algorithms.off_policy import SoftTargets
from tcn_robot.policies.algorithms.ranges import above_zero, not_below
from tcn_robot.policies.algorithms.sac import SOFT_LOSSES, squashed_policy

if TYPE_CHECKING:
    from sb3_contrib import TQC
    from stable_baselines3.common.vec_env import VecEnv

    from tcn_robot.policies.policy import Policy


@dataclass(frozen=True)
class Tqc(SoftTargets):
    """sb3-contrib's TQC: SAC with critics of quantiles, the highest of which are dropped.

    Quantiles and dropped ones are the paper's; it has five critics, sb3-contrib and we two. Rate,
    discount and widths are those of our SAC.

    Attributes:
        critics: How many critics.
        quantiles: Quantiles per critic.
        dropped_quantiles: The highest ones left out of the target, per critic.
    """

    critics: int = 2
    quantiles: int = 25
    dropped_quantiles: int = 2

    losses: ClassVar[Mapping[str, str]] = SOFT_LOSSES

    def __post_init__(self) -> None:
        """Refuse options that cannot work."""
        super().__post_init__()
        above_zero(self, "critics", "quantiles")
        not_below(self, 0, "dropped_quantiles")
        if self.dropped_quantiles >= self.quantiles:
            raise UserError(
                f"dropped_quantiles must be below quantiles ({self.quantiles}), found "
                f"{self.dropped_quantiles}"
            )

    def make(self, env: VecEnv, *, seed: int, transitions: int, device: str = "cpu") -> TQC:
        """Return a fresh learner."""
        from sb3_contrib import TQC

        return TQC(
            "MlpPolicy",
            env,
            tau=self.target_rate,
            top_quantiles_to_drop_per_net=self.dropped_quantiles,
            policy_kwargs={
                "net_arch": list(self.hidden_units),
                "n_critics": self.critics,
                "n_quantiles": self.quantiles,
                "optimizer_kwargs": {"fused": True},
            },
            **self.replay_options(seed, transitions, device),
        )

    def policy_of(self, learner: Any) -> Policy:
        """Return a copy of the actor's mean, squashed by tanh."""
        return squashed_policy(learner)

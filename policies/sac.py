"""Stable-Baselines3's SAC with the options that this project compares rewards with.

Soft Actor-Critic: Haarnoja et al. 2018 (arXiv 1812.05905), automatic temperature included.
"""

from __future__ import annotations

from stable_baselines3 import SAC
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.vec_env import VecEnv

LOSSES = {
    "critic_loss": "train/critic_loss",
    "actor_loss": "train/actor_loss",
    "temperature": "train/ent_coef",
}


def make_sac(
    env: VecEnv,
    *,
    seed: int,
    hidden_units: tuple[int, ...] = (128, 128),
    learning_rate: float = 7e-4,
    discount: float = 0.95,
    batch_size: int = 256,
    learning_starts_steps: int = 1000,
    buffer_transitions: int = 100_000,
    device: str = "cpu",
) -> SAC:
    """Return a learner that does one update per transition, however many envs there are.

    Args:
        env: Vectorised env with flat float32 observations and Box(-1, 1) actions.
        seed: Seed of the networks, the noise and the replay sampling.
        hidden_units: Width of each hidden layer of actor and critics.
        learning_rate: Adam's rate for actor, critics and temperature.
        discount: γ per control step.
        batch_size: Transitions per update.
        learning_starts_steps: Random transitions before the first update.
        buffer_transitions: Size of the replay buffer, over all envs.
        device: Torch device.
    """
    learner = SAC(
        "MlpPolicy",
        env,
        learning_rate=learning_rate,
        gamma=discount,
        batch_size=batch_size,
        learning_starts=learning_starts_steps,
        buffer_size=buffer_transitions,
        gradient_steps=-1,
        # Adam in one operation for all weights; the numbers are the same up to rounding.
        policy_kwargs={"net_arch": list(hidden_units), "optimizer_kwargs": {"fused": True}},
        seed=seed,
        device=device,
    )
    learner.set_logger(Logger(folder=None, output_formats=[]))
    return learner


def last_losses(learner: SAC) -> dict[str, float]:
    """Return the losses and the temperature of the last update; nothing before the first."""
    seen = learner.logger.name_to_value
    return {name: float(seen[key]) for name, key in LOSSES.items() if key in seen}

"""Stable-Baselines3's SAC with the same update done in fewer operations.

Soft Actor-Critic: Haarnoja et al. 2018 (arXiv 1812.05905), automatic temperature included. The
losses, their order and the draws of noise are those of Stable-Baselines3; a test compares the
networks after several updates with the original's. What is left out does not change the result:
the gradients of the critics' weights under the actor's loss (thrown away by the original), one
Python object per probability distribution, per-parameter loops (fused Adam, one foreach operation
for the target network).
"""

from __future__ import annotations

from typing import Any

import torch
from stable_baselines3 import SAC
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.type_aliases import ReplayBufferSamples
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.sac.policies import LOG_STD_MAX, LOG_STD_MIN, Actor
from torch import Tensor, nn
from torch.nn import functional

SQUASH_EPSILON = 1e-6
HALF_LOG_TWO_PI = 0.9189385332046727


class LeanSAC(SAC):
    """SAC for flat float32 observations, MLP networks and two critics."""

    def _setup_model(self) -> None:
        super()._setup_model()
        self.set_logger(Logger(folder=None, output_formats=[]))
        adam: dict[str, Any] = {"lr": self.lr_schedule(1), "fused": True}
        self.actor.optimizer = torch.optim.Adam(self.actor.parameters(), **adam)
        self.critic.optimizer = torch.optim.Adam(self.critic.parameters(), **adam)
        if self.log_ent_coef is not None:
            self.ent_coef_optimizer = torch.optim.Adam([self.log_ent_coef], **adam)
        # Walking through the modules for every update takes as long as a small layer.
        self._critic_weights: list[Tensor] = list(self.critic.parameters())
        self._target_weights: list[Tensor] = list(self.critic_target.parameters())
        for module in self.policy.modules():
            if isinstance(module, nn.ReLU):
                module.inplace = True
        self.losses: dict[str, float] = {}

    def train(self, gradient_steps: int, batch_size: int = 64) -> None:
        """Do `gradient_steps` updates of critics, actor, temperature and target critics."""
        for _ in range(gradient_steps):
            assert self.replay_buffer is not None
            batch = self.replay_buffer.sample(batch_size)
            actions, log_probabilities = sample_actions(self.actor, batch.observations)
            temperature = self._update_temperature(log_probabilities)
            critic_loss = self._update_critics(batch, temperature)
            actor_loss = self._update_actor(batch, actions, log_probabilities, temperature)
            with torch.no_grad():
                torch._foreach_lerp_(self._target_weights, self._critic_weights, self.tau)
        self._n_updates += gradient_steps
        self.losses = {
            "critic_loss": float(critic_loss),
            "actor_loss": float(actor_loss),
            "temperature": float(temperature),
        }

    def _update_temperature(self, log_probabilities: Tensor) -> Tensor:
        """Update log α (eq. 18) and return the α of before the update."""
        if self.log_ent_coef is None or self.ent_coef_optimizer is None:
            return self.ent_coef_tensor
        temperature = self.log_ent_coef.detach().exp()
        error = (log_probabilities + float(self.target_entropy)).detach()
        self.log_ent_coef.grad = -error.mean().reshape(1)
        self.ent_coef_optimizer.step()
        return temperature

    def _update_critics(self, batch: ReplayBufferSamples, temperature: Tensor) -> Tensor:
        """Step on the soft Bellman error (eq. 5 and 6) of both critics."""
        with torch.no_grad():
            next_actions, next_log_probabilities = sample_actions(
                self.actor, batch.next_observations
            )
            inputs = torch.cat([batch.next_observations, next_actions], dim=1)
            first, second = self.critic_target.q_networks
            next_values = torch.minimum(first(inputs), second(inputs))  # (B, 1)
            next_values -= temperature * next_log_probabilities
            targets = batch.rewards + (1 - batch.dones) * self.gamma * next_values
        inputs = torch.cat([batch.observations, batch.actions], dim=1)
        first, second = self.critic.q_networks
        loss = 0.5 * (
            functional.mse_loss(first(inputs), targets)
            + functional.mse_loss(second(inputs), targets)
        )
        self.critic.optimizer.zero_grad()
        loss.backward()
        self.critic.optimizer.step()
        return loss.detach()

    def _update_actor(
        self,
        batch: ReplayBufferSamples,
        actions: Tensor,
        log_probabilities: Tensor,
        temperature: Tensor,
    ) -> Tensor:
        """Step on E[α log π − min Q] (eq. 9); the critics' weights get no gradient."""
        self._let_critics_learn(False)
        inputs = torch.cat([batch.observations, actions], dim=1)
        first, second = self.critic.q_networks
        values = torch.minimum(first(inputs), second(inputs))
        loss = (temperature * log_probabilities - values).mean()
        self.actor.optimizer.zero_grad()
        loss.backward()
        self.actor.optimizer.step()
        self._let_critics_learn(True)
        return loss.detach()

    def _let_critics_learn(self, learn: bool) -> None:
        for weights in self._critic_weights:
            weights.requires_grad = learn


def sample_actions(actor: Actor, observations: Tensor) -> tuple[Tensor, Tensor]:
    """Draw tanh-squashed Gaussian actions and their log-probabilities (appendix C).

    Args:
        actor: The actor of Stable-Baselines3.
        observations: float32 (B, O).

    Returns:
        Actions (B, A) in (-1, 1) and log-probabilities (B, 1).
    """
    hidden = actor.latent_pi(observations)
    mean = actor.mu(hidden)
    log_std = actor.log_std(hidden).clamp(LOG_STD_MIN, LOG_STD_MAX)  # type: ignore[operator]
    noise = torch.randn_like(mean)
    actions = torch.tanh(mean + log_std.exp() * noise)
    terms = (
        -0.5 * noise.square()
        - log_std
        - HALF_LOG_TWO_PI
        - torch.log(1 - actions.square() + SQUASH_EPSILON)
    )
    return actions, terms.sum(dim=1, keepdim=True)


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
) -> LeanSAC:
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
    return LeanSAC(
        "MlpPolicy",
        env,
        learning_rate=learning_rate,
        gamma=discount,
        batch_size=batch_size,
        learning_starts=learning_starts_steps,
        buffer_size=buffer_transitions,
        gradient_steps=-1,
        policy_kwargs={"net_arch": list(hidden_units)},
        seed=seed,
        device=device,
    )

"""Episodes of one length from environments that end early."""

from __future__ import annotations

from typing import Any

import gymnasium


class AbsorbingEnd(gymnasium.Wrapper):
    """Holds an environment still once it has ended, instead of ending the episode.

    A package ends its episodes at success or at a failure that cannot be mended. A learned reward
    per step would then pay an agent to stay alive just before a success. Here the world stands
    still from that moment on: the same observation, the same labels, the same picture, and the
    package's own reward is 0, so that the sum over an episode is the package's own. No step ever
    says terminated or truncated; who uses this counts the steps.

    Attributes:
        ended: Whether the package's own episode is over.
    """

    def __init__(self, env: gymnasium.Env) -> None:
        """Wrap an environment without a time limit of its own."""
        super().__init__(env)
        self.ended = False
        self._last: tuple[Any, dict[str, Any]] = (None, {})

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Start an episode."""
        self.ended = False
        return self.env.reset(seed=seed, options=options)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Do one step, or none after the end."""
        if self.ended:
            observation, info = self._last
            return observation, 0.0, False, False, dict(info)
        observation, reward, terminated, truncated, info = self.env.step(action)
        if terminated or truncated:
            self.ended = True
            self._last = observation, dict(info)
        return observation, float(reward), False, False, info

"""Observations of embeddings in a VecEnv, and films of its episodes, from frames rendered once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
from gymnasium.utils import RecordConstructorArgs
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvObs, VecEnvStepReturn

from tcn_robot.policies.seeing import (
    SIGHT_LIMIT,
    Frames,
    Sight,
    SightOfEnvs,
    felt,
    proprioception_space,
    stacked,
)
from tcn_robot.rewards.wrappers import VIEWS_KEY

# Takes the control step at which a filmed episode began, and its frames: {view: (T, H, W, 3)}.
TakeFilm = Callable[[int, dict[str, NDArray[np.uint8]]], None]


class Proprioceptive(gymnasium.ObservationWrapper[Any, Any, Any], RecordConstructorArgs):
    """Shows the robot's proprioception in the place of the task's own observation."""

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        """Wrap a task that has a proprioception.

        Raises:
            UserError: It has none.
        """
        RecordConstructorArgs.__init__(self)
        gymnasium.ObservationWrapper.__init__(self, env)
        self.observation_space = proprioception_space(env)

    def observation(self, observation: Any) -> NDArray[np.float32]:
        """Return the proprioception of this moment, float32 (P,)."""
        return felt(self.env)


class VecSight(VecEnvWrapper):
    """Lays the embeddings of each env's frames behind its observations, all in one forward pass."""

    def __init__(self, venv: VecEnv, sight: Sight, keep_frames: bool) -> None:
        """Wrap a VecEnv whose envs are each in `RenderViews`.

        Args:
            venv: Vectorised envs with flat observations.
            sight: Makes the embeddings.
            keep_frames: Whether frames stay in infos, for a reward that scores them.
        """
        inner = venv.observation_space
        assert isinstance(inner, gymnasium.spaces.Box)
        limits = np.full(len(sight.centre), SIGHT_LIMIT, np.float32)
        space = gymnasium.spaces.Box(
            np.append(inner.low, -limits), np.append(inner.high, limits), dtype=np.float32
        )
        super().__init__(venv, space)
        self._sight = SightOfEnvs(sight)
        self._keep_frames = keep_frames

    def reset(self) -> VecEnvObs:
        """Reset all envs and see their first frames."""
        observations = self.venv.reset()
        everyone = np.ones(self.num_envs, dtype=bool)
        seen = self._sight.begin(everyone, stacked(self._frames(self.venv.reset_infos)))
        self._pass_reset_infos()
        return self._together(observations, seen)

    def step_wait(self) -> VecEnvStepReturn:
        """See what the actions led to; of ended episodes the last frame and the next first one."""
        observations, rewards, dones, infos = self.venv.step_wait()
        seen = self._sight.see(stacked(self._frames(infos)))
        ended = np.flatnonzero(dones)
        for index in ended:
            last = infos[index]["terminal_observation"]
            infos[index]["terminal_observation"] = np.append(last, seen[index]).astype(np.float32)
        if len(ended):
            first = self._frames([self.venv.reset_infos[index] for index in ended])
            seen[ended] = self._sight.begin(np.asarray(dones, dtype=bool), stacked(first))
        self._pass_reset_infos()
        return self._together(observations, seen), rewards, dones, infos

    def _frames(self, infos: list[dict[str, Any]]) -> list[Frames]:
        if self._keep_frames:
            return [info[VIEWS_KEY] for info in infos]
        return [info.pop(VIEWS_KEY) for info in infos]

    def _pass_reset_infos(self) -> None:
        self.reset_infos = self.venv.reset_infos

    @staticmethod
    def _together(observations: VecEnvObs, seen: np.ndarray) -> np.ndarray:
        assert isinstance(observations, np.ndarray)
        return np.concatenate([observations, seen], axis=1).astype(np.float32)


class VecFilms(VecEnvWrapper):
    """Keeps the frames of the first env's next episode when asked to; nothing is rendered again."""

    def __init__(self, venv: VecEnv, take: TakeFilm) -> None:
        """Wrap a VecEnv whose envs are each in `RenderViews`, inside of what takes frames out.

        Args:
            venv: Vectorised envs.
            take: Gets each film as soon as its episode has ended.
        """
        super().__init__(venv)
        self._take = take
        self._first_step: int | None = None
        self._film: list[Frames] = []

    def film_next(self, first_step: int) -> None:
        """Film the episode that begins with the next `reset`, at this control step."""
        self._first_step = first_step

    def reset(self) -> VecEnvObs:
        """Reset all envs; a film that was asked for begins."""
        observations = self.venv.reset()
        self.reset_infos = self.venv.reset_infos
        self._film = []
        if self._first_step is not None:
            self._film.append(self.reset_infos[0][VIEWS_KEY])
        return observations

    def step_wait(self) -> VecEnvStepReturn:
        """Pass everything on; keep the first env's frames while its episode is filmed."""
        observations, rewards, dones, infos = self.venv.step_wait()
        self.reset_infos = self.venv.reset_infos
        if self._film:
            self._film.append(infos[0][VIEWS_KEY])
            if dones[0]:
                assert self._first_step is not None
                film, self._film = stacked(self._film), []
                first_step, self._first_step = self._first_step, None
                self._take(first_step, film)
        return observations, rewards, dones, infos

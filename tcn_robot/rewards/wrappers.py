"""Puts a learned reward in the place of a task's own, for one environment or for many.

A reward that uses time or history says where it stands by two optional members: `memory_size`, and
`memory()` -> float32 (N, memory_size) in [0, 1] after the last `reset` or `step`. The wrappers lay
it behind the observations: what earns the reward must be seen by who is to earn it.

Frames travel in `info["views"]`, rendered by `RenderViews` right after the step. So the last frame
of an episode is scored as it was, although a VecEnv has reset the environment by the time its
caller sees the step. The frames are taken out of every info before it goes on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium.utils import RecordConstructorArgs
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvObs, VecEnvStepReturn

from tcn_robot.errors import UserError, unknown_name
from tcn_robot.rewards.beginning import SeesBeginnings, begin_episodes
from tcn_robot.rewards.interface import Reward, ViewFrames
from tcn_robot.rewards.memory import memory_of, memory_size_of

VIEWS_KEY = "views"
ENV_REWARD_KEY = "env_reward"
#: At an episode's last step, of a reward that is `scored_at_end`: float32 (T,), one per step.
EPISODE_SCORES_KEY = "episode_scores"


# Recorded arguments let Gymnasium make the environment again from its spec.
class RenderViews(gymnasium.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Adds `info["views"] = {view: uint8 (H, W, 3)}` to every step and reset."""

    def __init__(
        self,
        env: gymnasium.Env[Any, Any],
        views: Sequence[str],
        size_px: int,
        cameras: Mapping[str, str] | None = None,
    ) -> None:
        """Wrap a task that can render its cameras.

        Args:
            env: Its `unwrapped` has `render_views(views, size=(height, width))`.
            views: Names of the frames, at least one.
            size_px: Side of the square frames.
            cameras: {view: camera that stands in for it}; a view that is missing is a camera.

        Raises:
            UserError: A task without cameras, an unknown view, no view, or a size below 1.
        """
        RecordConstructorArgs.__init__(
            self, views=tuple(views), size_px=size_px, cameras=dict(cameras or {})
        )
        gymnasium.Wrapper.__init__(self, env)
        self.views = tuple(views)
        self.size_px = int(size_px)
        self.cameras = {view: (cameras or {}).get(view, view) for view in self.views}
        task: Any = env.unwrapped
        if not hasattr(task, "render_views"):
            raise UserError(
                f"{type(task).__name__} has no render_views, so nothing can be seen of it; "
                "use a task of tcn_robot.envs or give it that method"
            )
        for camera in self.cameras.values():
            if camera not in getattr(task, "view_names", self.cameras.values()):
                raise unknown_name("view", camera, task.view_names)
        if not self.views or self.size_px < 1:
            raise UserError(
                f"expected a view or more and a size of 1 px or more, found {len(self.views)} "
                f"views and {self.size_px} px"
            )

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Reset, and render the first frame."""
        observation, info = self.env.reset(seed=seed, options=options)
        return observation, {**info, VIEWS_KEY: self._render()}

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Step, and render what it led to."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        return observation, reward, terminated, truncated, {**info, VIEWS_KEY: self._render()}

    def _render(self) -> dict[str, NDArray[np.uint8]]:
        return render_square(self.env, self.cameras, self.size_px)


def render_square(
    env: gymnasium.Env[Any, Any], cameras: Mapping[str, str], size_px: int
) -> dict[str, NDArray[np.uint8]]:
    """Render an environment as it stands, {view: uint8 (size_px, size_px, 3)}.

    Args:
        env: Its `unwrapped` has `render_views`.
        cameras: {name of the frame: camera}.
        size_px: Side of the frames.
    """
    task: Any = env.unwrapped
    frames = task.render_views(tuple(dict.fromkeys(cameras.values())), size=(size_px, size_px))
    # Copies: a renderer may draw the next frame into the same memory.
    return {view: np.array(frames[camera], dtype=np.uint8) for view, camera in cameras.items()}


def space_with_memory(space: gymnasium.Space[Any], reward: Reward) -> gymnasium.Space[Any]:
    """Return the space of observations with a reward's memory behind them.

    Raises:
        UserError: Observations to which no number can be added.
    """
    size = memory_size_of(reward)
    if not size:
        return space
    if not isinstance(space, gymnasium.spaces.Box) or len(space.shape) != 1:
        raise UserError(
            f"this reward has a memory of {size} numbers, which go behind flat observations (Box), "
            f"found {space}; choose a reward without memory"
        )
    return gymnasium.spaces.Box(
        np.append(space.low, np.zeros(size)).astype(np.float32),
        np.append(space.high, np.ones(size)).astype(np.float32),
        dtype=np.float32,
    )


class RewardWrapper(gymnasium.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Replaces the reward of one environment; its own stays in `info["env_reward"]`.

    The reward's running state belongs to this environment: give each wrapper its own reward.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], reward: Reward) -> None:
        """Wrap a task; it is rendered for the reward's views if it is not in `RenderViews` yet.

        Args:
            env: A task that can render its cameras.
            reward: A fitted reward.

        Raises:
            UserError: A task that cannot be rendered, or without the reward's views.
        """
        if not _renders_views(env):
            env = RenderViews(env, reward.views, reward.image_size_px)
        RecordConstructorArgs.__init__(self, reward=reward)
        gymnasium.Wrapper.__init__(self, env)
        self.reward = reward
        self._remembers = memory_size_of(reward) > 0
        if self._remembers:
            self.observation_space = space_with_memory(env.observation_space, reward)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Reset the environment and the reward's state."""
        observation, info = self.env.reset(seed=seed, options=options)
        begin_episodes(self.reward, _stacked([_taken_views(info)]), np.ones(1, dtype=bool))
        return self._remembered(observation), info

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Step, and score the frame that it led to."""
        observation, env_reward, terminated, truncated, info = self.env.step(action)
        frames = _stacked([_taken_views(info)])
        info[ENV_REWARD_KEY] = float(env_reward)
        reward = float(self.reward.step(frames)[0]) + _own_weight(self.reward) * float(env_reward)
        if terminated or truncated:
            _add_episode_scores(self.reward, [info], [0])
        return self._remembered(observation), reward, terminated, truncated, info

    def _remembered(self, observation: Any) -> Any:
        if not self._remembers:
            return observation
        return np.concatenate([observation, memory_of(self.reward, 1)[0]]).astype(np.float32)


class VecRewardWrapper(VecEnvWrapper):
    """Replaces the rewards of a Stable-Baselines3 VecEnv, all in one forward pass.

    Each `info` keeps the environment's own reward as `info["env_reward"]`. A `Monitor` inside the
    VecEnv goes on to count the own reward; a `VecMonitor` around this counts the learned one.
    """

    def __init__(self, venv: VecEnv, reward: Reward) -> None:
        """Wrap a VecEnv whose environments are each in `RenderViews`.

        Args:
            venv: Vectorised environments.
            reward: A fitted reward; its running state belongs to this VecEnv.
        """
        super().__init__(venv, space_with_memory(venv.observation_space, reward))
        self.reward = reward
        self._remembers = memory_size_of(reward) > 0

    def reset(self) -> VecEnvObs:
        """Reset all environments and the reward's state for each."""
        observations = self.venv.reset()
        self._begin(np.ones(self.num_envs, dtype=bool))
        return self._with_memory(observations)

    def step_wait(self) -> VecEnvStepReturn:
        """Score the frames that the actions led to, those of ended episodes included."""
        observations, env_rewards, dones, infos = self.venv.step_wait()
        learned = self.reward.step(_stacked([_taken_views(info) for info in infos]))
        rewards = learned + _own_weight(self.reward) * np.asarray(env_rewards)
        # Only after scoring: an ended episode's last frame still belongs to its own state, and so
        # does what the reward remembered of it.
        if np.any(dones):
            _add_episode_scores(self.reward, infos, np.flatnonzero(dones))
            self._remember_ends(dones, infos)
            self._begin(np.asarray(dones, dtype=bool))
        for info, env_reward in zip(infos, env_rewards, strict=True):
            info[ENV_REWARD_KEY] = float(env_reward)
        scored = np.asarray(rewards, dtype=np.float32)
        return self._with_memory(observations), scored, dones, infos

    def episode_scores(self, env: int) -> NDArray[np.float32]:
        """Score the steps of an episode that has not ended, of a reward that is `scored_at_end`.

        Args:
            env: Index of the environment.

        Returns:
            float32 (T,), one per step since the reset.
        """
        return _episode_scores(self.reward, env)

    def _with_memory(self, observations: VecEnvObs) -> VecEnvObs:
        if not self._remembers:
            return observations
        assert isinstance(observations, np.ndarray)  # as `space_with_memory` has seen to
        return np.concatenate([observations, memory_of(self.reward, self.num_envs)], axis=1).astype(
            np.float32
        )

    def _remember_ends(self, dones: NDArray[np.bool_], infos: Sequence[dict[str, Any]]) -> None:
        """Lay the memory of ended episodes behind their last observations."""
        if not self._remembers:
            return
        memory = memory_of(self.reward, self.num_envs)
        for index in np.flatnonzero(dones).tolist():
            last = infos[index]["terminal_observation"]
            infos[index]["terminal_observation"] = np.concatenate([last, memory[index]]).astype(
                np.float32
            )

    def _begin(self, starts: NDArray[np.bool_]) -> None:
        """Begin new episodes with the frames of their resets, which the VecEnv has in its infos."""
        self.reset_infos = list(self.venv.reset_infos)
        begun = [_taken_views(self.reset_infos[env]) for env in np.flatnonzero(starts)]
        for info in self.reset_infos:  # Processes send those of earlier resets once more.
            info.pop(VIEWS_KEY, None)
        begin_episodes(self.reward, _stacked(begun), starts)


def _own_weight(reward: Reward) -> float:
    """Return the weight of the environment's own reward: that of mixtures, else 0."""
    return float(getattr(reward, "sparse_weight", 0.0))


def _add_episode_scores(
    reward: Reward, infos: Sequence[dict[str, Any]], ended: Sequence[int] | NDArray[np.int64]
) -> None:
    """Put the scores of whole episodes that have ended into their last infos, if there are any."""
    if not getattr(reward, "scored_at_end", False):
        return
    for env in ended:
        infos[env][EPISODE_SCORES_KEY] = _episode_scores(reward, int(env))


def _episode_scores(reward: Any, env: int) -> NDArray[np.float32]:
    """Return one score per step of an environment's episode so far, float32 (T,)."""
    first = 1 if isinstance(reward, SeesBeginnings) else 0
    scores: NDArray[np.float32] = reward.seen_scores(env)[first:]
    return scores


def _renders_views(env: gymnasium.Env[Any, Any]) -> bool:
    """Tell whether an environment is in `RenderViews` already."""
    layer: Any = env
    while isinstance(layer, gymnasium.Wrapper):
        if isinstance(layer, RenderViews):
            return True
        layer = layer.env
    return False


def _taken_views(info: dict[str, Any]) -> dict[str, NDArray[np.uint8]]:
    """Take the frames out of an info.

    Raises:
        UserError: There are none.
    """
    if VIEWS_KEY not in info:
        raise UserError(
            'expected the frames to score in info["views"], found none; wrap each environment in '
            "tcn_robot.rewards.RenderViews before it goes into the VecEnv"
        )
    views: dict[str, NDArray[np.uint8]] = info.pop(VIEWS_KEY)
    return views


def _stacked(per_env: Sequence[dict[str, NDArray[np.uint8]]]) -> ViewFrames:
    """Stack one frame per environment and view, {view: (N, H, W, 3)}."""
    return {view: np.stack([frames[view] for frames in per_env]) for view in per_env[0]}

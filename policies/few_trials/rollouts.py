"""Rollouts of open-loop actions from one start, scored by a learned reward or the task's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from tcn_robot.errors import UserError
from tcn_robot.policies.environments import check_cameras

if TYPE_CHECKING:
    from tcn_robot.rewards import Reward


@dataclass(frozen=True)
class Rollouts:
    """What came out of N rollouts of H steps.

    Attributes:
        rewards: float64 (N, H), what each step earned; 0 after an early end.
        success: bool (N, H), whether the task was done after each step; kept after an early end.
        dense: float64 (N,), sum of the task's dense reward; NaN where the task has none.
    """

    rewards: NDArray[np.float64]
    success: NDArray[np.bool_]
    dense: NDArray[np.float64]


def horizon_of(env: gymnasium.Env) -> int:
    """Return the control steps of an episode.

    Raises:
        UserError: For a task that does not say.
    """
    steps = getattr(env.unwrapped, "horizon", None) or getattr(env.spec, "max_episode_steps", None)
    if not steps:
        raise UserError(
            "expected a task of fixed length, found one that does not say how long; give --horizon"
        )
    return int(steps)


class Stage:
    """One env at one start, in which rollouts are played one after the other.

    Envs side by side in one process would be stepped in turn all the same; starts and seeds are
    what runs in parallel. The film of a rollout goes through the encoder in one pass, once it is
    over: so rewards that compare whole episodes serve too.
    """

    def __init__(
        self, env: gymnasium.Env, start_seed: int, reward: Reward | str, film_every_steps: int = 1
    ) -> None:
        """Take an env; it is not closed.

        Args:
            env: An env of the task.
            start_seed: The start of every rollout.
            reward: A fitted reward, or "sparse" or "dense" for the task's own.
            film_every_steps: Steps between the frames that a learned reward scores, the last step
                always among them; a score counts for the steps since the frame before.
        """
        self._env, self._start_seed, self._reward = env, start_seed, reward
        self._film_every_steps = film_every_steps
        self.horizon_steps = horizon_of(env)
        self.action_size = int(np.prod(env.action_space.shape or (0,)))

    def play(self, actions: NDArray[np.float64], score: bool = True) -> Rollouts:
        """Play rollouts and score them.

        Args:
            actions: (N, H, A) in [-1, 1], shares of the range of each part of the action.
            score: Whether rewards are wanted; if not they are 0 and nothing is rendered.
        """
        played = [self._play_one(one, score) for one in actions]
        return Rollouts(*(np.stack(parts) for parts in zip(*played, strict=True)))

    def _play_one(
        self, actions: NDArray[np.float64], score: bool
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64]]:
        rewards, success = np.zeros(self.horizon_steps), np.zeros(self.horizon_steps, dtype=bool)
        dense, films = 0.0, score and not isinstance(self._reward, str)
        self._env.reset(seed=self._start_seed)
        frames, filmed = [self._frame()] if films else [], [-1]
        for step, action in enumerate(actions_in_range(actions, self._env.action_space)):
            _, _, terminated, truncated, info = self._env.step(action)
            success[step:] = bool(info["success"])
            dense += float(info.get("reward_dense", np.nan))
            over = terminated or truncated or step == self.horizon_steps - 1
            if films and (over or (step + 1) % self._film_every_steps == 0):
                frames.append(self._frame())
                filmed.append(step)
            elif score and not films:
                rewards[step] = float(info[f"reward_{self._reward}"])
            if over:
                break
        if films:
            rewards[: filmed[-1] + 1] = np.repeat(self._scored(frames), np.diff(filmed))
        return rewards, success, np.array(dense)

    def _frame(self) -> dict[str, np.ndarray]:
        reward: Any = self._reward
        size = (reward.image_size_px, reward.image_size_px)
        task: Any = self._env.unwrapped
        rendered = task.render_views(tuple(reward.views), size=size)
        return {view: np.array(rendered[view], dtype=np.uint8) for view in reward.views}

    def _scored(self, frames: list[dict[str, np.ndarray]]) -> NDArray[np.float64]:
        """Return what each step earned; the first frame is due to no action."""
        reward: Any = self._reward
        film = {view: np.stack([shown[view] for shown in frames]) for view in reward.views}
        scores = np.asarray(reward.score_episode(film), dtype=np.float64)[1:]
        if not np.isfinite(scores).all():
            raise UserError("expected a finite reward for each frame, found NaN or infinity")
        return scores


def actions_in_range(
    actions: NDArray[np.float64], space: gymnasium.Space[Any]
) -> NDArray[np.floating[Any]]:
    """Return actions (H, A) of [-1, 1] in the range of a Box, (H, *shape)."""
    assert isinstance(space, gymnasium.spaces.Box)
    low, high = space.low.astype(np.float64), space.high.astype(np.float64)
    shares = 0.5 * (actions.reshape(-1, *space.shape) + 1.0)
    return (low + shares * (high - low)).astype(space.dtype)


def check_task(env: gymnasium.Env, reward: str, filmed: bool = False) -> None:
    """Refuse a task that cannot be searched in.

    Args:
        env: An env of the task.
        reward: Name of the reward.
        filmed: Whether the reward looks at films.

    Raises:
        UserError: No finite range of actions, no success reported, or no camera to film by.
    """
    task: Any = env.unwrapped
    space: Any = env.action_space
    if not (np.isfinite(space.low).all() and np.isfinite(space.high).all()):
        raise UserError(f"expected actions of finite range, found {space}; choose another task")
    horizon_of(env)
    if reward == "sparse" and not getattr(task, "reports_success", True):
        raise UserError(
            "this task never reports success, so its sparse reward is always 0; give --reward "
            "dense or a learned one"
        )
    if filmed:
        check_cameras(env)

"""Rewards written into a replay buffer afterwards: every transition, whole episodes in order.

XIRL (Zakka et al. 2021) relabels in batches as transitions come in: its buffer of learned rewards
loses the transition that finds a batch full, one in 65, and never scores what waits when training
ends. Here nothing waits: transitions are stored at once, and scores are written over them by row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.type_aliases import ReplayBufferSamples
from stable_baselines3.common.vec_env import VecNormalize

from tcn_robot.errors import UserError
from tcn_robot.rewards.wrappers import EPISODE_SCORES_KEY


@dataclass(frozen=True)
class StoredEpisode:
    """Transitions of one episode of one environment, in the order of time.

    Attributes:
        env: Index of the environment.
        rows: int64 (T,): where they are in the buffer, T of 1 or more.
        observations: (T, ...).
        actions: (T, A).
        next_observations: (T, ...); the last one is that of the episode's end.
        lacks_beginning: Whether a ring that was written around may have lost what came before.
        is_finished: Whether the last transition ended the episode.
    """

    env: int
    rows: NDArray[np.int64]
    observations: NDArray[Any]
    actions: NDArray[Any]
    next_observations: NDArray[Any]
    lacks_beginning: bool
    is_finished: bool


def rows_of_episodes(
    ends: NDArray[np.bool_], position: int, is_full: bool
) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Yield the rows of each episode in a ring, environment by environment, oldest first.

    Args:
        ends: (R, N) bool: whether the transition in a row ended its episode.
        position: Row that will be written next.
        is_full: Whether all rows are filled, the oldest at `position`.

    Yields:
        (environment, int64 (T,) with T of 1 or more). Every filled row of every environment is in
        one of them, once.
    """
    num_rows, num_envs = ends.shape
    rows = np.arange(num_rows) if is_full else np.arange(position)
    if is_full:
        rows = (rows + position) % num_rows  # the oldest first
    for env in range(num_envs):
        cuts = np.flatnonzero(ends[rows, env]) + 1
        for part in np.split(rows, cuts):
            if len(part):
                yield env, part


def relabel_buffer(
    buffer: ReplayBuffer,
    score: Callable[[StoredEpisode], NDArray[np.floating[Any]]],
    ends: NDArray[np.bool_] | None = None,
) -> int:
    """Write new rewards over all transitions of a replay buffer, episode by episode.

    Args:
        buffer: Any of Stable-Baselines3's that keeps next observations, with any number of
            environments; wrapped or not.
        score: Gives the (T,) rewards of an episode, which may be unfinished, and may have lost its
            beginning in a ring that was written around.
        ends: (R, N) bool, where environments were reset without `done`, besides `buffer.dones`.

    Returns:
        How many transitions were relabelled: all that the buffer holds.

    Raises:
        ValueError: Scores of another length, or not finite; the buffer is as it was.
    """
    stops = np.asarray(buffer.dones, dtype=bool)
    stops = stops if ends is None else stops | ends
    rewards = buffer.rewards.copy()
    oldest = buffer.pos if buffer.full else 0
    count = 0
    for env, rows in rows_of_episodes(stops, buffer.pos, buffer.full):
        episode = StoredEpisode(
            env,
            rows,
            buffer.observations[rows, env],
            buffer.actions[rows, env],
            buffer.next_observations[rows, env],
            lacks_beginning=bool(buffer.full and rows[0] == oldest),
            is_finished=bool(stops[rows[-1], env]),
        )
        rewards[rows, env] = _checked(score(episode), len(rows))
        count += len(rows)
    buffer.rewards[:] = rewards
    return count


def _checked(scores: NDArray[np.floating[Any]], count: int) -> NDArray[np.floating[Any]]:
    found = np.asarray(scores)
    if found.shape != (count,) or not np.isfinite(found).all():
        raise ValueError(f"expected {count} finite rewards of an episode, found {found}")
    return found


class EndScoredBuffer(ReplayBuffer):
    """A replay buffer for rewards that are known when an episode is over.

    An episode's scores come with its last step, in `info["episode_scores"]`, and are written over
    its transitions. Until then these have no reward, so they are not drawn: samples are uniform
    over the transitions that are scored, where Stable-Baselines3's are over all.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take what `ReplayBuffer` takes."""
        super().__init__(*args, **kwargs)
        #: (N,) transitions of each environment that wait for their scores, always the latest.
        self.waiting = np.zeros(self.n_envs, dtype=np.int64)

    @classmethod
    def in_place_of(cls, buffer: ReplayBuffer) -> EndScoredBuffer:
        """Return an empty one like another, which is empty too."""
        return cls(
            buffer.buffer_size * buffer.n_envs,
            buffer.observation_space,
            buffer.action_space,
            device=buffer.device,
            n_envs=buffer.n_envs,
            handle_timeout_termination=buffer.handle_timeout_termination,
        )

    def add(
        self,
        obs: NDArray[Any],
        next_obs: NDArray[Any],
        action: NDArray[Any],
        reward: NDArray[Any],
        done: NDArray[Any],
        infos: list[dict[str, Any]],
    ) -> None:
        """Store a transition of each environment; score the episodes that it ends."""
        super().add(obs, next_obs, action, reward, done, infos)
        self.waiting += 1
        for env in np.flatnonzero(done).tolist():
            self.settle(env, infos[env][EPISODE_SCORES_KEY])

    def settle(self, env: int, scores: NDArray[np.floating[Any]]) -> None:
        """Write the scores of an environment's episode over the transitions that wait for them.

        Args:
            env: Index of the environment.
            scores: (T,), one per transition since the episode began; in a ring that is shorter the
                last ones count.

        Raises:
            ValueError: Another number of scores than transitions, or scores that are not finite.
        """
        found = _checked(scores, int(self.waiting[env]))
        kept = min(len(found), self.buffer_size)
        rows = (self.pos - kept + np.arange(kept)) % self.buffer_size
        self.rewards[rows, env] = found[len(found) - kept :]
        self.waiting[env] = 0

    def sample(self, batch_size: int, env: VecNormalize | None = None) -> ReplayBufferSamples:
        """Draw transitions that are scored, each as likely as any other, with replacement.

        Raises:
            UserError: There is none yet.
        """
        settled = np.maximum(self.size() - self.waiting, 0)  # (N,), the oldest of each
        total = int(settled.sum())
        if total == 0:
            raise UserError(
                "a reward with scored=end is learned from when an episode is over, and none is "
                "yet; give --learning-starts a whole episode of every env"
            )
        drawn = np.random.randint(0, total, size=batch_size)  # noqa: NPY002  as the others draw
        stops = np.cumsum(settled)
        envs = np.searchsorted(stops, drawn, side="right")
        ages = drawn - (stops - settled)[envs]
        oldest = self.pos if self.full else 0
        rows = (oldest + ages) % self.buffer_size
        ended = self.dones[rows, envs] * (1 - self.timeouts[rows, envs])
        data = (
            self._normalize_obs(self.observations[rows, envs], env),
            self.actions[rows, envs],
            self._normalize_obs(self.next_observations[rows, envs], env),
            ended.reshape(-1, 1),
            self._normalize_reward(self.rewards[rows, envs].reshape(-1, 1), env),
        )
        return ReplayBufferSamples(*map(self.to_torch, data))


def settle_cut_episodes(
    buffer: EndScoredBuffer, scores_so_far: Callable[[int], NDArray[np.floating[Any]]]
) -> None:
    """Score the episodes that are broken off by what they have shown, so that none is lost.

    Args:
        buffer: Some of its transitions may wait.
        scores_so_far: Gives the (T,) scores of an environment's unfinished episode.
    """
    for env in np.flatnonzero(buffer.waiting).tolist():
        buffer.settle(env, scores_so_far(env))

"""Follows demonstrations of one view in several environments, each at its own place."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tcn_robot.rewards.alignments import ALIGNMENT_CLASSES, Alignment, Transport
from tcn_robot.rewards.demo_films import DemoFilms
from tcn_robot.rewards.trajectory_options import TrajectoryConfig

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

UNDECIDED = -1


class Track:
    """The running state of the trajectory reward in one view."""

    def __init__(self, films: DemoFilms, unit: float, config: TrajectoryConfig) -> None:
        """Know no environment yet; `reset` says how many there are.

        Args:
            films: The demonstrations.
            unit: The distance that counts as 1, > 0.
            config: The options.
        """
        self._films = films
        self._unit = unit
        self._candidates = len(films.lengths) if config.choice == "best" else 1
        self._pooled_places = config.pooled_places if config.choice == "pooled" else 0
        self._alignment: Alignment = ALIGNMENT_CLASSES[config.alignment](config)
        # Per environment: the demonstration followed, or that of the best score last.
        self._chosen = np.zeros(0, dtype=np.int64)

    @property
    def num_envs(self) -> int:
        """How many environments there are, 0 before `reset`."""
        return len(self._chosen)

    @property
    def memory_size(self) -> int:
        """Numbers of `memory` per environment."""
        return self._alignment.memory_size

    def reset(self, mask: NDArray[np.bool_], next_frame: int = 0) -> None:
        """Begin anew in some environments, (N,) bool; in all of them if N is another."""
        if self._chosen.shape != mask.shape:
            self._chosen = np.full(mask.shape, UNDECIDED)
        self._chosen[mask] = UNDECIDED
        self._alignment.reset(np.repeat(mask, self._candidates), next_frame)

    def step(self, embeddings: NDArray[np.float32], envs: Indices) -> Array:
        """Score a moment of some environments.

        Args:
            embeddings: (M, D).
            envs: (M,), which environments.

        Returns:
            (M,) scores.
        """
        if self._pooled_places:
            return self._step_pooled(embeddings, envs)
        followed = self._followed(embeddings, envs)  # (M, C)
        some = np.arange(len(envs))
        distances = self._films.distances(embeddings)[some[:, None], followed] / self._unit
        rows = envs[:, None] * self._candidates + np.arange(self._candidates)
        scores = self._alignment.step(
            rows.reshape(-1),
            distances.reshape(rows.size, -1),
            self._films.lengths[followed].reshape(-1),
            self._films.places[followed].reshape(rows.size, -1),
        ).reshape(rows.shape)
        best = scores.argmax(axis=1)
        self._chosen[envs] = followed[some, best]
        return np.asarray(scores[some, best])

    def _step_pooled(self, embeddings: NDArray[np.float32], envs: Indices) -> Array:
        """Score against all demonstrations as one: at each place the nearest frame of any."""
        distances, places = self._films.nearest_by_place(embeddings, self._pooled_places)
        lengths = np.full(len(envs), distances.shape[1])
        return self._alignment.step(envs, distances / self._unit, lengths, places)

    def memory(self) -> Array:
        """Return the state in short, of the demonstration followed, (N, memory_size) in [0, 1]."""
        candidate = np.maximum(self._chosen, 0) if self._candidates > 1 else 0
        rows = np.arange(self.num_envs) * self._candidates + candidate
        return self._alignment.memory()[rows]

    def seen_scores(self, env: int) -> Array:
        """Score all that an environment has shown since it began, by whole-episode matching, (T,).

        Of several demonstrations that count at once, the one with the best mean.
        """
        assert isinstance(self._alignment, Transport)
        rows = range(env * self._candidates, (env + 1) * self._candidates)
        scores = [self._alignment.seen_scores(row) for row in rows]
        return max(scores, key=lambda film: float(film.mean()) if len(film) else 0.0)

    def _followed(self, embeddings: NDArray[np.float32], envs: Indices) -> Indices:
        """Return which demonstrations count, (M, C); an episode's first frame decides."""
        if self._candidates > 1:
            return np.broadcast_to(np.arange(self._candidates), (len(envs), self._candidates))
        chosen = self._chosen[envs]
        fresh = chosen == UNDECIDED
        if fresh.any():
            chosen[fresh] = self._films.nearest_start(embeddings[fresh])
        return chosen[:, None]

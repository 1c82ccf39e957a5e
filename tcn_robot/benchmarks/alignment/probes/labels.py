"""Labelled episodes as the probes take them: checked, joined, scaled, cut into folds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tcn_robot.metrics.blockwise import TIE_ROUNDINGS
from tcn_robot.metrics.checks import (
    MetricInputError,
    checked_embedding,
    checked_sequence,
    per_frame,
)


@dataclass(frozen=True)
class PhaseEpisodes:
    """Episodes with a phase for every frame.

    Attributes:
        embeddings: (T_i, D) each, in the dtype they came in.
        phases: (T_i,) each, of any dtype.
    """

    embeddings: list[NDArray[Any]]
    phases: list[NDArray[Any]]


@dataclass(frozen=True)
class EventEpisodes:
    """Episodes with the frame at which each event happened.

    Attributes:
        embeddings: (T_i, D) each, in the dtype they came in.
        events: (N, E) frames, NaN where it did not happen.
    """

    embeddings: list[NDArray[Any]]
    events: NDArray[np.float64]


def phase_episodes(
    embeddings: Sequence[ArrayLike], phases: Sequence[ArrayLike], name: str
) -> PhaseEpisodes:
    """Check episodes with a phase for every frame.

    Raises:
        MetricInputError: No episode, lengths or dimensions that do not fit, or numbers that are
            not finite.
    """
    checked = _embeddings(embeddings, name)
    if len(phases) != len(checked):
        raise MetricInputError(
            f"{name}: expected phases of {len(checked)} episodes, found {len(phases)}; pass one "
            "array for each"
        )
    return PhaseEpisodes(
        checked,
        [
            per_frame(labels, len(frames), f"{name} episode {i}")
            for i, (frames, labels) in enumerate(zip(checked, phases, strict=True))
        ],
    )


def event_episodes(
    embeddings: Sequence[ArrayLike], events: Sequence[ArrayLike], name: str
) -> EventEpisodes:
    """Check episodes with the frame of each event.

    Raises:
        MetricInputError: No episode, shapes that do not fit, or an event outside its episode.
    """
    checked = _embeddings(embeddings, name)
    lengths = {np.shape(one) for one in events}
    if len(events) != len(checked) or len(lengths) != 1 or len(lengths.copy().pop()) != 1:
        raise MetricInputError(
            f"{name}: expected the frames of the same events for {len(checked)} episodes, (N, E), "
            f"found {len(events)} of shapes {sorted(lengths)}; write NaN where one never happened"
        )
    table = np.asarray(events, dtype=np.float64)  # (N, E)
    last = np.array([len(frames) - 1 for frames in checked], dtype=np.float64)[:, None]
    outside = (table < 0) | (table > last)
    if outside.any():
        episode, event = np.argwhere(outside)[0]
        raise MetricInputError(
            f"{name} episode {episode}: expected event {event} at a frame of 0 to "
            f"{last[episode, 0]:g}, found {table[episode, event]:g}; write NaN where it never "
            "happened"
        )
    return EventEpisodes(checked, table)


def check_one_dimension(train: Sequence[NDArray[Any]], test: Sequence[NDArray[Any]]) -> None:
    """Check that training and test episodes come from the same encoder.

    Raises:
        MetricInputError: Their dimensions differ.
    """
    if train[0].shape[1] != test[0].shape[1]:
        raise MetricInputError(
            f"expected embeddings of one dimension, found {train[0].shape[1]} for training and "
            f"{test[0].shape[1]} for testing; embed both with the same encoder"
        )


def phase_starts(phases: ArrayLike, num_phases: int) -> NDArray[np.float64]:
    """Return the frame at which each phase after the first begins: the events of an episode.

    Args:
        phases: (T,) numbers of phases, 0 to `num_phases - 1`, in the order of the task.
        num_phases: How many phases the task has, in all episodes.

    Returns:
        float64 (num_phases - 1,): the first frame of phase e + 1 or a later one, NaN where the
        episode never gets there.

    Raises:
        MetricInputError: Not a (T,) array of finite numbers.
    """
    labels = checked_sequence(phases, "phase")
    starts = np.full(max(num_phases - 1, 0), np.nan)
    for event in range(len(starts)):
        reached = np.flatnonzero(labels > event)
        if len(reached):
            starts[event] = reached[0]
    return starts


@dataclass(frozen=True)
class Scaling:
    """Scales every dimension to mean 0 and deviation 1 on the training frames."""

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]

    @classmethod
    def of(cls, frames: NDArray[Any]) -> Scaling:
        """Measure frames, (M, D).

        A dimension that is constant up to rounding of its dtype becomes 0: its last bits would be
        blown up to a signal.
        """
        mean = frames.mean(axis=0, dtype=np.float64)
        deviation = frames.std(axis=0, dtype=np.float64)
        epsilon = max(float(np.finfo(frames.dtype).eps), float(np.finfo(np.float64).eps))
        rounding = TIE_ROUNDINGS * epsilon * np.abs(frames).max(axis=0)
        return cls(mean, np.where(deviation > rounding, deviation, np.inf))

    def __call__(self, frames: NDArray[Any]) -> NDArray[np.float64]:
        """Scale frames, (M, D) of any dtype -> float64 (M, D)."""
        return (frames.astype(np.float64) - self.mean) / self.deviation


def folds(
    num_episodes: int, generator: np.random.Generator, most: int = 3
) -> list[NDArray[np.int64]]:
    """Return episodes in groups that are held out in turn; none where there is only one episode."""
    if num_episodes < 2:
        return []
    return [
        np.sort(part)
        for part in np.array_split(generator.permutation(num_episodes), min(most, num_episodes))
    ]


def _embeddings(embeddings: Sequence[ArrayLike], name: str) -> list[NDArray[Any]]:
    if len(embeddings) == 0:
        raise MetricInputError(f"{name}: expected 1 episode or more, found none")
    checked = [checked_embedding(one, f"{name} episode {i}") for i, one in enumerate(embeddings)]
    dimensions = sorted({frames.shape[1] for frames in checked})
    if len(dimensions) > 1:
        raise MetricInputError(
            f"{name}: expected embeddings of one dimension, found {dimensions}; embed all with the "
            "same encoder"
        )
    return checked

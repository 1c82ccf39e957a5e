"""Figures that need phases: classification, few-shot, progression and events, read by probes.

Probes learn on training episodes where there are some. Otherwise the held-out episodes are cut in
halves, and each half is read by probes that learnt on the other. `probe_figures` lists what the
labels of some episodes allow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tcn_robot.benchmarks.alignment.figures.figure import Embedded, EmbeddedEpisodes, Figure
from tcn_robot.benchmarks.alignment.held_out import HeldOutEpisode
from tcn_robot.benchmarks.alignment.probes import (
    event_completion,
    few_shot_classification,
    phase_classification,
    phase_progression,
    phase_starts,
    published_phase_accuracy,
    published_phase_progression,
)

PHASE = "phase_index"
#: Shares of the training episodes that are labelled.
FRACTIONS = (0.1, 0.5, 1.0)
SHOTS = (1, 2, 3, 5, 10)
NUM_DRAWS = 3
#: Most frames of each side that a classifier sees: every k-th of each film.
MOST_FRAMES = 2400
#: Rows that probes are not fitted on: their principal components stand for them.
TOO_WIDE = 128


@dataclass(frozen=True)
class LabelledFilm:
    """One film with its phases.

    Attributes:
        embedding: (T, D).
        phases: (T,) numbers of phases.
        times_seconds: (T,).
    """

    embedding: NDArray[Any]
    phases: NDArray[Any]
    times_seconds: NDArray[np.float64]


@dataclass(frozen=True)
class Half:
    """What a probe learns on, and what it reads: one list of films per episode.

    Attributes:
        train: Films of each training episode.
        test: Films of each episode that is read.
        positions: Which items those are.
    """

    train: Sequence[Sequence[LabelledFilm]]
    test: Sequence[Sequence[LabelledFilm]]
    positions: NDArray[np.int64]


def probe_figures(episodes: Sequence[HeldOutEpisode], num_training: int) -> tuple[Figure, ...]:
    """Return the figures that the labels of some episodes allow; none without labels.

    Args:
        episodes: Held-out episodes; a label counts where all have it.
        num_training: Training episodes there are.
    """
    if len(episodes) < 4 or any(PHASE not in episode.labels for episode in episodes):
        return ()
    num_labelled = num_training or len(episodes) // 2
    shots = tuple(shot for shot in SHOTS if shot <= num_labelled)
    return (
        *(
            Figure(
                f"phase_{round(100 * f)}", f"phase, {round(100 * f)} % of labels: accuracy %",
                True, "higher", "dataset", partial(_phase_accuracy, fraction=f),
            )
            for f in FRACTIONS
        ),
        *(
            Figure(
                f"phase_shots_{shot}", f"phase, {shot} labelled: accuracy %", True, "higher",
                "dataset", partial(_few_shot_accuracy, shot=shot, shots=shots),
            )
            for shot in shots
        ),
        Figure("progression_r2", "progression R2", False, "higher", "dataset", _progression),
        Figure(
            "progression_beyond_clock", "progression beyond a clock", False, "higher", "dataset",
            _beyond_clock,
        ),
        Figure("event_error", "event error %", True, "lower", "dataset", _event_error),
        Figure(
            "published_phase", "phase, TCC's code: accuracy %", True, "higher", "dataset",
            _published_phase, is_published=True,
        ),
        Figure(
            "published_progression_r2", "progression R2, TCC's code", False, "higher", "dataset",
            _published_progression, is_published=True,
        ),
    )  # fmt: skip


def halves(everything: EmbeddedEpisodes) -> list[Half] | None:
    """Return what probes learn on and read; None where episodes lack phases or are too wide."""
    return everything.once("halves", _halves)  # type: ignore[no-any-return]


def _halves(everything: EmbeddedEpisodes) -> list[Half] | None:
    items = everything.comparison.queries
    positions = [item[0].episode for item in items]
    test = _films(everything.episodes, everything.embedded, positions)
    train = _films(
        everything.training, everything.training_embedded, range(len(everything.training))
    )
    if test is None or train is None or test[0][0].embedding.shape[1] > TOO_WIDE:
        return None
    every = np.arange(len(items))
    if train:
        return [Half(train, test, every)]
    sides = (every % 2 == 0, every % 2 == 1)
    return [
        Half(
            [test[i] for i in np.flatnonzero(~side)],
            [test[i] for i in np.flatnonzero(side)],
            np.flatnonzero(side),
        )
        for side in sides
    ]


def _films(
    episodes: Sequence[HeldOutEpisode], embedded: Sequence[Embedded], positions: Sequence[int]
) -> list[list[LabelledFilm]] | None:
    if any(PHASE not in episodes[i].labels for i in positions):
        return None
    return [
        [
            LabelledFilm(film, episodes[i].labels[PHASE], episodes[i].times_seconds[view])
            for view, film in embedded[i].items()
        ]
        for i in positions
    ]


def _joined(
    episodes: Sequence[Sequence[LabelledFilm]],
) -> tuple[list[NDArray[Any]], list[NDArray[Any]]]:
    """Return every k-th frame of each episode's films behind each other, and their phases."""
    num_frames = sum(len(film.phases) for films in episodes for film in films)
    step = -(-num_frames // MOST_FRAMES)
    return (
        [np.concatenate([film.embedding[::step] for film in films]) for films in episodes],
        [np.concatenate([film.phases[::step] for film in films]) for films in episodes],
    )


def _per_episode(
    everything: EmbeddedEpisodes, parts: Iterator[tuple[Half, NDArray[np.float64]]]
) -> NDArray[np.float64] | None:
    """Return (N,) from what each half says of its episodes."""
    values = np.full(len(everything.comparison.queries), np.nan)
    for half, own in parts:
        values[half.positions] = own
    return values if np.isfinite(values).all() else None


def _phase_accuracy(everything: EmbeddedEpisodes, fraction: float) -> NDArray[np.float64] | None:
    def find(everything: EmbeddedEpisodes) -> list[Mapping[float, Any]]:
        return [
            phase_classification(
                *_joined(half.train), *_joined(half.test), np.random.default_rng(0),
                fractions=FRACTIONS, num_draws=NUM_DRAWS,
            )
            for half in halves(everything) or ()
        ]  # fmt: skip

    return _phase_scores(everything, everything.once("phases", find), fraction)


def _few_shot_accuracy(
    everything: EmbeddedEpisodes, shot: int, shots: Sequence[int]
) -> NDArray[np.float64] | None:
    def find(everything: EmbeddedEpisodes) -> list[Mapping[int, Any]]:
        return [
            few_shot_classification(
                *_joined(half.train), *_joined(half.test), np.random.default_rng(0),
                shots=shots, num_draws=NUM_DRAWS,
            )
            for half in halves(everything) or ()
        ]  # fmt: skip

    return _phase_scores(everything, everything.once("few shots", find), shot)


def _phase_scores(
    everything: EmbeddedEpisodes, scores: Sequence[Mapping[Any, Any]], key: float
) -> NDArray[np.float64] | None:
    if not scores:
        return None
    of_halves = zip(halves(everything) or (), scores, strict=True)
    return _per_episode(
        everything, ((half, score[key].per_episode.mean(axis=0)) for half, score in of_halves)
    )


@dataclass(frozen=True)
class _Events:
    """Films one by one with the frame of each event that happens on both sides of a half."""

    train: tuple[list[NDArray[Any]], list[NDArray[np.float64]]]
    test: tuple[list[NDArray[Any]], list[NDArray[np.float64]]]
    owners: NDArray[np.int64]


def _events(half: Half) -> _Events | None:
    sides = [[film for films in side for film in films] for side in (half.train, half.test)]
    num_phases = 1 + max(int(film.phases.max()) for side in sides for film in side)
    starts = [np.stack([phase_starts(film.phases, num_phases) for film in side]) for side in sides]
    happens = np.all([np.isfinite(one).any(axis=0) for one in starts], axis=0)  # (E,)
    if not happens.any():
        return None
    train, test = (
        ([film.embedding for film in side], list(one[:, happens]))
        for side, one in zip(sides, starts, strict=True)
    )
    owners = np.repeat(half.positions, [len(films) for films in half.test])
    return _Events(train, test, owners)


def _progressions(everything: EmbeddedEpisodes) -> list[Any]:
    found = [_events(half) for half in halves(everything) or ()]
    return [
        phase_progression(*one.train, *one.test, np.random.default_rng(0))
        for one in found
        if one is not None
    ]


def _progression(everything: EmbeddedEpisodes) -> NDArray[np.float64] | None:
    scores = everything.once("progression", _progressions)
    return np.array(np.mean([score.r2 for score in scores])) if scores else None


def _beyond_clock(everything: EmbeddedEpisodes) -> NDArray[np.float64] | None:
    scores = everything.once("progression", _progressions)
    values = [score.beyond_clock for score in scores]
    return np.array(np.mean(values)) if values and np.isfinite(values).all() else None


def _event_error(everything: EmbeddedEpisodes) -> NDArray[np.float64] | None:
    """Return (N,), how far events are found from where they are, as a share of the film."""
    found = [_events(half) for half in halves(everything) or ()]
    values = np.zeros(len(everything.comparison.queries))
    counts = np.zeros(len(values))
    for one in found:
        if one is None:
            return None
        lengths = np.array([len(film) for film in one.test[0]])
        for score in event_completion(*one.train, *one.test, np.random.default_rng(0)):
            errors = score.per_episode_error_frames / lengths
            known = np.isfinite(errors)
            np.add.at(values, one.owners[known], errors[known])
            np.add.at(counts, one.owners[known], 1)
    return values / counts if len(found) and counts.all() else None


def _published_phase(everything: EmbeddedEpisodes) -> NDArray[np.float64] | None:
    scores = [
        published_phase_accuracy(*_joined(half.train), *_joined(half.test))
        for half in halves(everything) or ()
    ]
    return np.array(np.mean(scores)) if scores else None


def _published_progression(everything: EmbeddedEpisodes) -> NDArray[np.float64] | None:
    scores = []
    for half in halves(everything) or ():
        sides = [[film for films in side for film in films] for side in (half.train, half.test)]
        num_phases = 1 + max(int(film.phases.max()) for side in sides for film in side)
        train, test = (
            ([film.embedding for film in side], [film.phases for film in side]) for side in sides
        )
        if num_phases > 1:
            scores.append(published_phase_progression(*train, *test, num_phases).r2)
    return np.array(np.mean(scores)) if scores else None

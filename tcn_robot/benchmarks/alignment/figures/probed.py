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
    published_phase_hits,
    published_phase_progression,
)

PHASE = "phase_index"
#: Held-out episodes that probes need, two to a half.
FEWEST_PROBED = 4
#: Shares of the training episodes that are labelled.
FRACTIONS = (0.1, 0.5, 1.0)
SHOTS = (1, 2, 3, 5, 10)
NUM_DRAWS = 3
#: Most frames that a classifier learns on or reads: of more, every k-th of each film.
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
    if len(episodes) < FEWEST_PROBED or any(PHASE not in episode.labels for episode in episodes):
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
    episodes: Sequence[Sequence[LabelledFilm]], most_frames: int | None = None
) -> tuple[list[NDArray[Any]], list[NDArray[Any]]]:
    """Return the frames of each episode's films behind each other, and their phases.

    Of more than `most_frames` in all, every k-th of each film.
    """
    num_frames = sum(len(film.phases) for films in episodes for film in films)
    step = 1 if most_frames is None else -(-num_frames // most_frames)
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
                *_joined(half.train), *_joined(half.test, MOST_FRAMES), np.random.default_rng(0),
                fractions=FRACTIONS, num_draws=NUM_DRAWS, most_frames=MOST_FRAMES,
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
                *_joined(half.train), *_joined(half.test, MOST_FRAMES), np.random.default_rng(0),
                shots=shots, num_draws=NUM_DRAWS, most_frames=MOST_FRAMES,
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
    """Films one by one with the frame of each event that happens on both sides of a half.

    Attributes:
        train: Embeddings, and (E,) frames of the events.
        test: Likewise.
        clocks: Seconds since the start of each film, of both sides.
        owners: Whose each test film is.
        happens: Of all events of the task, those that happen.
    """

    train: tuple[list[NDArray[Any]], list[NDArray[np.float64]]]
    test: tuple[list[NDArray[Any]], list[NDArray[np.float64]]]
    clocks: tuple[list[NDArray[np.float64]], list[NDArray[np.float64]]]
    owners: NDArray[np.int64]
    happens: NDArray[np.int64]


def _events(half: Half) -> _Events | None:
    train, test = ([film for films in side for film in films] for side in (half.train, half.test))
    num_phases = 1 + max(int(film.phases.max()) for film in (*train, *test))
    starts = [
        np.stack([phase_starts(film.phases, num_phases) for film in side]) for side in (train, test)
    ]
    happens = np.all([np.isfinite(one).any(axis=0) for one in starts], axis=0)  # (E,)
    if not happens.any():
        return None
    return _Events(
        train=([film.embedding for film in train], list(starts[0][:, happens])),
        test=([film.embedding for film in test], list(starts[1][:, happens])),
        clocks=(_clocks(train), _clocks(test)),
        owners=_owners(half),
        happens=np.flatnonzero(happens),
    )


def _clocks(films: Sequence[LabelledFilm]) -> list[NDArray[np.float64]]:
    return [film.times_seconds - film.times_seconds[0] for film in films]


def _owners(half: Half) -> NDArray[np.int64]:
    """Return which item each test film belongs to."""
    return np.repeat(half.positions, [len(films) for films in half.test])


class _Ratios:
    """Sums over the films of each item whose ratio counts, as `Measured` has them, (N, C, 2)."""

    def __init__(self, everything: EmbeddedEpisodes) -> None:
        self._sums: dict[int, NDArray[np.float64]] = {}
        self._num_items = len(everything.comparison.queries)

    def add(self, column: int, owners: NDArray[np.int64], over: Any, under: Any) -> None:
        """Add to a column what each film has above and below the line."""
        sums = self._sums.setdefault(column, np.zeros((self._num_items, 2)))
        np.add.at(sums, owners, np.stack([over, under], axis=1))

    def values(self) -> NDArray[np.float64] | None:
        """Return (N, C, 2); None where nothing was added."""
        columns = [self._sums[column] for column in sorted(self._sums)]
        return np.stack(columns, axis=1) if columns else None


def _progressions(everything: EmbeddedEpisodes) -> list[tuple[_Events, Any]]:
    found = [_events(half) for half in halves(everything) or ()]
    return [
        (one, phase_progression(*one.train, *one.test, np.random.default_rng(0),
                                train_times=one.clocks[0], test_times=one.clocks[1]))
        for one in found
        if one is not None
    ]  # fmt: skip


def _progression(everything: EmbeddedEpisodes) -> NDArray[np.float64] | None:
    """Return (N, E, 2): the spread of the targets that is explained, and the spread."""
    ratios = _Ratios(everything)
    for one, score in everything.once("progression", _progressions):
        explained = score.spreads - score.squared_errors
        for place, event in enumerate(one.happens):
            ratios.add(event, one.owners, explained[:, place], score.spreads[:, place])
    return ratios.values()


def _beyond_clock(everything: EmbeddedEpisodes) -> NDArray[np.float64] | None:
    """Return (N, E, 2): how far the squared error is below the clock's, and the clock's."""
    ratios = _Ratios(everything)
    for one, score in everything.once("progression", _progressions):
        # A clock that is right up to rounding leaves nothing to be better at.
        clock = np.maximum(score.clock_squared_errors, 1e-12 * score.spreads)
        # Twice the clock's error stands for all that is worse, as in `phase_progression`.
        worse = np.maximum(score.squared_errors.sum(axis=0) / (2 * clock.sum(axis=0)), 1)
        for place, event in enumerate(one.happens):
            own = score.squared_errors[:, place] / worse[place]
            ratios.add(event, one.owners, clock[:, place] - own, clock[:, place])
    return ratios.values()


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
    """Return (N, 1, 2): frames that are right, and frames there are."""
    ratios = _Ratios(everything)
    for half in halves(everything) or ():
        hits = published_phase_hits(
            *_joined(half.train, MOST_FRAMES), *_joined(half.test, MOST_FRAMES)
        )
        right, count = [one.sum() for one in hits], [len(one) for one in hits]
        ratios.add(0, half.positions, right, count)
    return ratios.values()


def _published_progression(everything: EmbeddedEpisodes) -> NDArray[np.float64] | None:
    """Return (N, E, 2): the spread of the targets that is explained, and the spread."""
    ratios = _Ratios(everything)
    for half in halves(everything) or ():
        sides = [[film for films in side for film in films] for side in (half.train, half.test)]
        num_phases = 1 + max(int(film.phases.max()) for side in sides for film in side)
        train, test = (
            ([film.embedding for film in side], [film.phases for film in side]) for side in sides
        )
        if num_phases < 2:
            continue
        score = published_phase_progression(*train, *test, num_phases)
        explained = score.spreads - score.squared_errors
        for event in range(num_phases - 1):
            ratios.add(event, _owners(half), explained[:, event], score.spreads[:, event])
    return ratios.values()

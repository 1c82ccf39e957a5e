"""Phase progression: how far is a frame from each key event, read by linear regression.

The measure of TCC (Dwibedi et al. 2019, section 4.2): for every key event the target is
`(t - t_event) / T`, and the figure is R^2 averaged over events.

Differs from the paper: an event that never happened has no target, where the code
takes the last frame; ridge, its strength chosen on training episodes; and what a clock
reaches stands beside it. The targets of all events are the same straight line of time, shifted, so
that a counter that sees nothing scores near 1 wherever events come at about the same time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.linear_model import LinearRegression, Ridge

from tcn_robot.benchmarks.alignment.probes.labels import (
    EventEpisodes,
    Scaling,
    check_one_dimension,
    event_episodes,
    folds,
    phase_episodes,
)
from tcn_robot.metrics.checks import MetricInputError, checked_sequence, checked_times

#: What the penalty of ridge per training frame is chosen from.
PENALTIES = (1e-6, 1e-4, 1e-2, 1.0)
#: (T_i, 2) of each episode.
_Clocks = list[NDArray[np.float64]]


@dataclass(frozen=True)
class Progression:
    """How well progress is read.

    Attributes:
        r2: Mean over events of `per_event`. At most 1; 0 is what the mean of the test targets gets,
            and knowing nothing is 0 or a little below.
        per_event: float64 (E,), R^2 over the frames of all test episodes in which it happened.
        per_episode: float64 (N,), mean over events of R^2 within one test episode; harsher, since
            the spread of times between episodes does not help. NaN for one frame or no event.
        clock_r2: `r2` of a regression that is given frame number and share of the film, no picture.
        beyond_clock: Mean over events of 1 - squared error / the clock's squared error: above 0 is
            more than a clock knows; -1 stands for twice its error and for all that is worse.
        never_happened: int (E,), test episodes without the event; they count for nothing.
        penalties: The ridge's penalty that was chosen for each event.
        squared_errors: float64 (N, E), sum over the frames of a test episode; 0 where the event did
            not happen, as in the next two. `per_event` is 1 - its sum over episodes / that of
            `spreads`, so that an interval can draw episodes.
        clock_squared_errors: float64 (N, E), the clock's.
        spreads: float64 (N, E), squared distances from the mean target of all test frames.
    """

    r2: float
    per_event: NDArray[np.float64]
    per_episode: NDArray[np.float64]
    clock_r2: float
    beyond_clock: float
    never_happened: NDArray[np.int64]
    penalties: tuple[float, ...]
    squared_errors: NDArray[np.float64]
    clock_squared_errors: NDArray[np.float64]
    spreads: NDArray[np.float64]


@dataclass(frozen=True)
class PublishedProgression:
    """Phase progression as TCC's code has it, event_completion.py.

    Attributes:
        r2: Mean over events of R^2 over all test frames, of ordinary least squares.
        event_error: Mean over events and episodes of |found - true| / T, where each frame votes for
            the event's frame and the mean is found.
        squared_errors: float64 (N, E), sum over the frames of a test episode.
        spreads: float64 (N, E), squared distances from the mean target of all test frames.
    """

    r2: float
    event_error: float
    squared_errors: NDArray[np.float64]
    spreads: NDArray[np.float64]


def phase_progression(
    train_embeddings: Sequence[ArrayLike],
    train_events: Sequence[ArrayLike],
    test_embeddings: Sequence[ArrayLike],
    test_events: Sequence[ArrayLike],
    generator: np.random.Generator,
    *,
    train_times: Sequence[ArrayLike] | None = None,
    test_times: Sequence[ArrayLike] | None = None,
) -> Progression:
    """Return how well the time to each event is read from single frames.

    Args:
        train_embeddings: (T_i, D) of each training episode.
        train_events: (E,) of each, the frame of each event, NaN where it never happened;
            `phase_starts` has them from phases.
        test_embeddings: (T_j, D) of each test episode.
        test_events: (E,) of each.
        generator: Draws the folds by which the penalty is chosen.
        train_times: (T_i,) what the clock shows, from the start of each episode; the number of the
            frame when None. For episodes of which not every frame is here.
        test_times: (T_j,) likewise, in the same unit.

    Raises:
        MetricInputError: Shapes that do not fit, numbers that are not finite, or an event that
            happens in no training or no test episode.
    """
    train = event_episodes(train_embeddings, train_events, "training")
    test = event_episodes(test_embeddings, test_events, "test")
    check_one_dimension(train.embeddings, test.embeddings)
    check_events_happen(train, test)
    clocks = (_clocks(train, train_times, "training"), _clocks(test, test_times, "test"))
    events = [_one_event(train, test, clocks, e, generator) for e in range(train.events.shape[1])]
    within = np.stack([event.within for event in events])  # (E, N)
    known = ~np.isnan(within)
    sums, counts = np.where(known, within, 0).sum(axis=0), known.sum(axis=0)  # (N,)
    return Progression(
        r2=float(np.mean([event.r2 for event in events])),
        per_event=np.array([event.r2 for event in events]),
        per_episode=np.where(counts > 0, sums / np.maximum(counts, 1), np.nan),
        clock_r2=float(np.mean([event.clock_r2 for event in events])),
        beyond_clock=float(np.mean([event.beyond_clock for event in events])),
        never_happened=np.isnan(test.events).sum(axis=0),
        penalties=tuple(event.penalty for event in events),
        squared_errors=np.stack([event.squared_errors for event in events], axis=1),
        clock_squared_errors=np.stack([event.clock_squared_errors for event in events], axis=1),
        spreads=np.stack([event.spreads for event in events], axis=1),
    )


@dataclass(frozen=True)
class _OneEvent:
    """The figures of one event; arrays are (N,), `within` R^2 within each test episode."""

    r2: float
    clock_r2: float
    beyond_clock: float
    within: NDArray[np.float64]
    penalty: float
    squared_errors: NDArray[np.float64]
    clock_squared_errors: NDArray[np.float64]
    spreads: NDArray[np.float64]


def _one_event(
    train: EventEpisodes,
    test: EventEpisodes,
    all_clocks: tuple[_Clocks, _Clocks],
    event: int,
    generator: np.random.Generator,
) -> _OneEvent:
    frames, targets = _with_event(train, event)
    asked, truths = _with_event(test, event)
    spreads = _spreads(truths)
    spread = float(spreads.sum())
    if spread == 0:
        raise MetricInputError(
            f"test: expected frames at several times from event {event}, found films of one "
            "frame; take longer ones"
        )
    penalty = _chosen_penalty(frames, targets, generator)
    errors = _squared_errors(frames, targets, asked, truths, penalty)
    clocks, asked_clocks = (
        [clock[i] for i in _happened(part, event)]
        for part, clock in zip((train, test), all_clocks, strict=True)
    )
    clock_errors = _squared_errors(clocks, targets, asked_clocks, truths, PENALTIES[0])
    error, clock_error = (float(np.concatenate(x).sum()) for x in (errors, clock_errors))
    happened = _happened(test, event)
    within = np.full(len(test.embeddings), np.nan)
    sums = np.zeros((3, len(test.embeddings)))
    sums[0, happened] = [own.sum() for own in errors]
    sums[1, happened] = [own.sum() for own in clock_errors]
    sums[2, happened] = spreads
    for episode, own, truth in zip(happened, errors, truths, strict=True):
        if len(truth) > 1:
            within[episode] = 1 - own.sum() / np.square(truth - truth.mean()).sum()
    return _OneEvent(
        r2=1 - error / spread,
        clock_r2=1 - clock_error / spread,
        # A clock that is right up to rounding leaves nothing to be better at.
        beyond_clock=1 - min(error / max(clock_error, 1e-12 * spread), 2),
        within=within,
        penalty=penalty,
        squared_errors=sums[0],
        clock_squared_errors=sums[1],
        spreads=sums[2],
    )


def _spreads(truths: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return the squared distances from the mean of all, summed over each episode, (N,)."""
    mean = np.concatenate(truths).mean()
    return np.array([np.square(truth - mean).sum() for truth in truths])


def published_phase_progression(
    train_embeddings: Sequence[ArrayLike],
    train_phases: Sequence[ArrayLike],
    test_embeddings: Sequence[ArrayLike],
    test_phases: Sequence[ArrayLike],
    num_phases: int,
) -> PublishedProgression:
    """Return the phase progression of TCC's code, event_completion.py.

    The event of phase c is its last frame before a later phase, or the first frame of the later one
    where c was jumped over, or the last frame of the film where none comes.

    What fools it: a counter of frames, where films are equally fast; and an episode that never
    gets to an event, which is asked for its last frame. `phase_progression` has what a
    clock reaches beside it, and leaves such episodes out.

    Args:
        train_embeddings: (T_i, D) of each training episode.
        train_phases: (T_i,) numbers of phases, from 0.
        test_embeddings: (T_j, D) of each test episode.
        test_phases: (T_j,) of each.
        num_phases: How many phases the task has; there is one event less.

    Raises:
        MetricInputError: Shapes that do not fit, numbers that are not finite, or one phase.
    """
    if num_phases < 2:
        raise MetricInputError(f"expected 2 phases or more, found {num_phases}: no event")
    train = phase_episodes(train_embeddings, train_phases, "training")
    test = phase_episodes(test_embeddings, test_phases, "test")
    check_one_dimension(train.embeddings, test.embeddings)
    frames, asked = ([x.astype(np.float64) for x in part.embeddings] for part in (train, test))
    r2, errors, squared_errors, spreads = [], [], [], []
    for phase in range(num_phases - 1):
        targets, truths = (
            [_published_target(labels, phase) for labels in part.phases] for part in (train, test)
        )
        line = LinearRegression().fit(np.concatenate(frames), np.concatenate(targets))
        r2.append(line.score(np.concatenate(asked), np.concatenate(truths)))
        missed = [truth - line.predict(x) for x, truth in zip(asked, truths, strict=True)]
        errors += [abs(float(one.mean())) for one in missed]
        squared_errors.append([np.square(one).sum() for one in missed])
        spreads.append(_spreads(truths))
    return PublishedProgression(
        r2=float(np.mean(r2)),
        event_error=float(np.mean(errors)),
        squared_errors=np.stack(squared_errors, axis=1),
        spreads=np.stack(spreads, axis=1),
    )


def check_events_happen(train: EventEpisodes, test: EventEpisodes) -> None:
    """Check that every event happens somewhere, in training and in testing.

    Raises:
        MetricInputError: One does not, or there is none.
    """
    if train.events.shape[1] != test.events.shape[1] or train.events.shape[1] == 0:
        raise MetricInputError(
            f"expected the same events in training and testing, 1 or more, found "
            f"{train.events.shape[1]} and {test.events.shape[1]}"
        )
    for name, part in (("training", train), ("test", test)):
        absent = np.flatnonzero(np.isnan(part.events).all(axis=0))
        if len(absent):
            raise MetricInputError(
                f"{name}: expected every event in 1 episode or more, found event {absent[0]} in "
                "none; leave it out, or take other episodes"
            )


def _happened(episodes: EventEpisodes, event: int) -> NDArray[np.int64]:
    return np.flatnonzero(~np.isnan(episodes.events[:, event]))


def _with_event(
    episodes: EventEpisodes, event: int
) -> tuple[list[NDArray[Any]], list[NDArray[np.float64]]]:
    """Return the episodes in which it happened, and (t - t_event) / T of their frames."""
    frames = [episodes.embeddings[i] for i in _happened(episodes, event)]
    times = episodes.events[_happened(episodes, event), event]
    targets = [(np.arange(len(x)) - at) / len(x) for x, at in zip(frames, times, strict=True)]
    return frames, targets


def _squared_errors(
    frames: Sequence[NDArray[Any]],
    targets: Sequence[NDArray[np.float64]],
    asked: Sequence[NDArray[Any]],
    truths: Sequence[NDArray[np.float64]],
    penalty: float,
) -> list[NDArray[np.float64]]:
    """Return the squared error of each frame asked for, (T_j,) each."""
    together = np.concatenate(frames)
    scaling = Scaling.of(together)
    line = Ridge(alpha=penalty * len(together)).fit(scaling(together), np.concatenate(targets))
    return [
        np.square(line.predict(scaling(x)) - truth) for x, truth in zip(asked, truths, strict=True)
    ]


def _chosen_penalty(
    frames: Sequence[NDArray[Any]],
    targets: Sequence[NDArray[np.float64]],
    generator: np.random.Generator,
) -> float:
    """Return the penalty with the least error on training episodes held out in turn."""
    held_out = folds(len(frames), generator)
    if not held_out:
        return PENALTIES[1]
    errors = np.zeros(len(PENALTIES))
    for fold in held_out:
        rest = np.setdiff1d(np.arange(len(frames)), fold)
        parts = [[whole[i] for i in part] for part in (rest, fold) for whole in (frames, targets)]
        for p, penalty in enumerate(PENALTIES):
            errors[p] += sum(
                float(x.sum())
                for x in _squared_errors(parts[0], parts[1], parts[2], parts[3], penalty)
            )
    return PENALTIES[int(errors.argmin())]


def _clocks(episodes: EventEpisodes, times: Sequence[ArrayLike] | None, name: str) -> _Clocks:
    """Return what a clock shows in each episode, (T_i, 2): the time, and the share of the film."""
    counters = [np.arange(len(x), dtype=np.float64) for x in episodes.embeddings]
    if times is None:
        shown = counters
    elif len(times) != len(counters):
        raise MetricInputError(
            f"{name}: expected times of {len(counters)} episodes, found {len(times)}; pass one "
            "array for each"
        )
    else:
        shown = [
            checked_times(one, len(counter), f"{name} episode {i}")
            for i, (one, counter) in enumerate(zip(times, counters, strict=True))
        ]
    return [
        np.stack([time, counter / len(counter)], axis=1)
        for time, counter in zip(shown, counters, strict=True)
    ]


def _published_target(phases: NDArray[np.generic], phase: int) -> NDArray[np.float64]:
    labels = checked_sequence(phases, "phase")
    later = np.flatnonzero(labels[1:] > phase) + 1
    at = len(labels) - 1
    if len(later):
        at = int(later[0]) - int(labels[later[0] - 1] == phase)
    return (np.arange(float(len(labels))) - at) / len(labels)

"""Event completion: has an event already happened, and when, read from single frames.

The code of TCC (Dwibedi et al. 2019) has a task of this name and regresses the share of the film
to the event: `published_phase_progression` has that error. Here a logistic regression says of each
frame whether the event has happened, and the time is where the film most likely changes from "not
yet" to "done": an error in frames and seconds, beside that of an answer which sees nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.linear_model import LogisticRegression

from tcn_robot.benchmarks.alignment.probes.labels import (
    EventEpisodes,
    Scaling,
    check_one_dimension,
    event_episodes,
    folds,
)
from tcn_robot.benchmarks.alignment.probes.progression import check_events_happen
from tcn_robot.metrics.checks import MetricInputError, checked_times

#: What C of the logistic regression is chosen from; the second where one episode is no choice.
STRENGTHS = (0.01, 1.0, 100.0)


@dataclass(frozen=True)
class EventScore:
    """How well one event is found.

    Attributes:
        balanced_accuracy: Of "has it happened?", mean over frames before and after; chance 0.5.
        error_frames: Mean over test episodes in which it happened of |found - true|. Where nothing
            was found the film's length is: it happened after all.
        chance_error_frames: The same for always answering the training episodes' median frame.
        error_seconds: `error_frames` on the films' own clocks, None where no times were given.
        chance_error_seconds: The same for the training episodes' median frame.
        per_episode_error_frames: float64 (N,), NaN where it did not happen.
        missed: Share of the test episodes with the event in which none was found.
        invented: Share of those without it in which one was; None where all have it.
        strength: The C that was chosen.
    """

    balanced_accuracy: float
    error_frames: float
    chance_error_frames: float
    error_seconds: float | None
    chance_error_seconds: float | None
    per_episode_error_frames: NDArray[np.float64]
    missed: float
    invented: float | None
    strength: float


def event_completion(
    train_embeddings: Sequence[ArrayLike],
    train_events: Sequence[ArrayLike],
    test_embeddings: Sequence[ArrayLike],
    test_events: Sequence[ArrayLike],
    generator: np.random.Generator,
    *,
    test_times: Sequence[ArrayLike] | None = None,
) -> list[EventScore]:
    """Return how well each event is found in test episodes.

    What fools it: a clock, where an event comes at about the same time in all films; so the error
    of the median time, and a counter of frames as an embedding, have to stand beside it.

    Args:
        train_embeddings: (T_i, D) of each training episode.
        train_events: (E,) of each, the first frame after each event, NaN where it never happened;
            `phase_starts` has them from phases.
        test_embeddings: (T_j, D) of each test episode.
        test_events: (E,) of each.
        generator: Draws the folds by which C is chosen.
        test_times: (T_j,) seconds of each test episode's frames.

    Returns:
        One score per event.

    Raises:
        MetricInputError: Shapes that do not fit, numbers that are not finite, or an event that
            happens in no training or no test episode.
    """
    train = event_episodes(train_embeddings, train_events, "training")
    test = event_episodes(test_embeddings, test_events, "test")
    check_one_dimension(train.embeddings, test.embeddings)
    check_events_happen(train, test)
    clocks = None if test_times is None else _clocks(test_times, test)
    return [_score(train, test, event, generator, clocks) for event in range(train.events.shape[1])]


def _score(
    train: EventEpisodes,
    test: EventEpisodes,
    event: int,
    generator: np.random.Generator,
    clocks: list[NDArray[np.float64]] | None,
) -> EventScore:
    done = [
        _done(len(x), at) for x, at in zip(train.embeddings, train.events[:, event], strict=True)
    ]
    strength = _chosen_strength(train.embeddings, done, generator)
    margin = _Margin(train.embeddings, done, strength)
    margins = [margin(frames) for frames in test.embeddings]
    found = np.array([_change(x) for x in margins])  # (N,) frames, T where none was found
    true = test.events[:, event]
    happened = ~np.isnan(true)
    lengths = np.array([len(x) for x in test.embeddings])
    guess = np.minimum(np.nanmedian(train.events[:, event]), lengths - 1)
    answers = np.concatenate(margins) > 0
    truth = np.concatenate([_done(n, at) for n, at in zip(lengths, true, strict=True)])
    seconds = None if clocks is None else _seconds(clocks, true, found, guess)
    errors = np.abs(found - true)
    return EventScore(
        balanced_accuracy=float(
            np.mean([(answers == side)[truth == side].mean() for side in np.unique(truth)])
        ),
        error_frames=float(errors[happened].mean()),
        chance_error_frames=float(np.abs(guess - true)[happened].mean()),
        error_seconds=None if seconds is None else seconds[0],
        chance_error_seconds=None if seconds is None else seconds[1],
        per_episode_error_frames=errors,
        missed=float((found == lengths)[happened].mean()),
        invented=None if happened.all() else float((found < lengths)[~happened].mean()),
        strength=strength,
    )


class _Margin:
    """The log-odds that an event has happened, by logistic regression on training episodes."""

    def __init__(
        self,
        embeddings: Sequence[NDArray[Any]],
        done: Sequence[NDArray[np.bool_]],
        strength: float,
    ) -> None:
        frames, labels = np.concatenate(embeddings), np.concatenate(done)
        self._scaling = Scaling.of(frames)
        self._always = labels[0] if labels.all() or not labels.any() else None
        if self._always is None:
            self._model = LogisticRegression(C=strength, max_iter=2000)
            self._model.fit(self._scaling(frames), labels)

    def __call__(self, frames: NDArray[Any]) -> NDArray[np.float64]:
        """Return the log-odds of each frame, (T, D) -> (T,)."""
        if self._always is not None:
            return np.full(len(frames), 1.0 if self._always else -1.0)
        return np.asarray(self._model.decision_function(self._scaling(frames)))


def _change(margins: NDArray[np.float64]) -> int:
    """Return the frame from which on the event has most likely happened; T for never.

    The log-likelihood of a change at k is, up to what does not depend on k, the sum of the log-odds
    from k on. Of equally likely frames the last is taken.
    """
    after = np.append(np.cumsum(margins[::-1])[::-1], 0.0)  # (T + 1,)
    return int(len(margins) - after[::-1].argmax())


def _done(num_frames: int, event: float) -> NDArray[np.bool_]:
    """Return whether it has happened in each frame, (T,); nowhere for NaN."""
    return np.arange(num_frames) >= event


def _chosen_strength(
    embeddings: Sequence[NDArray[Any]],
    done: Sequence[NDArray[np.bool_]],
    generator: np.random.Generator,
) -> float:
    """Return the C with the highest likelihood on training episodes held out in turn."""
    held_out = folds(len(embeddings), generator)
    if not held_out:
        return STRENGTHS[1]
    losses = np.zeros(len(STRENGTHS))
    for fold in held_out:
        rest = np.setdiff1d(np.arange(len(embeddings)), fold)
        for s, strength in enumerate(STRENGTHS):
            margin = _Margin([embeddings[i] for i in rest], [done[i] for i in rest], strength)
            for i in fold:
                signs = np.where(done[i], -1.0, 1.0)
                losses[s] += float(np.logaddexp(0.0, signs * margin(embeddings[i])).mean())
    return STRENGTHS[int(losses.argmin())]


def _clocks(test_times: Sequence[ArrayLike], test: EventEpisodes) -> list[NDArray[np.float64]]:
    if len(test_times) != len(test.embeddings):
        raise MetricInputError(
            f"expected times of {len(test.embeddings)} test episodes, found {len(test_times)}; "
            "pass one array for each"
        )
    return [
        checked_times(times, len(frames), f"test episode {i}")
        for i, (times, frames) in enumerate(zip(test_times, test.embeddings, strict=True))
    ]


def _seconds(
    clocks: Sequence[NDArray[np.float64]],
    true: NDArray[np.float64],
    *answers: NDArray[np.generic],
) -> list[float]:
    """Return the mean error in seconds of each set of answers, over episodes with the event."""
    means = []
    for frames in answers:
        errors = []
        for clock, at, answer in zip(clocks, true, frames, strict=True):
            if np.isnan(at):
                continue
            # One frame after the last stands for "never": as much later as a frame lasts.
            step = float(np.median(np.diff(clock))) if len(clock) > 1 else 0.0
            seconds = np.append(clock, clock[-1] + step)
            times = np.interp([float(answer), at], np.arange(len(seconds)), seconds)
            errors.append(abs(times[0] - times[1]))
        means.append(float(np.mean(errors)))
    return means

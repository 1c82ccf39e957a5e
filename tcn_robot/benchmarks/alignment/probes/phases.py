"""Phase classification: which phase of the task does a frame show, read by an SVM from few labels.

The measure of TCC (Dwibedi et al. 2019, section 4.1): an SVM on the frames of 10, 50 and 100 % of
the labelled episodes, and of 1 to 10 of them (few-shot).

Differs from the paper's code: several draws of the labelled episodes and not the first ones of the
list; a linear SVM, standardised, its C chosen on the labelled episodes alone (`kernel="rbf"` has
the other kernel); balanced accuracy and the score of the most frequent phase beside it, since a
phase that lasts half of the time makes half of the frames right for who knows nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.svm import SVC

from tcn_robot.benchmarks.alignment.probes.labels import (
    PhaseEpisodes,
    check_one_dimension,
    phase_episodes,
)
from tcn_robot.benchmarks.alignment.probes.svm import Kernel, chosen_strength, fitted_svm
from tcn_robot.metrics.checks import MetricInputError


@dataclass(frozen=True)
class PhaseScore:
    """How well phases are read from one number of labelled episodes.

    Attributes:
        num_labelled: Labelled episodes of a draw.
        accuracy: Share of frames right, averaged over test episodes, then over draws; in [0, 1].
        interval: 95 % interval of it; test episodes and draws are both drawn again.
        pooled_accuracy: Share of all test frames right, as TCC has it, averaged over draws.
        balanced_accuracy: Mean over phases of the share of their frames right, pooled.
        per_phase: {phase: that share}.
        chance_accuracy: `accuracy` of always answering the labelled episodes' most frequent phase.
        chance_balanced_accuracy: One over the number of phases in the test episodes.
        per_episode: float64 (draws, N), each test episode's accuracy.
        strengths: The C that was chosen in each draw.
    """

    num_labelled: int
    accuracy: float
    interval: tuple[float, float]
    pooled_accuracy: float
    balanced_accuracy: float
    per_phase: dict[str, float]
    chance_accuracy: float
    chance_balanced_accuracy: float
    per_episode: NDArray[np.float64]
    strengths: tuple[float, ...]


def phase_classification(
    train_embeddings: Sequence[ArrayLike],
    train_phases: Sequence[ArrayLike],
    test_embeddings: Sequence[ArrayLike],
    test_phases: Sequence[ArrayLike],
    generator: np.random.Generator,
    *,
    fractions: Sequence[float] = (0.1, 0.5, 1.0),
    num_draws: int = 5,
    kernel: Kernel = "linear",
    most_frames: int | None = None,
) -> dict[float, PhaseScore]:
    """Return how well phases are read when a share of the training episodes is labelled.

    What fools it: phases that follow the clock. A counter of frames reads them wherever films are
    equally fast, so it has to stand beside.

    Args:
        train_embeddings: (T_i, D) of each training episode.
        train_phases: (T_i,) of each, numbers or strings.
        test_embeddings: (T_j, D) of each test episode.
        test_phases: (T_j,) of each.
        generator: Draws the labelled episodes and the folds; the same state, the same result.
        fractions: Shares of the training episodes, in (0, 1]; at least one episode is taken.
        num_draws: Draws of the labelled episodes; where all are taken there is one.
        kernel: "linear", or "rbf", whose time rises with the square of the frames.
        most_frames: Most frames that a classifier learns on; of more, every k-th of each labelled
            episode is taken. None for all.

    Returns:
        {fraction: score}.

    Raises:
        MetricInputError: Shapes that do not fit, numbers that are not finite, or a bad fraction.
    """
    for fraction in fractions:
        if not 0 < fraction <= 1:
            raise MetricInputError(f"expected fractions above 0 and up to 1, found {fraction}")
    train = phase_episodes(train_embeddings, train_phases, "training")
    test = phase_episodes(test_embeddings, test_phases, "test")
    sizes = [max(1, int(fraction * len(train.phases) + 1e-9)) for fraction in fractions]
    scores = _scores(train, test, generator, sizes, num_draws, kernel, most_frames)
    return dict(zip(fractions, scores, strict=True))


def few_shot_classification(
    train_embeddings: Sequence[ArrayLike],
    train_phases: Sequence[ArrayLike],
    test_embeddings: Sequence[ArrayLike],
    test_phases: Sequence[ArrayLike],
    generator: np.random.Generator,
    *,
    shots: Sequence[int] = tuple(range(1, 11)),
    num_draws: int = 50,
    kernel: Kernel = "linear",
    most_frames: int | None = None,
) -> dict[int, PhaseScore]:
    """Return how well phases are read when 1 to 10 of the training episodes are labelled.

    Args:
        train_embeddings: (T_i, D) of each training episode.
        train_phases: (T_i,) of each, numbers or strings.
        test_embeddings: (T_j, D) of each test episode.
        test_phases: (T_j,) of each.
        generator: Draws the labelled episodes and the folds; the same state, the same result.
        shots: Numbers of labelled episodes, each from 1 to the number of training episodes.
        num_draws: Draws of the labelled episodes (TCC takes 50).
        kernel: As in `phase_classification`.
        most_frames: Likewise.

    Returns:
        {shots: score}.

    Raises:
        MetricInputError: Shapes that do not fit, numbers that are not finite, or more shots than
            training episodes.
    """
    train = phase_episodes(train_embeddings, train_phases, "training")
    test = phase_episodes(test_embeddings, test_phases, "test")
    for shot in shots:
        if not 1 <= shot <= len(train.phases):
            raise MetricInputError(
                f"expected 1 to {len(train.phases)} labelled episodes, the training episodes, "
                f"found {shot}; ask for fewer, or record more"
            )
    scores = _scores(train, test, generator, shots, num_draws, kernel, most_frames)
    return dict(zip(shots, scores, strict=True))


def published_phase_accuracy(
    train_embeddings: Sequence[ArrayLike],
    train_phases: Sequence[ArrayLike],
    test_embeddings: Sequence[ArrayLike],
    test_phases: Sequence[ArrayLike],
    fraction: float = 1.0,
) -> float:
    """Return the phase accuracy of TCC's code, classification.py.

    `sklearn.svm.SVC` as it is by default (RBF, C = 1, nothing standardised) on the frames of the
    first episodes; the share of all test frames right.

    What fools it: the most frequent phase. A collapsed embedding scores its share, which nothing
    tells; and one draw says nothing about another. `phase_classification` has chance, balanced
    accuracy and an interval.

    Args:
        train_embeddings: (T_i, D) of each training episode.
        train_phases: (T_i,) of each.
        test_embeddings: (T_j, D) of each test episode.
        test_phases: (T_j,) of each.
        fraction: Of the training episodes, in (0, 1]; the first ones are taken, at least one.

    Raises:
        MetricInputError: Shapes that do not fit, or numbers that are not finite.
    """
    hits = published_phase_hits(
        train_embeddings, train_phases, test_embeddings, test_phases, fraction
    )
    return float(np.concatenate(hits).mean())


def published_phase_hits(
    train_embeddings: Sequence[ArrayLike],
    train_phases: Sequence[ArrayLike],
    test_embeddings: Sequence[ArrayLike],
    test_phases: Sequence[ArrayLike],
    fraction: float = 1.0,
) -> list[NDArray[np.bool_]]:
    """Return whether each frame of each test episode is right, (T_j,), for an interval.

    Arguments and errors are those of `published_phase_accuracy`.
    """
    train = phase_episodes(train_embeddings, train_phases, "training")
    test = phase_episodes(test_embeddings, test_phases, "test")
    check_one_dimension(train.embeddings, test.embeddings)
    used = max(1, int(fraction * len(train.phases)))
    labels = np.concatenate(train.phases[:used])
    if len(np.unique(labels)) == 1:  # scikit-learn refuses a single class
        return [truth == labels[0] for truth in test.phases]
    machine = SVC(decision_function_shape="ovo").fit(
        np.concatenate(train.embeddings[:used]), labels
    )
    return [
        np.asarray(machine.predict(frames) == truth)
        for frames, truth in zip(test.embeddings, test.phases, strict=True)
    ]


def _scores(
    train: PhaseEpisodes,
    test: PhaseEpisodes,
    generator: np.random.Generator,
    sizes: Iterable[int],
    num_draws: int,
    kernel: Kernel,
    most_frames: int | None,
) -> list[PhaseScore]:
    check_one_dimension(train.embeddings, test.embeddings)
    if most_frames is not None and most_frames < 1:
        raise MetricInputError(f"expected most_frames of 1 or more, found {most_frames}")
    if num_draws < 1:
        raise MetricInputError(f"expected 1 draw or more, found {num_draws}")
    if kernel not in get_args(Kernel):
        raise MetricInputError(f"expected kernel linear or rbf, found {kernel!r}; choose one")
    count = len(train.phases)
    return [
        _score(
            train,
            test,
            [
                np.sort(generator.permutation(count)[:size])
                for _ in range(1 if size == count else num_draws)
            ],
            generator,
            kernel,
            most_frames,
        )
        for size in sizes
    ]


def _score(
    train: PhaseEpisodes,
    test: PhaseEpisodes,
    draws: Sequence[NDArray[np.int64]],
    generator: np.random.Generator,
    kernel: Kernel,
    most_frames: int | None,
) -> PhaseScore:
    frames, truth = np.concatenate(test.embeddings), np.concatenate(test.phases)  # (M, D), (M,)
    known = np.unique(truth)
    ends = np.cumsum([len(labels) for labels in test.phases])
    right, guesses, strengths = [], [], []
    for drawn in draws:
        labelled = _labelled(train, drawn, most_frames)
        labels = np.concatenate(labelled.phases)
        strength = chosen_strength(labelled, np.arange(len(drawn)), generator, kernel)
        predict = fitted_svm(np.concatenate(labelled.embeddings), labels, strength, kernel)
        right.append(predict(frames) == truth)
        guesses.append(_most_frequent(labels) == truth)
        strengths.append(strength)
    hits = np.stack(right)  # (draws, M)
    per_episode = _per_episode(hits, ends)
    per_phase = [float(hits[:, truth == phase].mean()) for phase in known]
    return PhaseScore(
        num_labelled=len(draws[0]),
        accuracy=float(per_episode.mean()),
        interval=_interval(per_episode, generator),
        pooled_accuracy=float(hits.mean()),
        balanced_accuracy=float(np.mean(per_phase)),
        per_phase={str(phase): share for phase, share in zip(known, per_phase, strict=True)},
        chance_accuracy=float(_per_episode(np.stack(guesses), ends).mean()),
        chance_balanced_accuracy=1 / len(known),
        per_episode=per_episode,
        strengths=tuple(strengths),
    )


def _labelled(
    train: PhaseEpisodes, drawn: NDArray[np.int64], most_frames: int | None
) -> PhaseEpisodes:
    """Return the episodes that were drawn, every k-th frame of each where there are too many."""
    count = sum(len(train.phases[i]) for i in drawn)
    step = 1 if most_frames is None else -(-count // most_frames)
    return PhaseEpisodes(
        [train.embeddings[i][::step] for i in drawn], [train.phases[i][::step] for i in drawn]
    )


def _per_episode(hits: NDArray[np.bool_], ends: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the mean of each episode's frames, (draws, M) -> (draws, N)."""
    parts = np.split(hits, ends[:-1], axis=1)
    return np.stack([part.mean(axis=1) for part in parts], axis=1)


def _interval(
    per_episode: NDArray[np.float64], generator: np.random.Generator, num_resamples: int = 2000
) -> tuple[float, float]:
    """Return the 95 % interval of the mean; draws and episodes are both drawn with replacement."""
    weights = [
        generator.multinomial(count, np.full(count, 1 / count), size=num_resamples) / count
        for count in per_episode.shape
    ]
    means = np.einsum("bi,ij,bj->b", weights[0], per_episode, weights[1], optimize=True)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def _most_frequent(labels: NDArray[Any]) -> Any:
    known, counts = np.unique(labels, return_counts=True)
    return known[counts.argmax()]

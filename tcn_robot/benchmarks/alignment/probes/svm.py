"""Support vector machines on standardised frames, their strength chosen on training episodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.svm import SVC, LinearSVC

from tcn_robot.benchmarks.alignment.probes.labels import PhaseEpisodes, Scaling, folds

Kernel = Literal["linear", "rbf"]
Predict = Callable[[NDArray[Any]], NDArray[Any]]
#: What C is chosen from; 1 where one labelled episode leaves nothing to choose by.
STRENGTHS = (0.01, 0.1, 1.0, 10.0)
_DEFAULT_STRENGTH = 1.0


def fitted_svm(
    frames: NDArray[Any], labels: NDArray[Any], strength: float, kernel: Kernel
) -> Predict:
    """Return the function from frames to phases; always the same phase where only one is known.

    Args:
        frames: (M, D), as they are: they are standardised here, and so is what is asked for.
        labels: (M,) phases.
        strength: C, the weight of what is wrong: larger is less regularised.
        kernel: "linear" or "rbf".
    """
    if len(np.unique(labels)) == 1:
        return lambda asked: np.full(len(asked), labels[0])
    scaling = Scaling.of(frames)
    if kernel == "linear":
        machine = LinearSVC(C=strength, dual=False, max_iter=2000)
    else:
        machine = SVC(C=strength)
    machine.fit(scaling(frames), labels)
    return lambda asked: np.asarray(machine.predict(scaling(asked)))


def chosen_strength(
    train: PhaseEpisodes,
    drawn: NDArray[np.int64],
    generator: np.random.Generator,
    kernel: Kernel,
) -> float:
    """Return the C that is right most often on labelled episodes held out in turn.

    Args:
        train: All training episodes.
        drawn: (n,), those that are labelled; no other is looked at.
        generator: Draws the folds.
        kernel: "linear" or "rbf".
    """
    held_out = folds(len(drawn), generator)
    if not held_out:
        return _DEFAULT_STRENGTH
    shares = np.zeros(len(STRENGTHS))
    for fold in held_out:
        rest = np.setdiff1d(np.arange(len(drawn)), fold)
        frames = np.concatenate([train.embeddings[i] for i in drawn[rest]])
        labels = np.concatenate([train.phases[i] for i in drawn[rest]])
        for s, strength in enumerate(STRENGTHS):
            predict = fitted_svm(frames, labels, strength, kernel)
            for i in drawn[fold]:
                shares[s] += (predict(train.embeddings[i]) == train.phases[i]).mean()
    return STRENGTHS[int(shares.argmax())]  # the strongest regularisation of equals

"""Probes: how well a simple classifier on frozen features knows the classes.

Pure functions on arrays. Whatever they learn, standardisation included, comes from the clips that
they are given to learn from.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tcn_robot.benchmarks.recognition.scores import top_k_hits
from tcn_robot.errors import UserError

NEIGHBOURS = (1, 5, 10, 20, 50)
COSTS = (0.001, 0.01, 0.1, 1.0, 10.0)
DEFAULT_COST = 0.1
TEMPERATURE = 0.07
LARGEST_GRADIENT = 1e-3
_MOST_ITERATIONS = 1000
_BLOCK_CLIPS = 1024

Features = NDArray[np.float64]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Standardisation:
    """Mean 0 and spread 1 on the clips it was fitted on; constant dimensions become 0.

    Attributes:
        mean: float64 (F,).
        spread: float64 (F,), 1 where nothing varies.
    """

    mean: Features
    spread: Features

    @classmethod
    def fit(cls, features: Features) -> Standardisation:
        """Take mean and standard deviation of (N, F).

        Raises:
            UserError: If there is none, or they are not finite.
        """
        if features.ndim != 2 or 0 in features.shape or not np.isfinite(features).all():
            raise UserError(
                f"expected finite features (clips, dimensions), found {features.shape}"
                f"{'' if np.isfinite(features).all() else ' with NaN or infinity'}"
            )
        spread = features.std(axis=0)
        # What varies by rounding only does not vary.
        tiny = spread <= 1e-9 * np.maximum(np.abs(features).max(axis=0), 1e-300)
        return cls(features.mean(axis=0), np.where(tiny, 1.0, spread))

    def apply(self, features: Features) -> Features:
        """Return (N, F) standardised; where nothing varied, 0."""
        centred = (features - self.mean) / self.spread
        tiny = 1e-9 * np.maximum(np.abs(self.mean), 1e-300)
        return np.where(np.abs(features - self.mean) <= tiny, 0.0, centred)


def neighbour_scores(
    train: Features,
    labels: Labels,
    test: Features,
    num_classes: int,
    k: int,
    temperature: float = TEMPERATURE,
) -> Features:
    """Return the votes of the k nearest training clips, each weighted by exp(cosine / temperature).

    The weighted vote of Wu et al. 2018 (section 3.4). Differs: with equal similarities at the k-th
    place, all of the tied vote with the share of a place that is left for them, so that the order
    of the clips does not matter and a collapsed embedding votes by the classes' sizes alone.

    Args:
        train: float64 (N, F), standardised.
        labels: int (N,), their classes.
        test: float64 (M, F).
        num_classes: C.
        k: Neighbours that vote, cut to N.
        temperature: Small: the nearest decides.

    Returns:
        float64 (M, C), each row summing to 1.
    """
    known, asked = _unit(train), _unit(test)
    k = min(k, len(known))
    member = np.zeros((len(known), num_classes))
    member[np.arange(len(known)), labels] = 1.0
    votes = np.empty((len(asked), num_classes))
    for start in range(0, len(asked), _BLOCK_CLIPS):
        similar = asked[start : start + _BLOCK_CLIPS] @ known.T  # (B, N)
        similar = np.round(similar, 12)  # the same direction gives the same number
        border = -np.partition(-similar, k - 1, axis=1)[:, k - 1 : k]  # (B, 1)
        above, tied = similar > border, similar == border
        share = (k - above.sum(axis=1, keepdims=True)) / tied.sum(axis=1, keepdims=True)
        best = similar.max(axis=1, keepdims=True)
        weights = (above + tied * share) * np.exp((similar - best) / temperature)
        votes[start : start + _BLOCK_CLIPS] = weights @ member
    return votes / votes.sum(axis=1, keepdims=True)


def linear_scores(
    train: Features,
    labels: Labels,
    test: Features,
    num_classes: int,
    cost: float,
    largest_gradient: float = LARGEST_GRADIENT,
) -> Features:
    """Return log-odds of a multinomial logistic regression with an L2 penalty.

    scikit-learn's, by L-BFGS. Features are turned into the span of the training clips first: with
    an L2 penalty the solution lies there, so that nothing changes but the time.

    Args:
        train: float64 (N, F), standardised.
        labels: int (N,), their classes; some may be absent.
        test: float64 (M, F).
        num_classes: C.
        cost: C of scikit-learn: the inverse of the penalty's weight.
        largest_gradient: Of the mean loss, at which it ends. A tenth of the default takes twice
            as long and changes no accuracy by more than a clip or two in a hundred.

    Returns:
        float64 (M, C); -inf for classes without a training clip.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    present = np.unique(labels)
    scores = np.full((len(test), num_classes), -np.inf)
    if len(present) == 1:
        scores[:, present[0]] = 0.0
        return scores
    train, test = in_span(train, test)
    probe = LogisticRegression(C=cost, max_iter=_MOST_ITERATIONS, tol=largest_gradient)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # far along is good enough to choose
        # One label per class is asked for, and no sign of a regression.
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
        probe.fit(train, labels)
    odds = probe.decision_function(test)
    if len(present) == 2:  # scikit-learn then gives the second class's alone
        odds = np.stack([-odds, odds], axis=1)
    scores[:, present] = odds
    return scores


def in_span(train: Features, test: Features) -> tuple[Features, Features]:
    """Turn features into the span of the training clips, where that has fewer dimensions.

    Inner products with training clips stay as they are, and so does whatever is learnt with an
    L2 penalty.

    Args:
        train: float64 (N, F).
        test: float64 (M, F).

    Returns:
        float64 (N, R) and (M, R), R the rank of `train` where N < F, else as they were.
    """
    if train.shape[1] <= len(train):
        return train, test
    _, values, directions = np.linalg.svd(train, full_matrices=False)
    directions = directions[values > 1e-10 * max(float(values[0]), 1e-300)]  # (R, F)
    if not len(directions):
        directions = np.zeros((1, train.shape[1]))
    return train @ directions.T, test @ directions.T


def choose(
    train: Features,
    labels: Labels,
    is_validation: NDArray[np.bool_],
    num_classes: int,
    probe: str,
) -> float:
    """Return the k, or the cost, that is best on validation clips; the smaller of equals.

    Args:
        train: float64 (N, F), the whole training half, not standardised.
        labels: int (N,).
        is_validation: bool (N,), which of them validate; never test clips.
        num_classes: C.
        probe: "knn" or "linear".

    Returns:
        One of `NEIGHBOURS` or `COSTS`; with no validation clip the first, or `DEFAULT_COST`.
    """
    if not is_validation.any():
        return DEFAULT_COST if probe == "linear" else float(NEIGHBOURS[0])
    hits = validation_hits(train, labels, is_validation, num_classes, probe)
    return candidates(probe)[int(np.argmax(hits))]


def candidates(probe: str) -> Sequence[float]:
    """Return what can be chosen for a probe."""
    return COSTS if probe == "linear" else tuple(map(float, NEIGHBOURS))


def validation_hits(
    train: Features,
    labels: Labels,
    is_validation: NDArray[np.bool_],
    num_classes: int,
    probe: str,
) -> NDArray[np.float64]:
    """Return how many validation clips each candidate gets right, in the order of `candidates`."""
    fitted = Standardisation.fit(train[~is_validation])
    known = fitted.apply(train[~is_validation])
    asked = fitted.apply(train[is_validation])
    if probe == "linear":
        known, asked = in_span(known, asked)  # once for all candidates
    return np.array(
        [
            top_k_hits(
                scores_of(probe, known, labels[~is_validation], asked, num_classes, one),
                labels[is_validation],
                1,
            ).sum()
            for one in candidates(probe)
        ]
    )


def scores_of(
    probe: str,
    train: Features,
    labels: Labels,
    test: Features,
    num_classes: int,
    chosen: float,
) -> Features:
    """Return the scores of a probe, "knn" or "linear", with its hyper-parameter as chosen."""
    if probe == "linear":
        return linear_scores(train, labels, test, num_classes, chosen)
    return neighbour_scores(train, labels, test, num_classes, int(chosen))


def _unit(features: Features) -> Features:
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    return features / np.where(lengths > 0, lengths, 1.0)

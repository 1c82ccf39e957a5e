"""A classifier of the goal on frozen embeddings: a baseline of XIRL (Zakka et al. 2021)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from tcn_robot.errors import UserError
from tcn_robot.rewards.frames import embed_demos
from tcn_robot.rewards.interface import Embedder
from tcn_robot.rewards.options import checked_options
from tcn_robot.rewards.reading import array_of, files_of, numbers_per_view
from tcn_robot.rewards.single_frames import SingleFrameReward
from tcn_robot.rewards.storage import read_fitted, save_fitted, stored_encoder


@dataclass(frozen=True)
class ClassifierOptions:
    """Options of the classifier reward.

    Attributes:
        goal_frames: Frames at the end of each demonstration that show the goal, >= 1. At most half
            of a demonstration's frames count as such, and one at least.
        inverse_penalty: Of the squared weights of standardised embeddings, > 0; the smaller, the
            smoother.
    """

    goal_frames: int = 3
    inverse_penalty: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what has no meaning."""
        if self.goal_frames < 1:
            raise UserError(f"expected 1 goal frame or more, found {self.goal_frames}")
        if not (np.isfinite(self.inverse_penalty) and self.inverse_penalty > 0):
            raise UserError(f"expected an inverse_penalty above 0, found {self.inverse_penalty}")


class ClassifierReward(SingleFrameReward):
    """Probability that a frame shows the goal, by logistic regression; range [0, 1].

    The last frames of the demonstrations are the goal, those before are not. Both kinds weigh the
    same in all, so a frame that tells nothing scores 1/2. Several views: the mean.

    Differs from XIRL's baseline, which trains a whole network on such frames: here the embedding is
    frozen and one linear layer is learnt.
    """

    def __init__(
        self, encoder: Embedder, weights: dict[str, NDArray[np.float32]], biases: dict[str, float]
    ) -> None:
        """Use `fit` to make one from demonstrations.

        Args:
            encoder: Maps frames to embeddings.
            weights: {view: float32 (D,)}, of embeddings as they are.
            biases: {view: the logit of an embedding of zeros}.
        """
        super().__init__(encoder, tuple(weights))
        self.weights = weights
        self.biases = biases

    @classmethod
    def fit(
        cls,
        encoder: Embedder,
        demos: Sequence[Mapping[str, Any]],
        *,
        calibration: Sequence[Mapping[str, Any]] | None = None,
        views: Sequence[str] | None = None,
        **options: Any,
    ) -> ClassifierReward:
        """Learn to tell the demonstrations' last frames from those before.

        Args:
            encoder: Maps frames to embeddings.
            demos: {view: uint8 (T, H, W, 3)} per demonstration. Where all have one frame only there
                is nothing to tell apart, and every frame scores 1/2.
            calibration: Further demonstrations, learnt from like `demos`.
            views: The views to use; all those of the first demonstration when None.
            **options: Fields of `ClassifierOptions`.

        Raises:
            UserError: Demonstrations that lack frames or views, or a bad option.
        """
        checked = checked_options("classifier", ClassifierOptions, options)
        chosen, embedded = embed_demos(encoder, demos, views)
        if calibration:
            embedded += embed_demos(encoder, calibration, chosen, "calibration demonstration")[1]
        weights, biases = {}, {}
        for view in chosen:
            weights[view], biases[view] = _fitted([demo[view] for demo in embedded], checked)
        return cls(encoder, weights, biases)

    def score_embedded(self, view: str, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probability of the goal, (N, D) -> (N,)."""
        return np.asarray(expit(rows @ self.weights[view] + self.biases[view]))

    def save(self, folder: Path) -> None:
        """Write the fitted reward and its encoder."""
        save_fitted(folder, "classifier", self.encoder, {"biases": self.biases}, dict(self.weights))

    @classmethod
    def load(cls, folder: Path, encoder: Embedder | None = None) -> ClassifierReward:
        """Read what `save` has written; the stored encoder is used when none is given.

        Raises:
            UserError: Nothing usable there, a damaged reward, or another encoder.
        """
        _, options, arrays = read_fitted(folder)
        with files_of(folder):
            biases = numbers_per_view(options["biases"], "biases")
            weights = {view: array_of(arrays, view, (None,)) for view in biases}
        return cls(stored_encoder(folder, encoder, arrays), weights, biases)


def _fitted(
    films: Sequence[NDArray[np.float32]], options: ClassifierOptions
) -> tuple[NDArray[np.float32], float]:
    """Return weights (D,) and bias of a logistic regression on films of (T, D)."""
    from sklearn.linear_model import LogisticRegression

    shows = [_shows_goal(len(film), options.goal_frames) for film in films]
    embeddings, labels = np.concatenate(films).astype(np.float64), np.concatenate(shows)
    if labels.all():
        return np.zeros(embeddings.shape[1], dtype=np.float32), 0.0
    mean, deviation = embeddings.mean(axis=0), embeddings.std(axis=0)
    deviation = np.where(deviation > 0.0, deviation, 1.0)
    model = LogisticRegression(
        C=options.inverse_penalty, class_weight="balanced", max_iter=1000, random_state=0
    ).fit((embeddings - mean) / deviation, labels)
    weights = model.coef_[0] / deviation
    return weights.astype(np.float32), float(model.intercept_[0] - weights @ mean)


def _shows_goal(frames: int, goal_frames: int) -> NDArray[np.bool_]:
    """Return which frames of a demonstration show the goal, (T,)."""
    count = max(min(goal_frames, frames // 2), 1)
    return np.arange(frames) >= frames - count
